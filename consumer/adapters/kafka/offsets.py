"""The committed offsets of a group that nobody is a member of: where they stand, and moving them.

aiokafka's admin client cannot alter a group's offsets; a consumer that is assigned partitions by hand can commit them
while the group is empty. The broker refuses such a commit once there is a member, so that nobody is overtaken.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError, GroupCoordinatorNotAvailableError, for_code

from consumer.adapters.kafka.client import AWAY
from consumer.errors import Permanent, Transient

CALL_SECONDS = 30.0
AGAIN_SECONDS = 0.2
STOP_SECONDS = 5.0

Target = Literal["earliest", "latest"] | int | datetime
"""Where to begin: the log's start or end, an offset, or the first record at or after a time."""


class GroupInUse(Permanent):
    """The group has members; its offsets cannot be moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What becomes of one partition's committed offset."""

    topic: str
    partition: int
    committed: int | None
    """None: nothing is committed, and reading begins at the log's start."""
    start: int
    end: int
    to: int

    @property
    def again(self) -> int:
        """Records that are read once more; counted by offsets, so that marks of transactions count too."""
        return max(0, self._position - self.to)

    @property
    def skipped(self) -> int:
        """Records that have not been read and will not be."""
        return max(0, self.to - self._position)

    @property
    def _position(self) -> int:
        return max(self.start, self.committed or 0)


async def members(connection: Mapping[str, Any], group: str) -> int:
    """How many members the group has; 0 for one that does not exist. Raises Transient."""
    async with _admin(connection) as admin:
        for _ in range(int(CALL_SECONDS / AGAIN_SECONDS)):
            try:
                found = await admin.describe_consumer_groups([group])
            except GroupCoordinatorNotAvailableError:  # the first use of groups on a new cluster
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return sum(len(one[5]) for answer in found for one in answer.groups)
    raise Transient("Kafka: no coordinator of consumer groups was found")


async def plan_moves(connection: Mapping[str, Any], group: str, topics: Collection[str], target: Target) -> list[Move]:
    """Where each partition's offset stands and would stand. Raises Transient; Permanent for a topic that is missing."""
    async with _admin(connection) as admin, _consumer(connection, None) as consumer:
        places = []
        for one in await admin.describe_topics(list(topics)):
            if one["error_code"]:
                raise Permanent(f"Topic {one['topic']}: {for_code(one['error_code']).__name__}")
            places += [TopicPartition(one["topic"], part["partition"]) for part in one["partitions"]]
        starts, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        committed = await admin.list_consumer_group_offsets(group)
        wanted = await _wanted(consumer, target, starts, ends)
    return [
        Move(
            topic=place.topic,
            partition=place.partition,
            committed=committed[place].offset if place in committed and committed[place].offset >= 0 else None,
            start=starts[place],
            end=ends[place],
            to=min(max(wanted[place], starts[place]), ends[place]),
        )
        for place in sorted(places)
    ]


async def move_group(connection: Mapping[str, Any], group: str, moves: Collection[Move]) -> None:
    """Commits all of them, or raises: GroupInUse when somebody has joined meanwhile, Transient when Kafka is away."""
    offsets = {TopicPartition(one.topic, one.partition): one.to for one in moves}
    if not offsets:
        return
    async with _consumer(connection, group) as consumer:
        consumer.assign(list(offsets))
        try:
            await asyncio.wait_for(consumer.commit(offsets), CALL_SECONDS)
        except CommitFailedError as error:
            raise GroupInUse(f"The group {group} has got a member meanwhile; nothing was moved.") from error


async def _wanted(
    consumer: AIOKafkaConsumer,
    target: Target,
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> Mapping[TopicPartition, int]:
    match target:
        case "earliest":
            return starts
        case "latest":
            return ends
        case int():
            return dict.fromkeys(starts, target)
        case datetime():
            found = await consumer.offsets_for_times(dict.fromkeys(starts, int(target.timestamp() * 1000)))
            return {place: ends[place] if at is None else at.offset for place, at in found.items()}


@asynccontextmanager
async def _admin(connection: Mapping[str, Any]) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection)
    async with _away():
        try:
            await asyncio.wait_for(admin.start(), CALL_SECONDS)
            yield admin
        finally:
            await admin.close()


@asynccontextmanager
async def _consumer(connection: Mapping[str, Any], group: str | None) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(**connection, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest")
    async with _away():
        try:
            await asyncio.wait_for(consumer.start(), CALL_SECONDS)
            yield consumer
        finally:
            stopping = asyncio.create_task(consumer.stop(), name="kafka-offsets-stop")  # it may hang without a broker
            await asyncio.wait({stopping}, timeout=STOP_SECONDS)
            stopping.cancel()
            await asyncio.gather(stopping, return_exceptions=True)


@asynccontextmanager
async def _away() -> AsyncIterator[None]:
    try:
        yield
    except AWAY as error:
        raise Transient(f"Kafka: {type(error).__name__}; are the brokers up, and is the address right?") from error
