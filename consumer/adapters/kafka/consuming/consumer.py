"""Consumes the input topics: records in batches, live traffic first. Commits offsets only for owned partitions.

aiokafka's pitfalls shape this file. A poll is never cancelled or timed out from outside, because that breaks its idle
clock. A member always polls, also while paused. A consumer that raised or stands still is replaced by a new one.
`stop()` may hang or raise. `auto_offset_reset` is "none": where reading begins is decided in `placement`.
"""

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from consumer.adapters.kafka.client import brokers_reachable, records_of
from consumer.adapters.kafka.consuming.lags import LagWatch
from consumer.adapters.kafka.consuming.order import Order
from consumer.adapters.kafka.consuming.ownership import Ownership
from consumer.adapters.kafka.consuming.placement import place
from consumer.adapters.kafka.consuming.transactions import open_transactions
from consumer.adapters.kafka.ends import Ends
from consumer.adapters.kafka.unpacking import keep_readable
from consumer.domain.events import Record, TopicPartition
from consumer.errors import Transient
from consumer.flows.intake.ports import Lag, LostPosition, OpenTransaction
from schemas.topics import Topics

START_SECONDS = 30.0
STOP_SECONDS = 5.0
CALL_SECONDS = 10.0
STANDSTILL_SECONDS = 45.0  # behind the log's end and without a record for this time, the consumer is replaced
CHECK_SECONDS = 5.0
LIVE_SECONDS = 5.0  # for this time after a live record, replayed ones are read in small pieces
TRICKLE = 100  # records at most of one poll, where it has requests as well as session events
REPLAY_BATCH = 800  # records at most: a first live one waits for two such batches, 0.2 s
REPLAY_PIECE = 200  # records at most, decoded and stored in a few hundredths of a second
REPLAY_PAUSE_SECONDS = 0.05  # between two pieces; the rest of the time is for live records
FETCH_BYTES = 2 * 1024 * 1024  # per partition: twice the largest accepted value; limits memory

log = structlog.stdlib.get_logger("escalation.kafka")


class KafkaSource:
    """One member of the consumer group. Only `close` may be called while another call is under way."""

    def __init__(
        self,
        connection: Mapping[str, Any],
        *,
        group: str,
        topics: Topics,
        session_timeout_seconds: float,
        batch_records: int,
        instance_id: str | None = None,
    ) -> None:
        """A static member with `instance_id`: who joins under that name takes over its partitions, and nobody else."""
        self._connection = connection
        self._group = group
        self._topics = topics
        self._session_timeout_seconds = session_timeout_seconds
        self._batch_records = batch_records
        self._instance_id = instance_id
        self._consumer: AIOKafkaConsumer | None = None
        self._listener = Ownership(self._settle)
        self._paused = False
        self._moved_at = time.monotonic()
        self._checked_at = 0.0
        self._live_at = self._replayed_at = 0.0
        self._lags = LagWatch()
        self._ends = Ends(self._connection)
        self._log_ends = Ends(self._connection, "read_uncommitted")
        self.lost: list[LostPosition] = []
        """Committed offsets that were not in the log. The caller clears the list."""

    @property
    def is_member(self) -> bool:
        """Whether the group has accepted this member, also without a partition of its own."""
        return self._consumer is not None and self._listener.is_member

    @property
    def owned(self) -> frozenset[TopicPartition]:
        return frozenset(TopicPartition(*partition) for partition in self._listener.owned)

    async def poll(self, wait_ms: int) -> list[Record]:
        """Returns the next records, in order within a partition; replayed ones only when there are no live ones.

        While live records come now and then, replayed ones get only a part of the time: work on live ones needs the
        rest. Returns an empty list after `wait_ms`, or at once while paused. Raises Transient while Kafka is
        unreachable; the next call starts a new consumer.
        """
        consumer = await self._started()
        try:
            records = await self._fetch_or_place(consumer, wait_ms)
            if records:
                self._moved_at = time.monotonic()
                if not all(self._topics.is_replay(record.origin.topic) for record in records):
                    self._live_at = self._moved_at
            elif time.monotonic() - self._checked_at > CHECK_SECONDS:
                await self._check(consumer)
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            raise Transient(f"Kafka: {type(error).__name__}") from error
        return records

    def positions(self) -> dict[TopicPartition, int]:
        """Returns the next offset to read of each owned partition, past transaction markers; omits unknown ones."""
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

    def lags(self) -> dict[TopicPartition, Lag]:
        """Returns how far reading of each owned partition is behind its end, as far as the brokers have told it."""
        consumer = self._consumer
        if consumer is None:
            return {}
        owned = self._listener.owned & consumer.assignment()
        ends = {TopicPartition(*each): int(end) for each in owned if (end := consumer.highwater(each)) is not None}
        return self._lags.lags(self.positions(), ends)

    async def session_ends(self) -> dict[TopicPartition, int]:
        """Returns the ends of all logs with session events, live and replayed, owned or not. Raises Transient."""
        consumer = await self._started()
        async with brokers_reachable():
            ends = await self._session_ends(consumer)
        return {TopicPartition(*partition): offset for partition, offset in ends.items()}

    async def open_transactions(self, partitions: Collection[TopicPartition]) -> Sequence[OpenTransaction]:
        return await open_transactions(self._connection, sorted(partitions))

    async def _session_ends(self, consumer: AIOKafkaConsumer) -> Mapping[KafkaPartition, int]:
        topics = (self._topics.sessions, self._topics.replay[0])
        numbers = {topic: consumer.partitions_for_topic(topic) or () for topic in topics}
        return await self._log_ends.of(
            [KafkaPartition(topic, each) for topic, some in numbers.items() for each in some]
        )

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commits the offsets of owned partitions. Returns whether the broker has taken all of them; never raises.

        Hazard: in a rebalance nothing is owned. A partition that comes back is read again from its committed offset, to
        the same end: were this one believed to be committed, nobody would ever commit it.
        """
        consumer = self._consumer
        given = {KafkaPartition(*partition): offset for partition, offset in offsets.items()}
        owned = {partition: offset for partition, offset in given.items() if partition in self._listener.owned}
        if consumer is None or not owned:
            return not given
        try:
            await asyncio.wait_for(consumer.commit(owned), CALL_SECONDS)
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("Offsets were not committed.", event_name="commit_failed", error=type(error).__name__)
            return False
        return len(owned) == len(given)

    def pause(self) -> None:
        """Polls return nothing until `resume`; the group membership stays."""
        self._paused = True
        if self._consumer is not None:
            self._consumer.pause(*self._consumer.assignment())

    async def resume(self) -> None:
        """Continues at the committed offsets: records that were read since are read again."""
        self._paused = False
        self._moved_at = time.monotonic()
        consumer = self._consumer
        if consumer is None or not consumer.assignment():
            return
        try:
            await asyncio.wait_for(self._rewind(consumer), CALL_SECONDS)
        except (KafkaError, OSError, TimeoutError):
            await self.close()  # the next, new consumer begins at the committed offsets

    async def close(self) -> None:
        """Leaves the group, within 9 s. Never raises, although aiokafka's `stop` hangs or raises without a broker."""
        consumer, self._consumer = self._consumer, None
        self._listener.gone()
        await self._ends.close()
        await self._log_ends.close()
        if consumer is None:
            return
        stopping = asyncio.create_task(consumer.stop(), name="kafka-stop")
        await asyncio.wait({stopping}, timeout=STOP_SECONDS)
        if not stopping.done():
            stopping.cancel()
            await asyncio.wait({stopping}, timeout=1.0)
        if stopping.done() and not stopping.cancelled():
            stopping.exception()  # retrieved, or asyncio would log it

    async def _fetch_or_place(self, consumer: AIOKafkaConsumer, wait_ms: int) -> list[Record]:
        try:
            return await self._fetch(consumer, wait_ms)
        except NoOffsetForPartitionError:
            self.lost += await place(consumer, consumer.assignment())
        except OffsetOutOfRangeError as error:
            self.lost += await place(consumer, consumer.assignment(), out_of_range=frozenset(error.args[0]))
        return []

    async def _fetch(self, consumer: AIOKafkaConsumer, wait_ms: int) -> list[Record]:
        if self._paused:
            consumer.pause(*consumer.assignment())  # again, because a rebalance forgets pauses
            await consumer.getmany(timeout_ms=0)
            return []
        order = Order.of(consumer.assignment(), self._topics)
        if records := await self._live(consumer, order.live):
            return records
        if order.replayed and order.live and time.monotonic() - self._live_at < LIVE_SECONDS:
            rest = self._replayed_at + REPLAY_PAUSE_SECONDS - time.monotonic()
            if rest > 0:  # no second read after the wait: partitions may have moved meanwhile
                return await self._getmany(consumer, list(chain(*order.live)), int(rest * 1000) + 1)
            self._replayed_at = time.monotonic()
            return await self._first(consumer, order.replayed, REPLAY_PIECE)
        if records := await self._first(consumer, order.replayed, REPLAY_BATCH):
            return records
        # Nothing is there: wait for what comes first. An empty list of partitions means all of them.
        return await self._getmany(consumer, (), wait_ms, REPLAY_BATCH if order.replayed else None)

    async def _live(self, consumer: AIOKafkaConsumer, groups: Sequence[Collection[KafkaPartition]]) -> list[Record]:
        """The first group that holds something, and a few records of those after it: a request with its events."""
        records: list[Record] = []
        for group in groups:
            if not records:
                records = await self._getmany(consumer, group, 0)
            elif (room := TRICKLE - len(records)) > 0:
                # Hazard: what was read is passed for ever. An error that loses it comes again at the next poll.
                with contextlib.suppress(KafkaError):
                    records += await self._getmany(consumer, group, 0, room)
        return records

    async def _first(
        self, consumer: AIOKafkaConsumer, groups: Sequence[Collection[KafkaPartition]], most: int | None = None
    ) -> list[Record]:
        for group in groups:
            if records := await self._getmany(consumer, group, 0, most):
                return records
        return []

    async def _getmany(
        self,
        consumer: AIOKafkaConsumer,
        partitions: Collection[KafkaPartition],
        timeout_ms: int,
        most: int | None = None,
    ) -> list[Record]:
        limit = self._batch_records if most is None else min(most, self._batch_records)
        batches = await consumer.getmany(*partitions, timeout_ms=timeout_ms, max_records=limit)
        self._lags.note(batches)
        return records_of(batches)

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is not None:
            return self._consumer
        keep_readable()
        consumer = AIOKafkaConsumer(
            **self._connection,
            group_id=self._group,
            group_instance_id=self._instance_id,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            session_timeout_ms=int(self._session_timeout_seconds * 1000),
            heartbeat_interval_ms=int(self._session_timeout_seconds * 100),
            rebalance_timeout_ms=max(60_000, int(self._session_timeout_seconds * 2000)),
            max_poll_interval_ms=300_000,
            max_poll_records=self._batch_records,
            max_partition_fetch_bytes=FETCH_BYTES,
            partition_assignment_strategy=(RangePartitionAssignor,),  # only this one, for ever
            metadata_max_age_ms=30_000,
        )
        consumer.subscribe([*self._topics.live, *self._topics.replay], listener=self._listener)
        try:
            await asyncio.wait_for(consumer.start(), START_SECONDS)
            await self._session_ends(consumer)  # the first time it takes a while, which no request shall wait for
        except (KafkaError, OSError, TimeoutError, AssertionError) as error:
            self._consumer = consumer
            await self.close()
            raise Transient(f"Kafka: {type(error).__name__} at the start of the consumer") from error
        self._consumer = consumer
        self._moved_at = self._checked_at = time.monotonic()
        return consumer

    async def _check(self, consumer: AIOKafkaConsumer) -> None:
        """Raises KafkaError or TimeoutError when the brokers do not answer, TimeoutError when reading stands still."""
        self._checked_at = time.monotonic()
        if not (ends := await self._ends.of(list(self._listener.owned))):
            await asyncio.wait_for(consumer.topics(), CALL_SECONDS)
        # Hazard: the group may have taken partitions away while the brokers were asked.
        ends = {partition: ends[partition] for partition in ends.keys() & consumer.assignment()}
        behind = [partition for partition, end in ends.items() if (consumer.last_stable_offset(partition) or 0) > end]
        positions = self.positions()
        behind += [partition for partition, end in ends.items() if positions.get(TopicPartition(*partition), end) < end]
        if not behind or self._paused:
            self._moved_at = time.monotonic()
        elif time.monotonic() - self._moved_at > STANDSTILL_SECONDS:
            log.error("The Kafka consumer stands still and is replaced.", event_name="consumer_stuck")
            raise TimeoutError

    async def _rewind(self, consumer: AIOKafkaConsumer) -> None:
        partitions = consumer.assignment()
        self.lost += await place(consumer, partitions, everywhere=True)
        consumer.resume(*partitions)

    async def _settle(self, partitions: Any) -> None:
        """Places newly assigned partitions, for the listener. Raises nothing: a failure returns at the next poll."""
        consumer = self._consumer
        if consumer is not None:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                self.lost += await asyncio.wait_for(place(consumer, partitions), CALL_SECONDS)
