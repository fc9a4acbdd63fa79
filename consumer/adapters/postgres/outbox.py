"""The outbox table and the lease of the relay."""

import json
from collections.abc import Collection, Sequence

from consumer.adapters.postgres.core.faults import reachable
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.flows.relay.ports import Doubtful, EventsRefused, Identity, OutboxRow, Term

PARK_ROWS = 5_000
"""At most so many rows are parked or admitted in one statement: it must end well before its time limit."""

_queries = Queries("outbox")


class PostgresOutbox:
    """Implements the port `flows.relay.ports.Outbox`. Raises Transient while the database is away."""

    def __init__(self, pool: Pool, *, name: str, lease_seconds: float) -> None:
        """`name` is the transactional id. One outbox has one lease, one producer and one position."""
        self._pool = pool
        self._name = name
        self._lease_seconds = lease_seconds

    async def lead(self, leader: str) -> Term | None:
        async with reachable(self._pool):
            row = await self._pool.fetchrow(_queries.lead, self._name, leader, self._lease_seconds)
        return Term(token=row["token"], position=row["position"], numbered=row["numbered"]) if row else None

    async def take(self, token: int, *, at_least: int, limit: int) -> Sequence[OutboxRow] | None:
        async with reachable(self._pool):
            rows = await self._pool.fetch(_queries.take, self._name, token, self._lease_seconds, at_least, limit)
        if not rows:
            return None
        return [
            OutboxRow(
                id=row["id"],
                position=row["position"],
                topic=row["topic"],
                key=row["key"],
                headers=_headers(row["headers"]),
                value=row["value"],
                waited_seconds=row["waited_seconds"],
            )
            for row in rows
            if row["id"] is not None
        ]

    async def published(self, position: int) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.published, self._name, position)

    async def doubtful(self, position: int | None) -> Sequence[Doubtful]:
        async with reachable(self._pool):
            rows = await self._pool.fetch(_queries.identities, position)
        return [
            Doubtful(
                id=row["id"],
                identity=Identity.of(row["topic"], row["key"], _headers(row["headers"]), row["digest"]),
                created_at=row["created_at"],
            )
            for row in rows
        ]

    async def forget(self, ids: Collection[int]) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.forget, list(ids))

    async def unnumber(self, token: int) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.unnumber, self._name, token)

    async def park(self, token: int, refusal: EventsRefused) -> None:
        ids = list(refusal.ids)
        async with reachable(self._pool):
            if refusal.of_all:
                await self._pool.execute(_queries.park_topic, self._name, token, refusal.topic, refusal.reason, ids)
            else:
                await self._pool.execute(_queries.park_rows, self._name, token, ids, refusal.reason)

    async def retry_parked(self, token: int) -> Collection[str]:
        async with reachable(self._pool):
            await self._pool.execute(_queries.retry_rows, self._name, token)
            refusing = [row["topic"] for row in await self._pool.fetch(_queries.refusing)]
            if refusing:
                await self._pool.execute(_queries.retry_topics, self._name, token)
                await self._pool.execute(_queries.park_new, PARK_ROWS)
        return refusing

    async def admit(self, topics: Collection[str]) -> None:
        async with reachable(self._pool):
            while await self._pool.execute(_queries.admit_rows, list(topics), PARK_ROWS) != "UPDATE 0":
                pass
            await self._pool.execute(_queries.admit_topics, list(topics))

    async def resign(self, token: int) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.resign, self._name, token)


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(text))
