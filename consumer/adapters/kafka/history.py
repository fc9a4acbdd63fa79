"""Reads ranges of offsets from the topics without joining a group, in the order of the records' timestamps.

Records of one partition keep their order. Between partitions the record with the older timestamp comes first: the
closest available approximation of the order in which the service read them.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError
from aiokafka.structs import ConsumerRecord
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from consumer.adapters.kafka.client import BOUND_SECONDS, brokers_reachable, origin_of, quietly
from consumer.adapters.kafka.unpacking import keep_readable
from consumer.domain.events import Record, TopicPartition
from consumer.errors import Transient
from consumer.flows.rebuild.ports import Dated, OffsetRange

_POLL_MS = 200
_FETCH_RECORDS = 2000
_ANSWER_MS = int(BOUND_SECONDS * 800)
"""Hazard: before the bound itself; for a client that is cancelled while it connects leaves its socket open."""
SILENCE_SECONDS = 60.0
"""A broker that yields nothing for so long is away."""


# On the first use of groups a broker creates their topic, and answers with these errors until the topic exists.
_retry_without_coordinator = retry(
    retry=retry_if_exception_type((GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError)),
    wait=wait_fixed(0.5),
    stop=stop_after_delay(30),
    reraise=True,
)


class TopicHistory:
    """Implements the port `RetainedTopics`. Every method raises Transient while Kafka is unreachable.

    What only asks is bounded: on a connection that has fallen silent the client waits 40 s for each answer, and the
    service takes up nothing until it has them all. Requests about groups are repeated for up to 30 s while the brokers
    have no group coordinator.
    """

    def __init__(self, **connection: Any) -> None:
        self._connection = connection

    async def spans(
        self, topics: Collection[str], *, since: datetime | None = None
    ) -> dict[TopicPartition, OffsetRange]:
        """Returns the offsets that each partition retains; with `since` those of records from then on."""
        async with brokers_reachable(), asyncio.timeout(BOUND_SECONDS), self._admin() as admin:
            described = await admin.describe_topics(list(topics))
        partitions = [
            KafkaPartition(topic["topic"], partition["partition"])
            for topic in described
            for partition in topic["partitions"]
        ]
        async with (
            brokers_reachable(),
            asyncio.timeout(BOUND_SECONDS),
            self._consumer(request_timeout_ms=_ANSWER_MS) as consumer,
        ):
            starts, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
            if since is not None:
                # A store that has lost everything asks for an hour before the epoch; the client refuses negative times.
                since_ms = max(0, int(since.timestamp() * 1000))
                dated = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
                starts = {partition: at.offset if at else ends[partition] for partition, at in dated.items()}
        return {
            TopicPartition(*partition): OffsetRange(start=starts[partition], end=ends[partition])
            for partition in partitions
        }

    async def committed(self, group: str, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Returns the committed offsets of the group; partitions without one are left out."""
        async with brokers_reachable():
            offsets = await self._offsets(group, partitions)
        return {
            TopicPartition(*partition): committed.offset
            for partition, committed in offsets.items()
            if committed.offset >= 0
        }

    @_retry_without_coordinator
    async def _offsets(self, group: str, partitions: Collection[TopicPartition]) -> Mapping[KafkaPartition, Any]:
        """Hazard: while the coordinator loads, the client swallows the broker's error and leaves entries out."""
        wanted = [KafkaPartition(*partition) for partition in partitions]
        async with asyncio.timeout(BOUND_SECONDS), self._admin() as admin:
            offsets: Mapping[KafkaPartition, Any] = await admin.list_consumer_group_offsets(group, partitions=wanted)
        if wanted and not offsets.keys() >= set(wanted):
            raise GroupCoordinatorNotAvailableError
        return offsets

    async def has_members(self, group: str) -> bool:
        """Returns whether the group has any member."""
        async with brokers_reachable():
            return await self._has_members(group)

    @_retry_without_coordinator
    async def _has_members(self, group: str) -> bool:
        async with asyncio.timeout(BOUND_SECONDS), self._admin() as admin:
            answers = await admin.describe_consumer_groups([group])
        return any(described["members"] for answer in answers for described in answer.to_object()["groups"])

    async def read(self, spans: Mapping[TopicPartition, OffsetRange]) -> AsyncIterator[Dated]:
        """Yields all records of these ranges, in order within a partition and by timestamp between partitions."""
        ends = {KafkaPartition(*partition): span.end for partition, span in spans.items() if span.start < span.end}
        if not ends:
            return
        waiting: dict[KafkaPartition, deque[ConsumerRecord]] = {partition: deque() for partition in ends}
        async with brokers_reachable(), self._consumer() as consumer:
            consumer.assign(list(ends))
            for partition in ends:
                consumer.seek(partition, spans[TopicPartition(*partition)].start)
            silent_since = time.monotonic()
            while waiting:
                for partition in await _fill(consumer, waiting, ends):
                    del waiting[partition]
                while waiting and all(waiting.values()):
                    oldest = min(waiting, key=lambda partition: (waiting[partition][0].timestamp, partition))
                    yield _dated(waiting[oldest].popleft())
                    silent_since = time.monotonic()
                if (
                    time.monotonic() - silent_since > SILENCE_SECONDS
                ):  # the client tells nobody of a broker that is away
                    late = next(partition for partition, records in waiting.items() if not records)
                    raise Transient(
                        f"Kafka: {late.topic}/{late.partition} has yielded nothing for {SILENCE_SECONDS:g} s"
                    )

    @asynccontextmanager
    async def _consumer(self, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
        keep_readable()
        consumer = AIOKafkaConsumer(
            **self._connection,
            **options,
            group_id=None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",  # `read` seeks in every partition
        )
        try:
            await consumer.start()
            yield consumer
        finally:
            await quietly(consumer.stop())

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(**self._connection, request_timeout_ms=_ANSWER_MS)
        try:
            await admin.start()
            yield admin
        finally:
            await quietly(admin.close())


async def _fill(
    consumer: AIOKafkaConsumer,
    waiting: Mapping[KafkaPartition, deque[ConsumerRecord]],
    ends: Mapping[KafkaPartition, int],
) -> list[KafkaPartition]:
    """Fetches for partitions without waiting records; returns the partitions that have reached their ends."""
    empty = [partition for partition, records in waiting.items() if not records]
    done = [partition for partition in empty if await consumer.position(partition) >= ends[partition]]
    wanted = [partition for partition in empty if partition not in done]
    if wanted:
        polled = await consumer.getmany(*wanted, timeout_ms=_POLL_MS, max_records=_FETCH_RECORDS)
        for partition, records in polled.items():
            waiting[partition].extend(record for record in records if record.offset < ends[partition])
    return done


def _dated(consumed: ConsumerRecord) -> Dated:
    record = Record(
        origin=origin_of(consumed),
        key=consumed.key,
        value=consumed.value,
        headers=tuple((name, value) for name, value in consumed.headers),
    )
    return Dated(record=record, timestamp_ms=consumed.timestamp)
