"""Reads what needs attention now."""

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.viewing.look import Looker
from consumer.adapters.postgres.viewing.requests import views_of
from consumer.domain.events import TopicPartition
from consumer.flows.viewing.overview import (
    AHEAD_SECONDS,
    AHEAD_VERSIONS,
    COUNTED,
    DEAD_LETTER_HOURS,
    NEAR_ROWS,
    NEAR_SECONDS,
    ModelOutageView,
    OutboxView,
    Overview,
    ReadingView,
    RefusedRecords,
    SpendView,
    UpgradesView,
    WaitingView,
)
from schemas.dead_letters import RefusalReason

_now = Queries("viewing_now")
_requests = Queries("viewing_requests")
_spend = Queries("spend")


class OverviewTables(Looker):
    """Implements the port `flows.viewing.ports.OverviewReader`."""

    def __init__(self, pool: Pool, *, monthly_budget_usd: float | None) -> None:
        super().__init__(pool)
        self._monthly_budget_usd = monthly_budget_usd

    async def overview(self) -> Overview:
        async with self._look() as connection:
            waiting = await connection.fetchrow(_now.waiting, COUNTED)
            near = await views_of(connection, await connection.fetch(_requests.near_deadline, NEAR_SECONDS, NEAR_ROWS))
            ahead = await views_of(
                connection,
                await connection.fetch(_requests.ahead, COUNTED, AHEAD_VERSIONS, AHEAD_SECONDS, NEAR_ROWS),
            )
            refused = await connection.fetch(_now.dead_letters, COUNTED, DEAD_LETTER_HOURS)
            spend = await connection.fetchrow(_now.spend)
            over = await connection.fetch(_spend.nearly_spent, None, 1.0)
            outbox = await connection.fetchrow(_now.outbox, COUNTED)
            outage = await connection.fetchrow(_now.outage)
            reading = await connection.fetch(_now.reading, COUNTED)
        assert waiting is not None and spend is not None and outbox is not None  # noqa: S101, PT018 - aggregates
        return Overview(
            read_at=waiting["read_at"],
            waiting=WaitingView(
                open_requests=waiting["open_requests"],
                due=waiting["due"],
                leased=waiting["leased"],
                with_still_clock=waiting["with_still_clock"],
                oldest_seconds=waiting["oldest_seconds"],
                near_deadline=tuple(near),
                ahead=tuple(ahead),
            ),
            upgrades=UpgradesView(waiting=waiting["upgrades"], oldest_seconds=waiting["upgrade_seconds"]),
            dead_letters=tuple(
                RefusedRecords(reason=RefusalReason(row["reason"]), count=row["count"], newest_at=row["newest_at"])
                for row in refused
            ),
            spend=SpendView(
                today_usd=spend["today_usd"],
                month_usd=spend["month_usd"],
                held_usd=spend["held_usd"],
                budget_usd=self._monthly_budget_usd,
                tenants_over=tuple(row["tenant_id"] for row in over),
            ),
            outbox=OutboxView(**dict(outbox.items())),
            outage=None if outage is None else ModelOutageView(**dict(outage.items())),
            reading=tuple(
                ReadingView(
                    partition=TopicPartition(row["topic"], row["partition"]),
                    next_offset=row["next_offset"],
                    still_seconds=row["still_seconds"],
                    awaited_offset=row["upto"],
                )
                for row in reading
            ),
            packages_last_hour=waiting["packages"],
            fallbacks_last_hour=waiting["fallbacks"],
        )
