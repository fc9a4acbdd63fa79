"""The queue of drafting's work: due requests, taken under leases."""

from collections.abc import Collection, Iterable

import asyncpg
import structlog

from consumer.adapters.postgres.core import from_rows
from consumer.adapters.postgres.core.faults import reachable, transaction
from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.intake.erasure import tickets_of
from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.reader import versions
from consumer.domain.request import schedule
from consumer.domain.request.work import IN_COMPANY, Work
from consumer.domain.session.history import SessionHistory
from consumer.flows.drafting.ports import Lane, Outage, Waiting
from schemas.packages import TicketReference

log = structlog.stdlib.get_logger("escalation.postgres")

_queries = Queries("leases")
_sessions = Queries("sessions")
_FIRST, _LATER, _REPLAYED = range(3)
_CLASSES = {Lane.MODEL: (_FIRST, _LATER), Lane.REPLAY: (_REPLAYED,), Lane.RULES: (_FIRST, _LATER, _REPLAYED)}
"""Tens of the rank, in the order in which they are worked on."""
_TENANTS_LOOKED_AT = 16
"""Those with the fewest leases go first. Each costs a look into an index."""
_DEADLINES_LOOKED_AT = 10_000
"""Fallbacks for these take minutes; looking at them takes a few milliseconds, once a second."""


class PostgresWorkQueue:
    """Implements the port `flows.drafting.ports.WorkQueue`. Raises Transient while the database is away."""

    def __init__(
        self,
        pool: Pool,
        *,
        lease_seconds: float,
        margin_seconds: float,
        probe_seconds: float,
        model_name: str | None,
        only_replay: str | None = None,
        named: bool = False,
    ) -> None:
        """A first package has to be decided `margin_seconds` (at most a quarter of its deadline) before the deadline.

        `probe_seconds` is the pause between two probes while the model is away. `model_name` is None without a key.
        With `only_replay` the queue gives out the work of that planned replay alone. `named` says that no other process
        has connections of the pool's name.
        """
        self._pool = pool
        self._lease_seconds = lease_seconds
        self._margin_seconds = margin_seconds
        self._probe_seconds = probe_seconds
        self._model_name = model_name
        self._only_replay = only_replay
        self._named = named
        self._served: dict[tuple[Lane, int], str] = {}
        """The tenant whose turn was the last one, by lane and class."""

    async def waiting(self, limit: int, *, reach_seconds: float) -> Waiting:
        async with reachable(self._pool):
            row = await self._pool.fetchrow(
                _queries.waiting, self._lease_seconds, self._margin_seconds, limit, reach_seconds, IN_COMPANY
            )
        assert row is not None  # noqa: S101 - the query has one row
        outage = None if row["reason"] is None else Outage(reason=row["reason"], probe_due=row["probe_due"])
        return Waiting(outage=outage, urgent=row["urgent"], live=row["live"], replayed=row["replayed"])

    async def claim(self, lane: Lane, limit: int) -> list[Work]:
        if self._only_replay is not None and lane is not Lane.REPLAY:
            return []
        rows: list[asyncpg.Record] = []
        async with reachable(self._pool):
            for tens in _CLASSES[lane]:
                while len(rows) < limit and (more := await self._round(lane, tens, limit - len(rows))):
                    rows += more
        return _works(rows)

    async def _round(self, lane: Lane, tens: int, limit: int) -> list[asyncpg.Record]:
        """The next turns. They may be fewer than `limit` though more work waits, but are none only if none waits."""
        rows = await self._pool.fetch(
            _queries.claim,
            self._lease_seconds,
            self._margin_seconds,
            limit,
            lane is not Lane.RULES,
            tens,
            versions.PROMPTS,
            self._model_name,
            self._only_replay,
            self._served.get((lane, tens), ""),
            max(limit, _TENANTS_LOOKED_AT),
            IN_COMPANY,
        )
        if rows:
            self._served[lane, tens] = rows[-1]["tenant_id"]
        return rows

    async def claim_urgent(self, limit: int, *, reach_seconds: float) -> list[Work]:
        if self._only_replay is not None:
            return []
        async with reachable(self._pool):
            return _works(
                await self._pool.fetch(
                    _queries.claim_urgent, self._lease_seconds, self._margin_seconds, limit, reach_seconds, IN_COMPANY
                )
            )

    async def take_back(self) -> None:
        if self._named:
            async with reachable(self._pool):
                await self._pool.execute(_queries.take_back)

    async def any_lost(self) -> bool:
        async with reachable(self._pool):
            lost: bool = await self._pool.fetchval(_queries.any_lost, IN_COMPANY)
        return lost

    async def claim_lost(self) -> Work | None:
        async with reachable(self._pool):
            row = await self._pool.fetchrow(
                _queries.claim_lost,
                self._lease_seconds,
                self._margin_seconds,
                IN_COMPANY,
                self._only_replay,
                versions.PROMPTS,
                self._model_name,
            )
        return None if row is None else _work(row)

    async def reach(self, fallback_seconds: float) -> float:
        async with reachable(self._pool):
            reach: float = await self._pool.fetchval(
                _queries.reach, self._margin_seconds, fallback_seconds, _DEADLINES_LOOKED_AT
            )
        return reach

    async def claim_probe(self) -> Work | None:
        async with transaction(self._pool) as connection:
            candidate = None if self._only_replay is not None else await _next_to_probe(connection)
            of_replay = candidate is None
            if candidate is None:
                terms = (self._only_replay, versions.PROMPTS, self._model_name)
                candidate = await connection.fetchrow(_queries.probe_replay, *terms)
            if candidate is None:
                return None
            *key, ended_at = candidate
            if not await connection.fetchval(_queries.take_probe, self._probe_seconds, ended_at):
                return None
            row = await connection.fetchrow(
                _queries.lease_probe,
                self._lease_seconds,
                self._margin_seconds,
                *key,
                of_replay,
                schedule.REPLAYED if of_replay else schedule.LATER,
            )
        return None if row is None else _work(row)

    async def renew(self, works: Collection[Work]) -> None:
        if works:
            leases = columns([(*work.key, work.token) for work in works], 4)
            async with reachable(self._pool):
                await self._pool.execute(_queries.renew_leases, *leases, self._lease_seconds)

    async def left_seconds(self, work: Work) -> float | None:
        async with reachable(self._pool):
            tenant, session, request = work.key
            left: float | None = await self._pool.fetchval(
                _queries.left_seconds, tenant, self._margin_seconds, session, request
            )
        return left

    async def release(self, work: Work, *, in_seconds: float, counted: bool) -> None:
        async with reachable(self._pool):
            released = await self._pool.execute(_queries.release, *work.key, work.token, in_seconds, counted)
            if released == "UPDATE 0" and not counted:
                await self._pool.execute(_queries.forget_attempt, *work.key, work.token)

    async def wait_for_state(self, work: Work) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.wait_for_state, *work.key, work.token)

    async def history(self, key: SessionKey) -> SessionHistory | None:
        async with reachable(self._pool):
            return from_rows.history(key, await self._pool.fetch(_sessions.history, *key))

    async def ticket(self, key: SessionKey) -> TicketReference | None:
        async with transaction(self._pool, readonly=True) as connection:
            return (await tickets_of(connection, {key})).get(key)

    async def hasten_upgrade(self, key: RequestKey) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.hasten_upgrade, *key, schedule.LATER)


async def _next_to_probe(connection: Connection) -> asyncpg.Record | None:
    """The upgrades take turns at probing, the longest waiting first."""
    last = await connection.fetchval(_queries.probed_to)
    candidate = await connection.fetchrow(_queries.probe_candidate, last)
    return candidate or await connection.fetchrow(_queries.probe_candidate, None)


def _works(rows: Iterable[asyncpg.Record]) -> list[Work]:
    return [work for row in rows if (work := _work(row)) is not None]


def _work(row: asyncpg.Record) -> Work | None:
    """None for a request that this release cannot read. A newer one may have written it: it is left to that release.

    It stays leased until the lease runs out, and holds up no other work.
    """
    try:
        return from_rows.work(row)
    except (ValueError, KeyError) as error:
        log.warning(
            "A request was left alone: this release cannot read its row.",
            event_name="work_unreadable",
            tenant=row["tenant_id"],
            session=row["session_id"],
            request=row["request_id"],
            error=type(error).__name__,
        )
        return None
