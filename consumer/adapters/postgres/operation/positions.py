"""Stores how far intake has read, for the command that moves the offsets of the consumer group."""

from collections.abc import Mapping

from consumer.adapters.postgres.core.faults import reachable
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.events import TopicPartition

_queries = Queries("inbox")


async def put_positions(pool: Pool, positions: Mapping[TopicPartition, int]) -> None:
    """Stores the offset that is read next, by topic and partition. Raises Transient. May be repeated."""
    rows = [(*partition, offset) for partition, offset in sorted(positions.items())]
    async with reachable(pool):
        await pool.execute(_queries.put_positions, *columns(rows, 3))
