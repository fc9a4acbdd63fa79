"""Reads spend, policies and feedback for the console."""

import json
from collections.abc import Iterable
from datetime import date

import asyncpg

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.viewing.look import Looker
from consumer.flows.viewing.console.accounts import (
    MOST_CALLS,
    MOST_FEEDBACK,
    MOST_UNPOSTED,
    DearPackage,
    FeedbackFilter,
    FeedbackSum,
    GivenFeedback,
    SetPolicy,
    Spending,
    SpendSum,
    UnpostedPackage,
)

_queries = Queries("accounts")
_MOST_TENANTS = 50
_MOST_DEAR = 20


class PostgresAccountViews(Looker):
    """Implements the port `flows.viewing.console.accounts.AccountReader`."""

    def __init__(self, pool: Pool, *, monthly_budget_usd: float | None) -> None:
        super().__init__(pool)
        self._monthly_budget_usd = monthly_budget_usd

    async def spending(self, since: date, tenant: str | None) -> Spending:
        payer = tenant or ""
        async with self._look() as connection:
            by_day = await connection.fetch(_queries.by_day, payer, since)
            by_model = await connection.fetch(_queries.by_model, payer, since)
            by_tenant = [] if tenant else await connection.fetch(_queries.by_tenant, since, _MOST_TENANTS)
            month = await connection.fetchrow(_queries.this_month, payer)
            assert month is not None  # noqa: S101 - the query always has a row
            dearest = await connection.fetch(_queries.dearest, since, tenant, MOST_CALLS, _MOST_DEAR)
        days = _sums(by_day)
        return Spending(
            total=_total(days),
            by_day=days,
            by_model=_sums(by_model),
            by_tenant=_sums(by_tenant),
            dearest=tuple(DearPackage(**dict(row)) for row in dearest),
            this_month_usd=month["usd"],
            held_usd=month["held_usd"],
            budget_usd=month["budget_usd"] if tenant else self._monthly_budget_usd,
        )

    async def policies(self, tenant: str | None, *, after: str, limit: int) -> list[SetPolicy]:
        rows = await self._rows(_queries.policies, tenant, after, limit)
        return [SetPolicy(**{**row, "previous": json.loads(row["previous"] or "null")}) for row in rows]

    async def feedback(self, chosen: FeedbackFilter, limit: int) -> list[GivenFeedback]:
        return [_given(row) for row in await self._rows(_queries.feedback, *_arguments(chosen), limit)]

    async def feedback_sums(self, chosen: FeedbackFilter) -> list[FeedbackSum]:
        rows = await self._rows(_queries.feedback_sums, *_arguments(chosen), MOST_FEEDBACK)
        return [FeedbackSum(**dict(row)) for row in rows]

    async def unposted(self, tenant: str | None, *, minutes: float, limit: int) -> list[UnpostedPackage]:
        rows = await self._rows(_queries.unposted, tenant, minutes, limit, MOST_UNPOSTED)
        return [UnpostedPackage(**dict(row)) for row in rows]

    async def _rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        async with self._look() as connection:
            return list(await connection.fetch(query, *arguments))


def _arguments(chosen: FeedbackFilter) -> tuple[object, ...]:
    """$1 to $4 of `feedback_of` in accounts.sql."""
    return chosen.tenant, chosen.outcome, chosen.days, chosen.before


def _sums(rows: Iterable[asyncpg.Record]) -> tuple[SpendSum, ...]:
    return tuple(SpendSum(**dict(row)) for row in rows)


def _total(sums: Iterable[SpendSum]) -> SpendSum:
    days = list(sums)
    return SpendSum(
        name="all",
        calls=sum(day.calls for day in days),
        usd=sum((day.usd for day in days), 0.0),
        input_tokens=sum(day.input_tokens for day in days),
        output_tokens=sum(day.output_tokens for day in days),
        cache_read_input_tokens=sum(day.cache_read_input_tokens for day in days),
        cache_creation_input_tokens=sum(day.cache_creation_input_tokens for day in days),
    )


def _given(row: asyncpg.Record) -> GivenFeedback:
    said = json.loads(row["said"])
    columns = {name: value for name, value in row.items() if name != "said"}
    return GivenFeedback(
        **columns,
        reason=said.get("reason"),
        comment=said.get("comment"),
        tags=tuple(said.get("tags") or ()),
        edited_sections=tuple(said.get("edited_sections") or ()),
    )
