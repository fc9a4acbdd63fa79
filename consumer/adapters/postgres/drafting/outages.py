"""Outages of the model: one row that all replicas share."""

from consumer.adapters.postgres.core.faults import reachable
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.domain.request.schedule import LATER

_queries = Queries("outages")
_UPGRADES_AT_ONCE = 1000  # keeps the statement short when thousands waited for the model


class PostgresOutages:
    """Implements the port `flows.drafting.ports.Outages`. Raises Transient while the database is away."""

    def __init__(self, pool: Pool, *, probe_seconds: float, spread_seconds: float) -> None:
        """The next probe is at least `probe_seconds` away. Woken upgrades become due spread over `spread_seconds`."""
        self._pool = pool
        self._probe_seconds = probe_seconds
        self._spread_seconds = spread_seconds

    async def begin_outage(self, reason: str, *, probe_in_seconds: float) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.begin_outage, reason, max(probe_in_seconds, self._probe_seconds))

    async def end_outage(self) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.end_outage)

    async def wake_upgrades(self) -> int:
        async with reachable(self._pool):
            woken = await self._pool.fetch(_queries.wake_upgrades, self._spread_seconds, _UPGRADES_AT_ONCE, LATER)
        return len(woken)
