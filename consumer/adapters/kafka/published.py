"""What stands on the topics that the relay publishes to: committed records, and those that hang (KIP-664)."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from consumer.adapters.kafka.client import BOUND_SECONDS, bounded, quietly
from consumer.adapters.kafka.unpacking import keep_readable
from consumer.flows.relay.ports import Hanging, Identity, content_digest

_POLL_MS = 200
_MOST_HANGING = 10_000
"""Records of a partition that are looked at. The relay's transactions are never larger, and stand first."""


async def published_since(
    connection: Mapping[str, Any], partitions: Collection[TopicPartition], since: datetime
) -> AsyncIterator[Sequence[Identity]]:
    """Yields the identities of committed records, in pieces, up to the present ends."""
    async with _reader(connection, "read_committed") as reader:
        async with bounded("search the topics", BOUND_SECONDS):
            ends = await reader.end_offsets(list(partitions))
            starts = await reader.offsets_for_times(dict.fromkeys(partitions, int(since.timestamp() * 1000)))
            reader.assign(list(partitions))
            for partition, end in ends.items():
                start = starts.get(partition)
                reader.seek(partition, start.offset if start else end)
        while True:
            async with bounded("search the topics", BOUND_SECONDS):
                records = await _read_up_to(reader, ends)
            if records is None:
                return
            yield [_identity(record) for some in records.values() for record in some]


async def hanging_in(connection: Mapping[str, Any], partitions: Collection[TopicPartition]) -> Sequence[Hanging]:
    """Returns what stands behind the last stable offset. For a moment that is every transaction after its commit."""
    found: dict[TopicPartition, set[Identity]] = defaultdict(set)
    async with (
        _reader(connection, "read_committed") as readers,
        _reader(connection, "read_uncommitted") as everything,
        bounded("look for hanging transactions", BOUND_SECONDS),
    ):
        stable, ends = await readers.end_offsets(list(partitions)), await everything.end_offsets(list(partitions))
        ends = {each: end for each, end in ends.items() if stable[each] < end}
        everything.assign(list(ends))
        for each in ends:
            everything.seek(each, stable[each])
        while (records := await _read_up_to(everything, ends)) is not None:
            for each, some in records.items():
                found[each] |= set(map(_identity, some))
            ends = {each: end for each, end in ends.items() if len(found[each]) < _MOST_HANGING}
    return [
        Hanging(topic=each.topic, partition=each.partition, begins_at=stable[each], identities=frozenset(identities))
        for each, identities in found.items()
        if identities
    ]


async def _read_up_to(reader: Any, ends: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, list[Any]] | None:
    """The next records of these partitions; None when they are read up to their ends."""
    unread = [partition for partition, end in ends.items() if await reader.position(partition) < end]
    return await reader.getmany(*unread, timeout_ms=_POLL_MS) if unread else None


def _identity(record: Any) -> Identity:
    headers = [(name, text.decode("utf-8", "replace")) for name, text in record.headers]
    value = record.value if isinstance(record.value, bytes) else b""  # none, or one that cannot be read
    return Identity.of(record.topic, record.key, headers, content_digest(value))


@asynccontextmanager
async def _reader(connection: Mapping[str, Any], isolation_level: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Joins no group and reads nothing until it is told what."""
    keep_readable()
    reader = AIOKafkaConsumer(**connection, group_id=None, isolation_level=isolation_level, enable_auto_commit=False)
    try:
        async with bounded("read the topics", BOUND_SECONDS):
            await reader.start()
        yield reader
    finally:
        await quietly(reader.stop())
