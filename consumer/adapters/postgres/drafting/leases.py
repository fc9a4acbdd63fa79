"""The queue of drafting's work: due requests, taken under leases."""

from collections.abc import Collection

import asyncpg
import structlog

from consumer.adapters.postgres.core import from_rows
from consumer.adapters.postgres.core.faults import reachable, transaction
from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.request import schedule
from consumer.domain.request.work import Work
from consumer.domain.session.history import SessionHistory
from consumer.domain.writing import prompt
from consumer.flows.drafting.ports import Lane

log = structlog.stdlib.get_logger("escalation.postgres")

_queries = Queries("leases")
_sessions = Queries("sessions")
_LAST_RANK = 100
_RANKS = {
    Lane.MODEL: (0, schedule.REPLAYED),
    Lane.REPLAY: (schedule.REPLAYED + 1, _LAST_RANK),
    Lane.RULES: (0, _LAST_RANK),
}


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
    ) -> None:
        """A first package has to be decided `margin_seconds` (at most a quarter of its deadline) before the deadline.

        `probe_seconds` is the pause between two probes while the model is away. `model_name` is None without a key.
        With `only_replay` the queue gives out the work of that planned replay alone.
        """
        self._pool = pool
        self._lease_seconds = lease_seconds
        self._margin_seconds = margin_seconds
        self._probe_seconds = probe_seconds
        self._model_name = model_name
        self._only_replay = only_replay

    async def claim(self, lane: Lane, limit: int) -> list[Work]:
        if self._only_replay is not None and lane is not Lane.REPLAY:
            return []
        async with reachable(self._pool):
            if lane is Lane.URGENT:
                rows = await self._pool.fetch(_queries.claim_urgent, self._lease_seconds, self._margin_seconds, limit)
            else:
                rows = await self._pool.fetch(
                    _queries.claim,
                    self._lease_seconds,
                    self._margin_seconds,
                    limit,
                    lane is not Lane.RULES,
                    *_RANKS[lane],
                    prompt.VERSION,
                    self._model_name,
                    self._only_replay,
                )
        return [work for row in rows if (work := _work(row)) is not None]

    async def claim_probe(self) -> Work | None:
        async with transaction(self._pool) as connection:
            candidate = None if self._only_replay is not None else await _next_to_probe(connection)
            of_replay = candidate is None
            if candidate is None:
                terms = (self._only_replay, prompt.VERSION, self._model_name)
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

    async def release(self, work: Work, *, in_seconds: float, counted: bool) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.release, *work.key, work.token, in_seconds, counted)

    async def wait_for_state(self, work: Work) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.wait_for_state, *work.key, work.token)

    async def history(self, key: SessionKey) -> SessionHistory | None:
        async with reachable(self._pool):
            return from_rows.history(key, await self._pool.fetch(_sessions.history, *key))

    async def hasten_upgrade(self, key: RequestKey) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.hasten_upgrade, *key, schedule.LATER)


async def _next_to_probe(connection: Connection) -> asyncpg.Record | None:
    """The upgrades take turns at probing, the longest waiting first."""
    last = await connection.fetchval(_queries.probed_to)
    candidate = await connection.fetchrow(_queries.probe_candidate, last)
    return candidate or await connection.fetchrow(_queries.probe_candidate, None)


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
