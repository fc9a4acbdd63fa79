"""Reads single records by their places, outside of any consumer group: what a dead letter was made of."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient

from consumer.adapters.kafka.client import BOUND_SECONDS, bounded, quietly, records_of
from consumer.adapters.kafka.ends import ends_now
from consumer.adapters.kafka.unpacking import keep_readable
from consumer.domain.events import Origin, Record, TopicPartition
from consumer.flows.redrive.ports import MissingOriginal
from schemas.topics import Topics

_POLL_MS = 500
_FETCH_RECORDS = 500
READ_SECONDS = 30.0
"""For the dead letters of a piece in one partition. A broker that yields nothing there is asked again later."""

StandingRecords = dict[Origin, Record | MissingOriginal]


class TopicOriginals:
    """Implements the port `flows.redrive.ports.Originals`. Raises Transient while Kafka is unreachable."""

    def __init__(self, connection: Mapping[str, Any], *, topics: Topics) -> None:
        self._connection = connection
        self._topics = topics

    async def read(self, origins: Collection[Origin]) -> Mapping[Origin, Record | MissingOriginal]:
        """Neighbours are read together, so that a thousand dead letters in a row cost a few fetches."""
        wanted: dict[KafkaPartition, list[Origin]] = defaultdict(list)
        for origin in sorted(origins):
            wanted[KafkaPartition(*origin.topic_partition)].append(origin)
        if not wanted:
            return {}
        there = await self._partitions(sorted({partition.topic for partition in wanted}))
        originals: StandingRecords = {}
        for partition, some in wanted.items():
            if partition in there:
                async with bounded("read dead letters again", READ_SECONDS), self._consumer() as consumer:
                    originals |= await _read_partition(consumer, partition, some)
            else:
                originals |= dict.fromkeys(some, MissingOriginal(why="there is no such topic or partition any more"))
        return originals

    async def session_ends(self) -> dict[TopicPartition, int]:
        partitions = await self._partitions([self._topics.sessions, self._topics.replay[0]])
        async with bounded("ask for ends of topics", BOUND_SECONDS):
            ends = await ends_now(self._connection, sorted(partitions), "read_uncommitted")
        return {TopicPartition(*partition): end for partition, end in ends.items()}

    async def _partitions(self, topics: Sequence[str]) -> set[KafkaPartition]:
        """Those that exist."""
        admin = AIOKafkaAdminClient(**self._connection)
        async with bounded("ask for topics", BOUND_SECONDS):
            try:
                await admin.start()
                known = set(await admin.list_topics()) & set(topics)  # hazard: to describe a missing one may make it
                described = await admin.describe_topics(sorted(known)) if known else []
            finally:
                await admin.close()
        return {
            KafkaPartition(topic["topic"], partition["partition"])
            for topic in described
            for partition in topic["partitions"]
        }

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        keep_readable()
        consumer = AIOKafkaConsumer(  # hazard: one that is assigned twice may be cancelled by the client as it stops
            **self._connection,
            group_id=None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",  # each read seeks
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await quietly(consumer.stop())


async def _read_partition(
    consumer: AIOKafkaConsumer, partition: KafkaPartition, wanted: Sequence[Origin]
) -> StandingRecords:
    start = (await consumer.beginning_offsets([partition]))[partition]
    end = (await consumer.end_offsets([partition]))[partition]
    consumer.assign([partition])
    originals: StandingRecords = {}
    read: dict[int, Record] = {}
    for origin in wanted:
        if origin.offset < start:
            why = f"retention has deleted it: the log begins at {start}"
        elif origin.offset >= end:
            why = f"the log ends at {end}: the topic was cut or made anew"
        else:
            if origin.offset not in read:
                read = await _read_from(consumer, partition, origin.offset)
            why = "it was compacted away"
        record = read.get(origin.offset)
        originals[origin] = MissingOriginal(why=why) if record is None else record
    return originals


async def _read_from(consumer: AIOKafkaConsumer, partition: KafkaPartition, offset: int) -> dict[int, Record]:
    """The records from this offset on that come at once; none at the offset itself when it was compacted away."""
    consumer.seek(partition, offset)
    while await consumer.position(partition) <= offset:
        polled = await consumer.getmany(partition, timeout_ms=_POLL_MS, max_records=_FETCH_RECORDS)
        if records := records_of(polled):
            return {record.origin.offset: record for record in records}
    return {}
