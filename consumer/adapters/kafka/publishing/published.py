"""What stands on the topics that the relay publishes to: committed records, and those that hang (KIP-664)."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import for_code
from aiokafka.protocol.offset import OffsetRequest, OffsetResetStrategy

from consumer.adapters.kafka.client import BOUND_SECONDS, bounded, quietly
from consumer.adapters.kafka.unpacking import keep_readable
from consumer.flows.relay.ports import Hanging, Identity, content_digest

_POLL_MS = 200
_READ_UNCOMMITTED, _READ_COMMITTED = 0, 1
_MOST_HANGING = 10_000
"""Records of a partition that are looked at. The relay's transactions are never larger, and stand first."""


async def published_since(
    connection: Mapping[str, Any], partitions: Collection[TopicPartition], since: datetime
) -> AsyncIterator[Sequence[Identity]]:
    """Yields the identities of committed records, in pieces, up to the present ends."""
    async with _reader(connection, partitions, "read_committed") as reader:
        async with bounded("search the topics", BOUND_SECONDS):
            ends = await reader.end_offsets(list(partitions))
            starts = await reader.offsets_for_times(dict.fromkeys(partitions, int(since.timestamp() * 1000)))
            for partition, end in ends.items():
                start = starts.get(partition)
                reader.seek(partition, start.offset if start else end)
        while True:
            async with bounded("search the topics", BOUND_SECONDS):
                records = await _read_up_to(reader, ends)
            if records is None:
                return
            yield [_identity(record) for some in records.values() for record in some]


async def unended_in(client: Any, partitions: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, tuple[int, int]]:
    """The last stable offset and the end of those partitions where they differ. Two questions; nothing is read.

    `client` asks the leaders of the partitions, which are given by their node's id.
    """
    async with bounded("look for hanging transactions", BOUND_SECONDS):
        stable = await _ends(client, partitions, _READ_COMMITTED)
        ends = await _ends(client, partitions, _READ_UNCOMMITTED)
    return {each: (stable[each], end) for each, end in ends.items() if stable[each] < end}


async def hanging_in(
    connection: Mapping[str, Any], client: Any, partitions: Mapping[TopicPartition, int]
) -> Sequence[Hanging]:
    """Returns what stands behind the last stable offset. For a moment that is every transaction after its commit."""
    async with bounded("look for hanging transactions", BOUND_SECONDS):
        if not (unended := await unended_in(client, partitions)):
            return []
        ends = {each: end for each, (_, end) in unended.items()}
        identities: dict[TopicPartition, set[Identity]] = defaultdict(set)
        async with _reader(connection, ends, "read_uncommitted") as reader:
            for each in ends:
                reader.seek(each, unended[each][0])
            while (records := await _read_up_to(reader, ends)) is not None:
                for each, some in records.items():
                    identities[each] |= set(map(_identity, some))
                ends = {each: end for each, end in ends.items() if len(identities[each]) < _MOST_HANGING}
    return [
        Hanging(topic=each.topic, partition=each.partition, begins_at=unended[each][0], identities=frozenset(some))
        for each, some in identities.items()
        if some
    ]


async def _ends(client: Any, partitions: Mapping[TopicPartition, int], isolation: int) -> Mapping[TopicPartition, int]:
    """The ends that readers of this isolation see. A consumer would first spend a tenth of a second on each topic."""
    asked: dict[int, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for partition, leader in partitions.items():
        asked[leader][partition.topic].append((partition.partition, OffsetResetStrategy.LATEST))
    answers = await asyncio.gather(
        *(client.send(leader, OffsetRequest(-1, isolation, list(topics.items()))) for leader, topics in asked.items())
    )
    ends: dict[TopicPartition, int] = {}
    for topic, of_topic in (each for answer in answers for each in answer.topics):
        for number, error, _, offset in of_topic:
            if error:
                raise for_code(error)(f"{topic}/{number}")
            ends[TopicPartition(topic, number)] = offset
    return ends


async def _read_up_to(reader: Any, ends: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, list[Any]] | None:
    """The next records of these partitions; None when they are read up to their ends."""
    unread = [partition for partition, end in ends.items() if await reader.position(partition) < end]
    return await reader.getmany(*unread, timeout_ms=_POLL_MS) if unread else None


def _identity(record: Any) -> Identity:
    headers = [(name, text.decode("utf-8", "replace")) for name, text in record.headers]
    value = record.value if isinstance(record.value, bytes) else b""  # none, or one that cannot be read
    return Identity.of(record.topic, record.key, headers, content_digest(value))


@asynccontextmanager
async def _reader(
    connection: Mapping[str, Any], partitions: Collection[TopicPartition], isolation_level: str
) -> AsyncIterator[AIOKafkaConsumer]:
    """Joins no group."""
    keep_readable()
    reader = AIOKafkaConsumer(**connection, group_id=None, isolation_level=isolation_level, enable_auto_commit=False)
    try:
        async with bounded("read the topics", BOUND_SECONDS):
            await reader.start()
            reader.assign(list(partitions))
        yield reader
    finally:
        await quietly(reader.stop())
