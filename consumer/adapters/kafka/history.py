"""The topics' past: read as a member of no group, from any offset to any other, in the order of its timestamps.

Records of one partition keep their order; between partitions the older one comes first, which is how near one comes to
the order in which they were once read.
"""

from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError
from aiokafka.structs import ConsumerRecord
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from consumer.domain.events import Origin, Record, TopicPartition
from consumer.flows.rebuild import Dated, OffsetRange

_POLL_MS = 200
_AT_ONCE = 2000


_patiently = retry(  # a broker's first use of groups makes their topic, and answers so meanwhile
    retry=retry_if_exception_type((GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError)),
    wait=wait_fixed(0.5),
    stop=stop_after_delay(30),
    reraise=True,
)


class TopicHistory:
    """Every method raises aiokafka's errors when Kafka is away."""

    def __init__(self, **connection: Any) -> None:
        self._connection = connection

    async def spans(self, topics: Collection[str]) -> dict[TopicPartition, OffsetRange]:
        async with _closing(AIOKafkaAdminClient(**self._connection)) as admin:
            described = await admin.describe_topics(list(topics))
        parts = [KafkaPartition(one["topic"], part["partition"]) for one in described for part in one["partitions"]]
        async with self._consumer() as consumer:
            starts, ends = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
        return {TopicPartition(*part): OffsetRange(start=starts[part], end=ends[part]) for part in parts}

    @_patiently
    async def committed(self, group: str) -> dict[TopicPartition, int]:
        async with _closing(AIOKafkaAdminClient(**self._connection)) as admin:
            found = await admin.list_consumer_group_offsets(group)
        return {TopicPartition(*part): reached.offset for part, reached in found.items() if reached.offset >= 0}

    @_patiently
    async def has_members(self, group: str) -> bool:
        async with _closing(AIOKafkaAdminClient(**self._connection)) as admin:
            answers = await admin.describe_consumer_groups([group])
        return any(one["members"] for answer in answers for one in answer.to_object()["groups"])

    async def read(self, spans: Mapping[TopicPartition, OffsetRange]) -> AsyncIterator[Dated]:
        """Everything in these spans."""
        ends = {KafkaPartition(*partition): span.end for partition, span in spans.items() if span.start < span.end}
        if not ends:
            return
        waiting: dict[KafkaPartition, deque[ConsumerRecord]] = {at: deque() for at in ends}
        async with self._consumer() as consumer:
            consumer.assign(list(ends))
            for at in ends:
                consumer.seek(at, spans[TopicPartition(*at)].start)
            while waiting:
                for at in await _fill(consumer, waiting, ends):
                    del waiting[at]
                while waiting and all(waiting.values()):
                    at = min(waiting, key=lambda one: (waiting[one][0].timestamp, one))
                    yield _dated(waiting[at].popleft())

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **self._connection,
            group_id=None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",  # every partition is put where it has to be
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()


@asynccontextmanager
async def _closing(admin: AIOKafkaAdminClient) -> AsyncIterator[AIOKafkaAdminClient]:
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def _fill(
    consumer: AIOKafkaConsumer,
    waiting: Mapping[KafkaPartition, deque[ConsumerRecord]],
    ends: Mapping[KafkaPartition, int],
) -> list[KafkaPartition]:
    """Reads on where nothing waits; returns the partitions that are at their ends."""
    empty = [at for at, records in waiting.items() if not records]
    done = [at for at in empty if await consumer.position(at) >= ends[at]]
    wanted = [at for at in empty if at not in done]
    if wanted:
        polled = await consumer.getmany(*wanted, timeout_ms=_POLL_MS, max_records=_AT_ONCE)
        for at, records in polled.items():
            waiting[at].extend(one for one in records if one.offset < ends[at])
    return done


def _dated(one: ConsumerRecord) -> Dated:
    record = Record(
        origin=Origin(one.topic, one.partition, one.offset),
        key=one.key,
        value=one.value,
        headers=tuple((name, value) for name, value in one.headers),
    )
    return Dated(record=record, timestamp_ms=one.timestamp)
