"""The consumer of the input topics: bytes in batches, live traffic first, offsets only for what is still owned.

aiokafka's pitfalls that shape this file: a poll is never cancelled or timed out from outside (its idle clock breaks); a
member polls always, also while paused; a consumer that raised or stands still is thrown away for a new one; `stop()`
may hang or raise. `auto_offset_reset` is "none": a new group begins at the log's start on purpose, and a committed
offset that has fallen off the log is said aloud before going on at the log's start.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from consumer.domain.events import Origin, Record, TopicPartition
from consumer.errors import Transient
from schemas.topics import Topics

START_SECONDS = 30.0
STOP_SECONDS = 5.0
CALL_SECONDS = 10.0
COMMIT_SECONDS = 10.0
STANDSTILL_SECONDS = 45.0  # behind the end and nothing read for so long: a new consumer
CHECK_SECONDS = 5.0
LIVE_SECONDS = 5.0  # so long after the last live record replays are read little by little
REPLAY_BATCH = 800  # records at most: the first live one waits for two such batches, a fifth of a second
REPLAY_PIECE = 200  # records, decoded and stored in a few hundredths of a second ...
REPLAY_PAUSE_SECONDS = 0.05  # ... and so often at most: the rest of the time is live work's
FETCH_BYTES = 2 * 1024 * 1024  # per partition, twice the largest value that is taken; bounds memory

log = structlog.stdlib.get_logger("escalation.kafka")


class KafkaSource:
    """The records of one member of the group. Not safe for use by several tasks but for `close`."""

    def __init__(
        self,
        connection: Mapping[str, Any],
        *,
        group: str,
        topics: Topics,
        session_timeout_seconds: float,
        batch_records: int,
    ) -> None:
        self._connection = dict(connection)
        self._group = group
        self._topics = topics
        self._session_timeout_seconds = session_timeout_seconds
        self._batch_records = batch_records
        self._consumer: AIOKafkaConsumer | None = None
        self._listener = _Ownership(self)
        self._paused = False
        self._moved_at = time.monotonic()
        self._checked_at = 0.0
        self._live_at = self._replayed_at = 0.0
        self.lost: list[tuple[TopicPartition, int, int]] = []
        """Committed offsets that had fallen off the log: where, which, where it goes on. Cleared outside."""

    @property
    def is_member(self) -> bool:
        """Whether the group has let this member in, also without a partition of its own."""
        return self._consumer is not None and self._listener.is_member

    @property
    def owned(self) -> frozenset[TopicPartition]:
        return frozenset(TopicPartition(*partition) for partition in self._listener.owned)

    async def poll(self, wait_ms: int) -> list[Record]:
        """The next records, in order within a partition; replayed ones only when there are no live ones.

        While live ones come now and then, replayed ones are held to a part of the time, for what is made of live ones
        needs the rest.

        Empty after `wait_ms`, or at once while paused. Raises Transient when Kafka is away; the next call begins anew.
        """
        consumer = await self._started()
        try:
            found = await self._fetch_or_place(consumer, wait_ms)
            if found:
                self._moved_at = time.monotonic()
                if not all(self._topics.is_replay(record.origin.topic) for record in found):
                    self._live_at = self._moved_at
            elif time.monotonic() - self._checked_at > CHECK_SECONDS:
                await self._check(consumer)
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            raise Transient(f"Kafka: {type(error).__name__}") from error
        return found

    def positions(self) -> dict[TopicPartition, int]:
        """What has been read of the owned partitions, transaction markers included; without those not known yet."""
        if self._consumer is None:
            return {}
        positions = {}
        for partition in self._listener.owned:
            subscription = self._consumer._subscription.subscription  # noqa: SLF001 - `position()` may wait for ever
            assignment = subscription.assignment if subscription else None
            state = assignment.state_value(partition) if assignment else None
            if state is not None and state.has_valid_position:
                positions[TopicPartition(*partition)] = int(state.position)
        return positions

    async def session_ends(self) -> dict[TopicPartition, int]:
        """The ends of all session topics, live and replayed, owned or not. Raises Transient."""
        consumer = await self._started()
        wanted = []
        for topic in (self._topics.sessions, self._topics.replay[0]):
            wanted += [KafkaPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        try:
            ends = await asyncio.wait_for(consumer.end_offsets(wanted), CALL_SECONDS) if wanted else {}
        except (KafkaError, OSError, TimeoutError) as error:
            raise Transient(f"Kafka: {type(error).__name__} while asking for the ends of topics") from error
        return {TopicPartition(*partition): offset for partition, offset in ends.items()}

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commits for partitions that are still owned. What fails is read again, which does no harm: never raises."""
        consumer = self._consumer
        wanted = {KafkaPartition(*partition): offset for partition, offset in offsets.items()}
        mine = {partition: offset for partition, offset in wanted.items() if partition in self._listener.owned}
        if consumer is None or not mine:
            return
        try:
            await asyncio.wait_for(consumer.commit(mine), COMMIT_SECONDS)
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("Offsets were not committed.", event_name="commit_failed", error=type(error).__name__)

    def pause(self) -> None:
        """Polls yield nothing until `resume`; the membership lives on."""
        self._paused = True
        if self._consumer is not None:
            self._consumer.pause(*self._consumer.assignment())

    async def resume(self) -> None:
        """Goes on at the committed offsets: whatever was read since is read again."""
        self._paused = False
        self._moved_at = time.monotonic()
        consumer = self._consumer
        if consumer is None or not consumer.assignment():
            return
        try:
            await asyncio.wait_for(self._rewind(consumer), CALL_SECONDS)
        except (KafkaError, OSError, TimeoutError):
            await self.close()  # a new consumer begins at the committed offsets by itself

    async def close(self) -> None:
        """Leaves the group. Bounded, and never raises: aiokafka's stop hangs or raises without a broker."""
        consumer, self._consumer = self._consumer, None
        self._listener.gone()
        if consumer is None:
            return
        stopping = asyncio.create_task(consumer.stop(), name="kafka-stop")
        await asyncio.wait({stopping}, timeout=STOP_SECONDS)
        if not stopping.done():
            stopping.cancel()
            await asyncio.wait({stopping}, timeout=1.0)
        if stopping.done() and not stopping.cancelled():
            stopping.exception()  # looked at, so that nobody complains

    async def _fetch_or_place(self, consumer: AIOKafkaConsumer, wait_ms: int) -> list[Record]:
        try:
            return await self._fetch(consumer, wait_ms)
        except (NoOffsetForPartitionError, OffsetOutOfRangeError):
            await self._place(consumer, consumer.assignment())
            return []

    async def _fetch(self, consumer: AIOKafkaConsumer, wait_ms: int) -> list[Record]:
        if self._paused:
            consumer.pause(*consumer.assignment())  # a rebalance forgets pauses
            await consumer.getmany(timeout_ms=0)
            return []
        live = [one for one in consumer.assignment() if not self._topics.is_replay(one.topic)]
        replay = [one for one in consumer.assignment() if self._topics.is_replay(one.topic)]
        # The requests are few and urgent: first in a batch, whatever a backlog of session events does.
        live.sort(key=lambda one: self._topics.carries_sessions(one.topic))
        # Replayed ones have no deadline: they come when their sessions are there, and seldom ask for the topics' ends.
        replay.sort(key=lambda one: not self._topics.carries_sessions(one.topic))
        if live and (found := await self._getmany(consumer, live, 0)):
            return found
        if replay and live and time.monotonic() - self._live_at < LIVE_SECONDS:
            rest = self._replayed_at + REPLAY_PAUSE_SECONDS - time.monotonic()
            if rest > 0:  # and no more after the wait: partitions may have moved meanwhile
                return await self._getmany(consumer, live, int(rest * 1000) + 1)
            self._replayed_at = time.monotonic()
            return await self._getmany(consumer, replay, 0, REPLAY_PIECE)
        if replay and (found := await self._getmany(consumer, replay, 0, REPLAY_BATCH)):
            return found
        # Nothing is there: wait for whatever comes first. No partition named means all of them.
        return await self._getmany(consumer, (), wait_ms, REPLAY_BATCH if replay else None)

    async def _getmany(
        self,
        consumer: AIOKafkaConsumer,
        partitions: Sequence[KafkaPartition],
        timeout_ms: int,
        most: int | None = None,
    ) -> list[Record]:
        limit = self._batch_records if most is None else min(most, self._batch_records)
        polled = await consumer.getmany(*partitions, timeout_ms=timeout_ms, max_records=limit)
        return [
            Record(Origin(one.topic, one.partition, one.offset), one.key, one.value, one.headers)
            for records in polled.values()
            for one in records
        ]

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is not None:
            return self._consumer
        consumer = AIOKafkaConsumer(
            **self._connection,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            session_timeout_ms=int(self._session_timeout_seconds * 1000),
            heartbeat_interval_ms=int(self._session_timeout_seconds * 100),
            rebalance_timeout_ms=max(60_000, int(self._session_timeout_seconds * 2000)),
            max_poll_interval_ms=300_000,
            max_poll_records=self._batch_records,
            max_partition_fetch_bytes=FETCH_BYTES,
            partition_assignment_strategy=(RangePartitionAssignor,),  # one, for ever: see the pitfalls
            metadata_max_age_ms=30_000,
        )
        consumer.subscribe([*self._topics.live, *self._topics.replay], listener=self._listener)
        try:
            await asyncio.wait_for(consumer.start(), START_SECONDS)
        except (KafkaError, OSError, TimeoutError, AssertionError) as error:
            self._consumer = consumer
            await self.close()
            raise Transient(f"Kafka: {type(error).__name__} at the start of the consumer") from error
        self._consumer = consumer
        self._moved_at = self._checked_at = time.monotonic()
        return consumer

    async def _check(self, consumer: AIOKafkaConsumer) -> None:
        """Raises a KafkaError or TimeoutError when the brokers don't answer, or when reading stands still."""
        self._checked_at = time.monotonic()
        ends = await asyncio.wait_for(consumer.end_offsets(list(self._listener.owned)), CALL_SECONDS)
        if not ends:
            await asyncio.wait_for(consumer.topics(), CALL_SECONDS)
        behind = [one for one, end in ends.items() if (consumer.last_stable_offset(one) or 0) > end]
        at = self.positions()
        behind += [one for one, end in ends.items() if at.get(TopicPartition(*one), end) < end]
        if not behind or self._paused:
            self._moved_at = time.monotonic()
        elif time.monotonic() - self._moved_at > STANDSTILL_SECONDS:
            log.error("Reading stands still; a new consumer is made.", event_name="consumer_stuck")
            raise TimeoutError

    async def _rewind(self, consumer: AIOKafkaConsumer) -> None:
        partitions = consumer.assignment()
        await self._place(consumer, partitions, everywhere=True)
        consumer.resume(*partitions)

    async def _place(self, consumer: AIOKafkaConsumer, partitions: Any, *, everywhere: bool = False) -> None:
        """Puts partitions without a usable committed offset at the log's start; with `everywhere` all are put."""
        partitions = list(partitions)
        if not partitions:
            return
        starts = await consumer.beginning_offsets(partitions)
        for one in partitions:
            committed = await consumer.committed(one)
            if one not in consumer.assignment():
                continue  # a rebalance took it meanwhile: whoever has it now puts it in its place
            if committed is None:
                consumer.seek(one, starts[one])
            elif committed < starts[one]:
                log.error(
                    "A committed offset has fallen off the log: records were deleted before they were read.",
                    event_name="offset_lost",
                    topic=one.topic,
                    partition=one.partition,
                    committed=committed,
                    log_start=starts[one],
                )
                self.lost.append((TopicPartition(*one), committed, starts[one]))
                consumer.seek(one, starts[one])
            elif everywhere:
                consumer.seek(one, committed)

    async def settle(self, partitions: Any) -> None:
        """Called by the listener with what was assigned; whatever fails here is met again by the next poll."""
        consumer = self._consumer
        if consumer is not None:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(self._place(consumer, partitions), CALL_SECONDS)


class _Ownership(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """What this member owns between two rebalances."""

    def __init__(self, source: KafkaSource) -> None:
        self._source = source
        self.owned: frozenset[KafkaPartition] = frozenset()
        self.is_member = False

    def gone(self) -> None:
        self.owned = frozenset()
        self.is_member = False

    async def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002 - the protocol's signature
        self.gone()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        # Records of new partitions are polled while this still runs, so they have to count as owned before it waits.
        self.owned = frozenset(assigned)
        await self._source.settle(assigned)
        self.is_member = True
