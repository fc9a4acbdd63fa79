"""A store that is built from the topics. A `flows.rebuild.Store`."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from consumer.adapters.postgres.core.faults import reachable
from consumer.adapters.postgres.core.pool import ACQUIRE_TIMEOUT_SECONDS, Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.intake import erasure
from consumer.adapters.postgres.operation.copying import put_package
from consumer.domain.events import Request, RequestKey, SessionKey, TopicPartition
from consumer.domain.package.export import Copy, MadeFrom
from consumer.domain.package.package import Sender
from consumer.domain.package.published import PublishedOutcome
from consumer.domain.request.schedule import LATER, RevisionRules
from consumer.errors import Permanent
from schemas.packages import Cause, Caution, PackageFailed, PackageReady, PackageStatus, PackageWithdrawn

_ERASED = "session_erased"

_queries = Queries("rebuilding")
_inbox = Queries("inbox")


class RebuiltStore:
    """Every method raises Transient while the database is away."""

    def __init__(self, pool: Pool, *, sender: Sender, models: Collection[str], rules: RevisionRules) -> None:
        """`models`: the configured one first, then the one asked after a refusal. Their drafts have the first's key."""
        self._pool = pool
        self._sender = sender
        self._models = tuple(models)
        self._rules = rules

    async def begin(self) -> None:
        async with reachable(self._pool):
            begun = await self._pool.fetchrow(_queries.begun)
            if await self._pool.fetchval(_queries.has_served if begun else _queries.is_filled):
                raise Permanent("DATABASE_URL is a store in use. A rebuild needs an empty database of its own.")
            await self._pool.execute(_queries.begin)

    async def positions(self) -> dict[TopicPartition, int]:
        async with reachable(self._pool):
            rows = await self._pool.fetch(_queries.positions)
        return {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}

    async def date_requests(
        self, requests: Sequence[tuple[Request, datetime]], positions: Mapping[TopicPartition, int]
    ) -> None:
        first: dict[RequestKey, datetime] = {}
        for request, at in requests:
            first[request.key] = min(at, first.get(request.key, at))
        dated = columns([(*key, at) for key, at in first.items()], 4)
        async with self._transaction() as connection:
            await connection.execute(_queries.date_requests, *dated)
            await _put_positions(connection, positions)

    async def unknown(self, outcomes: Sequence[PublishedOutcome]) -> int:
        asked = sorted({one.key for one in outcomes})
        async with reachable(self._pool):
            return len(asked) - len(await self._pool.fetch(_queries.known_requests, *columns(asked, 3)))

    async def put_outcomes(self, outcomes: Sequence[PublishedOutcome], positions: Mapping[TopicPartition, int]) -> None:
        async with self._transaction() as connection:
            sessions = columns(sorted({one.key.session for one in outcomes}), 2)
            await connection.execute(_queries.add_sessions, *sessions)
            rows = await connection.fetch(_queries.lock_sessions, *sessions)
            erased = {SessionKey(row["tenant_id"], row["session_id"]) for row in rows if row["erased"]}
            erased |= await self._erase(connection, outcomes, erased)
            for one in outcomes:
                await self._put(connection, one, erased)
            await _put_positions(connection, positions)

    async def _erase(
        self, connection: Connection, outcomes: Sequence[PublishedOutcome], erased: Collection[SessionKey]
    ) -> set[SessionKey]:
        """Sessions whose erasure is told by an outcome alone: its own record has left, older ones have not."""
        told = {one.key.session for one in outcomes if getattr(one.said, "reason", None) == _ERASED} - set(erased)
        if told:
            now: datetime = await connection.fetchval(_inbox.clock)
            await erasure.erase(connection, told, (), self._sender, now)  # what it would publish has been published
        return told

    async def _put(self, connection: Connection, one: PublishedOutcome, erased: Collection[SessionKey]) -> None:
        match one.said:
            case PackageReady() as package:
                await self._put_ready(connection, one, package, keep=one.key.session not in erased)
            case PackageWithdrawn() as said:
                failure = None if said.reason == "cancelled" else said.reason
                await self._put_end(connection, one, "cancelled", failure)
            case PackageFailed() as said:
                await self._put_end(connection, one, "failed", said.reason)

    async def _put_ready(
        self, connection: Connection, one: PublishedOutcome, package: PackageReady, *, keep: bool
    ) -> None:
        waits = package.status is PackageStatus.FALLBACK and Caution.MODEL_UNAVAILABLE in package.warnings
        await connection.execute(
            _queries.note_ready,
            *one.key,
            package.revision,
            package.package_id,
            one.at,
            package.cause is Cause.STATE_CHANGED,
            package.requested_state_version,
            waits,
        )
        if keep:
            made_from = MadeFrom(arrivals=package.provenance.event_count, model=self._key_model(package))
            await put_package(connection, Copy(package=package, published_at=one.at, made_from=made_from))

    async def _put_end(self, connection: Connection, one: PublishedOutcome, state: str, failure: str | None) -> None:
        await connection.execute(_queries.note_end, *one.key, state, failure, one.at, one.said.requested_state_version)

    def _key_model(self, package: PackageReady) -> str | None:
        model = package.provenance.model
        return self._models[0] if model in self._models else model

    async def finish(self, *, forgotten_before: datetime | None, whole: bool) -> int:
        async with self._transaction() as connection:
            presumed = "UPDATE 0"
            if forgotten_before is not None:
                presumed = await connection.execute(_queries.presume_answered, forgotten_before)
            if whole:
                rules = self._rules
                await connection.execute(_queries.wake_changed, rules.window_seconds, rules.limit, LATER)
                await connection.execute(_queries.finish)
        return int(presumed.split()[-1])

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        async with (
            reachable(self._pool),
            self._pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection,
            connection.transaction(),
        ):
            yield connection


async def _put_positions(connection: Connection, positions: Mapping[TopicPartition, int]) -> None:
    reached = [(*partition, offset) for partition, offset in sorted(positions.items())]
    await connection.execute(_inbox.put_positions, *columns(reached, 3))
