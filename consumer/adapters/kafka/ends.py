"""Asks for the ends of partitions on connections of its own.

On those of a reader, a question waits for the broker's answer to the fetch before it, which comes after up to 0.5 s.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from consumer.adapters.kafka.client import BOUND_SECONDS, quietly


class Ends:
    def __init__(self, connection: Mapping[str, Any], isolation_level: str = "read_committed") -> None:
        self._connection = connection
        self._isolation_level = isolation_level
        self._asking: AIOKafkaConsumer | None = None

    async def of(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Where a reader of this isolation ends, now. Raises aiokafka's errors, and TimeoutError after 10 s."""
        if not partitions:
            return {}
        try:
            async with asyncio.timeout(BOUND_SECONDS):
                if self._asking is None:
                    self._asking = AIOKafkaConsumer(
                        **self._connection, group_id=None, isolation_level=self._isolation_level
                    )
                    await self._asking.start()
                ends: Mapping[TopicPartition, int] = await self._asking.end_offsets(list(partitions))
        except BaseException:
            await self.close()  # the next question begins anew
            raise
        return ends

    async def close(self) -> None:
        """Within 3 s."""
        asking, self._asking = self._asking, None
        if asking is not None:
            await quietly(asking.stop())


async def ends_now(
    connection: Mapping[str, Any], partitions: Sequence[TopicPartition], isolation_level: str
) -> Mapping[TopicPartition, int]:
    """One question. Raises as `Ends.of` does."""
    ends = Ends(connection, isolation_level)
    try:
        return await ends.of(partitions)
    finally:
        await ends.close()
