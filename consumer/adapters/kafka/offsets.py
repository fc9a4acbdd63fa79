"""Reads and moves the committed offsets of a consumer group that has no members.

aiokafka's admin client cannot alter a group's offsets. A consumer with manually assigned partitions can commit them
while the group is empty. The broker refuses such a commit once the group has a member, so no running member's offsets
are moved.
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

from consumer.adapters.kafka.client import brokers_reachable
from consumer.errors import Permanent, Transient

CALL_SECONDS = 30.0
AGAIN_SECONDS = 0.2
STOP_SECONDS = 5.0

Target = Literal["earliest", "latest"] | int | datetime
"""Where reading begins: the log's start or end, an offset, or the first record at or after a time."""


class GroupInUse(Permanent):
    """The group has members; its offsets cannot be moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The planned change of one partition's committed offset."""

    topic: str
    partition: int
    committed: int | None
    """None when nothing is committed; reading then begins at the log's start."""
    start: int
    end: int
    to: int

    @property
    def again(self) -> int:
        """Number of records that will be read once more. It counts offsets, so transaction markers count too."""
        return max(0, self._position - self.to)

    @property
    def skipped(self) -> int:
        """Number of records that have not been read and will not be read. It counts offsets, as `again` does."""
        return max(0, self.to - self._position)

    @property
    def _position(self) -> int:
        return max(self.start, self.committed or 0)


async def members(connection: Mapping[str, Any], group: str) -> int:
    """Returns how many members the group has; 0 for a group that does not exist.

    Raises Transient while Kafka is unreachable or has no group coordinator.
    """
    async with _admin(connection) as admin:
        for _ in range(int(CALL_SECONDS / AGAIN_SECONDS)):
            try:
                answers = await admin.describe_consumer_groups([group])
            except GroupCoordinatorNotAvailableError:  # the first use of groups on a new cluster
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return sum(len(described[5]) for answer in answers for described in answer.groups)  # 5: the members
    raise Transient("Kafka: no coordinator of consumer groups was found")


async def plan_moves(connection: Mapping[str, Any], group: str, topics: Collection[str], target: Target) -> list[Move]:
    """Returns, for each partition, its committed offset and the one that `target` gives, kept within the log.

    Raises Transient while Kafka is unreachable, Permanent for a topic that is missing.
    """
    async with _admin(connection) as admin, _consumer(connection, None) as consumer:
        partitions = []
        for topic in await admin.describe_topics(list(topics)):
            if topic["error_code"]:
                raise Permanent(
                    f"Topic {topic['topic']}: {for_code(topic['error_code']).__name__}. `escalation-consumer prepare` "
                    "makes missing topics; is ESCALATION_TOPIC_PREFIX the service's?"
                )
            partitions += [TopicPartition(topic["topic"], described["partition"]) for described in topic["partitions"]]
        starts, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        committed = await admin.list_consumer_group_offsets(group)
        targets = await _target_offsets(consumer, target, starts, ends)
    return [
        Move(
            topic=at.topic,
            partition=at.partition,
            committed=committed[at].offset if at in committed and committed[at].offset >= 0 else None,
            start=starts[at],
            end=ends[at],
            to=min(max(targets[at], starts[at]), ends[at]),
        )
        for at in sorted(partitions)
    ]


async def move_group(connection: Mapping[str, Any], group: str, moves: Collection[Move]) -> None:
    """Commits all moves, or raises GroupInUse when a member has joined, Transient while Kafka is unreachable."""
    offsets = {TopicPartition(move.topic, move.partition): move.to for move in moves}
    if not offsets:
        return
    async with _consumer(connection, group) as consumer:
        consumer.assign(list(offsets))
        try:
            await asyncio.wait_for(consumer.commit(offsets), CALL_SECONDS)
        except CommitFailedError as error:
            raise GroupInUse(f"The group {group} has got a member meanwhile; nothing was moved.") from error


async def _target_offsets(
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
            dated = await consumer.offsets_for_times(dict.fromkeys(starts, int(target.timestamp() * 1000)))
            return {partition: ends[partition] if at is None else at.offset for partition, at in dated.items()}


@asynccontextmanager
async def _admin(connection: Mapping[str, Any]) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection)
    async with brokers_reachable():
        try:
            await asyncio.wait_for(admin.start(), CALL_SECONDS)
            yield admin
        finally:
            await admin.close()


@asynccontextmanager
async def _consumer(connection: Mapping[str, Any], group: str | None) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(**connection, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest")
    async with brokers_reachable():
        try:
            await asyncio.wait_for(consumer.start(), CALL_SECONDS)
            yield consumer
        finally:
            stopping = asyncio.create_task(consumer.stop(), name="kafka-offsets-stop")  # without a broker it may hang
            await asyncio.wait({stopping}, timeout=STOP_SECONDS)
            stopping.cancel()
            await asyncio.gather(stopping, return_exceptions=True)
