"""What the cache must forget: rows that are stored with a deletion and deleted once the cache has acknowledged."""

from collections.abc import Collection, Mapping

from consumer.adapters.postgres.core.faults import reachable
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.domain.events import SessionKey

_queries = Queries("evictions")


class PostgresEvictions:
    """Implements the port `flows.forgetting.Evictions`. Raises Transient while the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def waiting(self, most: int) -> Mapping[int, SessionKey]:
        async with reachable(self._pool):
            rows = await self._pool.fetch(_queries.waiting, most)
        return {row["id"]: SessionKey(row["tenant_id"], row["session_id"]) for row in rows}

    async def acknowledged(self, ids: Collection[int]) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.acknowledged, sorted(ids))
