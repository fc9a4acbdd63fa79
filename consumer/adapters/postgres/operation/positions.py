"""How far intake has read, as the tables say it: for whoever moves the group's offsets."""

from collections.abc import Mapping

from consumer.adapters.postgres.core.faults import reachable
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.events import TopicPartition

_queries = Queries("inbox")


async def put_positions(pool: Pool, positions: Mapping[TopicPartition, int]) -> None:
    """By topic and partition: the offset that is read next. Raises Transient; safe to repeat."""
    rows = [(*partition, offset) for partition, offset in sorted(positions.items())]
    async with reachable(pool):
        await pool.execute(_queries.put_positions, *columns(rows, 3))
