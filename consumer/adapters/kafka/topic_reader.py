"""Reads topics from their beginning, for the demo and for the tests' oracle."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer

from consumer.adapters.kafka.client import origin_of
from consumer.adapters.kafka.unpacking import keep_readable
from consumer.domain.events import Record

_POLL_MS = 200


class TopicReader:
    """Reads committed records from the beginning. Joins no group and commits nothing, so no other reader is disturbed.

    Use: `async with TopicReader(topics, **connection) as reader:`. Entering raises aiokafka's errors while Kafka is
    unreachable.
    """

    def __init__(self, topics: Sequence[str], **connection: Any) -> None:
        keep_readable()
        self._consumer = AIOKafkaConsumer(
            *topics,
            **connection,
            group_id=None,  # without a coordinator it reads every partition of the topics
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    async def read(self, *, wait_ms: int = _POLL_MS) -> list[Record]:
        """Returns the records since the last call, in order within a partition; empty after `wait_ms` without any."""
        polled = await self._consumer.getmany(timeout_ms=wait_ms)
        return [
            Record(
                origin=origin_of(consumed),
                key=consumed.key,
                value=consumed.value,
                headers=tuple((name, value) for name, value in consumed.headers),
            )
            for records in polled.values()
            for consumed in records
        ]

    async def read_to_end(self) -> list[Record]:
        """Returns the records up to the end that the topics have when the call begins."""
        ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
        records: list[Record] = []
        while [partition for partition, end in ends.items() if await self._consumer.position(partition) < end]:
            records += await self.read()
        return records
