"""Stores that are made whole from the topics: they take what was published as it is."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from consumer.adapters.postgres.core.faults import reachable, transaction
from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.intake import erasure
from consumer.adapters.postgres.intake.publishing import put_publications
from consumer.adapters.postgres.operation.copying import put_package
from consumer.domain.events import Request, RequestKey, SessionKey, TopicPartition
from consumer.domain.package.export import Copy, MadeFrom
from consumer.domain.package.package import Sender
from consumer.domain.package.published import PublishedOutcome
from consumer.domain.request.schedule import LATER, RevisionRules
from consumer.errors import Permanent, Transient
from schemas.packages import Cause, Caution, PackageFailed, PackageReady, PackageStatus, PackageWithdrawn

_ALONE = 0x65_73_63_62  # an advisory lock of a transaction, so that it works behind a transaction pooler too
_LONG_SECONDS = 60.0

_queries = Queries("rebuild")
_inbox = Queries("inbox")
_trust = Queries("trust")


class PostgresOutcomes:
    """Implements the port `flows.rebuild.ports.OutcomeStore`. Raises Transient while the database is away."""

    def __init__(self, pool: Pool, *, sender: Sender, models: Collection[str], rules: RevisionRules) -> None:
        """`models` are the configured one, then the one asked after a refusal. Drafts of both have the first's key."""
        self._pool = pool
        self._sender = sender
        self._models = tuple(models)
        self._rules = rules

    async def positions(self) -> dict[TopicPartition, int]:
        return await _positions(self._pool)

    async def date_requests(
        self, requests: Sequence[tuple[Request, datetime]], positions: Mapping[TopicPartition, int]
    ) -> None:
        first: dict[RequestKey, datetime] = {}
        for request, at in requests:
            first[request.key] = min(at, first.get(request.key, at))
        dated = columns([(*key, at) for key, at in first.items()], 4)
        async with transaction(self._pool) as connection:
            await connection.execute(_queries.date_requests, *dated)
            await _put_positions(connection, positions)

    async def unknown(self, outcomes: Sequence[PublishedOutcome]) -> int:
        keys = sorted({outcome.key for outcome in outcomes})
        async with reachable(self._pool):
            return len(keys) - len(await self._pool.fetch(_queries.known_requests, *columns(keys, 3)))

    async def put_outcomes(self, outcomes: Sequence[PublishedOutcome], positions: Mapping[TopicPartition, int]) -> None:
        async with transaction(self._pool) as connection:
            sessions = columns(sorted({outcome.key.session for outcome in outcomes}), 2)
            await connection.execute(_queries.add_sessions, *sessions)
            rows = await connection.fetch(_queries.lock_sessions, *sessions)
            erased = {SessionKey(row["tenant_id"], row["session_id"]) for row in rows if row["erased"]}
            erased |= await self._erase(connection, outcomes, erased)
            for outcome in outcomes:
                await self._put(connection, outcome, erased)
            await _put_positions(connection, positions)

    async def _erase(
        self, connection: Connection, outcomes: Sequence[PublishedOutcome], erased: Collection[SessionKey]
    ) -> set[SessionKey]:
        """Erases the sessions whose erasure only an outcome mentions; returns their keys.

        The erasure's own record has left its topic, but older records of the session have not.
        """
        unheard = {outcome.key.session for outcome in outcomes if outcome.tells_erasure} - set(erased)
        if unheard:
            now: datetime = await connection.fetchval(_inbox.clock)
            await erasure.erase(connection, unheard, (), self._sender, now)  # its publications are published already
        return unheard

    async def _put(self, connection: Connection, outcome: PublishedOutcome, erased: Collection[SessionKey]) -> None:
        match outcome.said:
            case PackageReady() as package:
                await self._put_ready(connection, outcome, package, keep=outcome.key.session not in erased)
            case PackageWithdrawn() as withdrawal:
                failure = None if withdrawal.reason == "cancelled" else withdrawal.reason
                await self._put_end(connection, outcome, "cancelled", failure)
            case PackageFailed() as failed:
                await self._put_end(connection, outcome, "failed", failed.reason)

    async def _put_ready(
        self, connection: Connection, outcome: PublishedOutcome, package: PackageReady, *, keep: bool
    ) -> None:
        waits = package.status is PackageStatus.FALLBACK and Caution.MODEL_UNAVAILABLE in package.warnings
        await connection.execute(
            _queries.note_ready,
            *outcome.key,
            package.revision,
            package.package_id,
            outcome.at,
            package.cause is Cause.STATE_CHANGED,
            package.requested_state_version,
            waits,
        )
        if keep:
            made_from = MadeFrom(arrivals=package.provenance.event_count, model=self._key_model(package))
            await put_package(connection, Copy(package=package, published_at=outcome.at, made_from=made_from))

    async def _put_end(
        self, connection: Connection, outcome: PublishedOutcome, state: str, failure: str | None
    ) -> None:
        await connection.execute(
            _queries.note_end, *outcome.key, state, failure, outcome.at, outcome.said.requested_state_version
        )

    def _key_model(self, package: PackageReady) -> str | None:
        model = package.provenance.model
        return self._models[0] if model in self._models else model

    async def _presume(self, connection: Connection, forgotten_before: datetime | None) -> int:
        if forgotten_before is None:
            return 0
        command_tag = await connection.execute(_queries.presume_answered, forgotten_before)
        return int(command_tag.split()[-1])

    async def _wake_changed(self, connection: Connection) -> None:
        rules = self._rules
        await connection.execute(_queries.wake_changed, rules.window_seconds, rules.limit, LATER)


class RebuiltStore(PostgresOutcomes):
    """Implements the port `flows.rebuild.ports.RebuildStore`: a store that nobody uses yet."""

    async def begin(self) -> None:
        async with reachable(self._pool):
            begun = await self._pool.fetchrow(_queries.begun)
            if await self._pool.fetchval(_queries.has_served if begun else _queries.is_filled):
                raise Permanent("DATABASE_URL is a store in use. A rebuild needs an empty database of its own.")
            await self._pool.execute(_queries.begin)

    async def finish(self, *, forgotten_before: datetime | None, whole: bool) -> int:
        async with transaction(self._pool) as connection:
            presumed = await self._presume(connection, forgotten_before)
            if whole:
                await self._wake_changed(connection)
                await connection.execute(_queries.finish)
        return presumed


class CaughtUpStore(PostgresOutcomes):
    """Implements the port `flows.rebuild.ports.RestoredStore`: a store in use that has lost commits."""

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[datetime]:
        async with transaction(self._pool) as lock:
            await lock.execute(_queries.without_limits)
            if not await lock.fetchval(_queries.try_alone, _ALONE):
                raise Transient("the store has lost commits, and another replica reads them again")
            async with transaction(self._pool) as connection:
                await connection.execute(_queries.without_limits)
                since: datetime = await connection.fetchval(_queries.begin_catching_up, timeout=_LONG_SECONDS)
            yield since

    async def _erase(
        self, connection: Connection, outcomes: Sequence[PublishedOutcome], erased: Collection[SessionKey]
    ) -> set[SessionKey]:
        """None yet: what an erasure publishes depends on outcomes that are still to come."""
        del connection, outcomes, erased
        return set()

    async def erase(self, sessions: Collection[SessionKey]) -> None:
        async with transaction(self._pool) as connection:
            rows = await connection.fetch(_queries.lock_sessions, *columns(sorted(sessions), 2))
            left = {SessionKey(row["tenant_id"], row["session_id"]) for row in rows if not row["erased"]}
            if left:
                now: datetime = await connection.fetchval(_inbox.clock)
                _, publications = await erasure.erase(connection, left, (), self._sender, now)
                await put_publications(connection, publications)

    async def finish(self, *, forgotten_before: datetime | None) -> int:
        async with transaction(self._pool) as connection:
            presumed = await self._presume(connection, forgotten_before)
            await self._wake_changed(connection)
            await connection.execute(_queries.end_catching_up)
        return presumed


class Incarnations:
    """Implements the port `flows.rebuild.ports.StandingStore`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def incarnation(self) -> str:
        async with reachable(self._pool):
            return str(await self._pool.fetchval(_trust.incarnation))

    async def is_incomplete(self) -> bool:
        async with reachable(self._pool):
            return bool(await self._pool.fetchval(_queries.is_catching_up))

    async def positions(self) -> dict[TopicPartition, int]:
        return await _positions(self._pool)


async def _positions(pool: Pool) -> dict[TopicPartition, int]:
    async with reachable(pool):
        rows = await pool.fetch(_queries.positions)
    return {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def _put_positions(connection: Connection, positions: Mapping[TopicPartition, int]) -> None:
    reached = [(*partition, offset) for partition, offset in sorted(positions.items())]
    await connection.execute(_inbox.put_positions, *columns(reached, 3))
