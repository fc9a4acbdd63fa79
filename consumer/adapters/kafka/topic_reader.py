"""Reading topics from their beginning, for people: the demo, the commands that look, the tests' oracle."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer

from consumer.domain.events import Origin, Record

_POLL_MS = 200


class TopicReader:
    """Reads `read_committed`, without a group, from the beginning: it disturbs nobody and commits nothing.

    `async with TopicReader(topics, **connection) as reader:`; entering raises aiokafka's errors when Kafka is away.
    """

    def __init__(self, topics: Sequence[str], **connection: Any) -> None:
        self._consumer = AIOKafkaConsumer(
            *topics,
            **connection,
            group_id=None,  # every partition of the topics is its own, without a coordinator
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
        """What has arrived since the last call, in order within a partition; empty after `wait_ms` without anything."""
        polled = await self._consumer.getmany(timeout_ms=wait_ms)
        return [
            Record(
                origin=Origin(one.topic, one.partition, one.offset),
                key=one.key,
                value=one.value,
                headers=tuple((name, value) for name, value in one.headers),
            )
            for records in polled.values()
            for one in records
        ]

    async def read_to_end(self) -> list[Record]:
        """Everything up to the end that the topics have now."""
        ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
        found: list[Record] = []
        while [at for at, end in ends.items() if await self._consumer.position(at) < end]:
            found += await self.read()
        return found
