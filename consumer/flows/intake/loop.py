"""The intake: from the input topics into the inbox, batch by batch. Offsets move after the transaction that stored.

While the database works on one batch the next one is read and decoded; there are never more than these two. A database
that is away stops the reading, not the membership: both batches are dropped, polls go on empty, and reading starts
again at the committed offsets.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import structlog

from consumer.domain.arrival.decode import decode
from consumer.domain.events import Decoded, Record, Request, SessionKey, TopicPartition
from consumer.domain.redaction import Redactor
from consumer.errors import Transient
from consumer.flows.inbox import Batch, StoredBatch
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter, Meters
from schemas.topics import Topics

LOOP = "intake"
WAIT_MS = 250
"""For the first record; a shorter wait costs round trips, a longer one delays the look at the stop."""
BEAT_SECONDS = 1.0
STORE_SECONDS = 30.0
"""One transaction; longer ones are given up, for something holds them."""
POLL_STUCK_SECONDS = 90.0
"""A poll waits while the group is rebalanced, which is bounded by 60 s; beyond it the consumer is replaced."""
NOT_A_MEMBER_SECONDS = 5.0
"""A rebalance is normal; not being let in for longer is not."""
BACKLOG_LOOK_SECONDS = 0.5
ENDS_LOOK_SECONDS = 5.0
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
SMALLEST_PART, LARGEST_PART = 50, 2000
"""Records stored at once after a failure; beyond the larger number whole batches are tried again."""
YIELD_EVERY = 100
"""Records decoded before others get the event loop: a few milliseconds."""
LAST_STORE_SECONDS = 3.0

log = structlog.stdlib.get_logger("escalation.intake")

T = TypeVar("T")


class RecordSource(Protocol):
    """The input topics, as a member of the group. Only `close` may be called while another call is under way."""

    @property
    def is_member(self) -> bool: ...
    @property
    def lost(self) -> list[tuple[TopicPartition, int, int]]: ...
    async def poll(self, wait_ms: int) -> list[Record]: ...
    def positions(self) -> dict[TopicPartition, int]: ...
    async def session_ends(self) -> dict[TopicPartition, int]: ...
    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None: ...
    def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def close(self) -> None: ...


class Inbox(Protocol):
    async def store(self, batch: Batch) -> StoredBatch:
        """All or nothing; the same batch again changes nothing. Raises Transient when the database is away."""

    async def probe(self) -> None:
        """Raises Transient while nothing can be stored."""


class Cache(Protocol):
    async def forget(self, session: SessionKey) -> None:
        """Drops what is kept of this session, as far as it can; never raises."""


@dataclass(slots=True)
class _Flight:
    """The batch that the database works on."""

    task: asyncio.Task[StoredBatch]
    offsets: Mapping[TopicPartition, int]


class Intake:
    """`run` ends after its stop is set; then everything that was stored is committed, and nothing else."""

    def __init__(
        self,
        *,
        source: RecordSource,
        inbox: Inbox,
        redactor: Redactor,
        topics: Topics,
        health: Health,
        meters: Meters,
        cache: Cache | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._inbox = inbox
        self._redactor = redactor
        self._topics = topics
        self._health = health
        self._meters = meters
        self._clock = clock
        self._cache = cache
        self._flight: _Flight | None = None
        self._committed: Mapping[TopicPartition, int] = {}
        self._part = 0
        self._looked_at = self._asked_at = self._member_at = clock()
        self._backlogged = True  # until it was looked at
        self._falls = 0
        self._to_forget: set[SessionKey] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Survives the loss of Kafka and of the database. Raises what nobody foresaw, with nothing committed for it."""
        try:
            while not stop.is_set():
                self._health.beat(LOOP)
                try:
                    await self._turn()
                except _Away as away:
                    await self._wait_for_store(stop, away)
                except Transient as error:
                    await self._wait_for_kafka(stop, error)
            await self._land_last()
        finally:
            await self._drop()
            await self._source.close()

    async def _turn(self) -> None:
        """Reads and decodes one batch while the one before is stored, then hands it over."""
        records = await self._polled(0 if self._flight else WAIT_MS)
        self._see_group()
        positions = self._source.positions()
        if not records:
            await self._commit(await self._land())
            await self._idle(positions)
            return
        arrivals = await self._decoded(records)
        ends = {}
        if Request in {type(one.arrival) for one in arrivals}:
            ends = await self._beating(self._source.session_ends())
        landed = await self._land()
        self._take_off(Batch(arrivals=arrivals, positions=positions, ends=ends, look_at_backlog=self._may_look()))
        await self._commit(landed)  # takes its time, which the database has work for

    async def _idle(self, positions: Mapping[TopicPartition, int]) -> None:
        """Positions move without records, too, past the marks of transactions; and a backlog may have been read."""
        look = self._backlogged and self._may_look()
        if positions == self._committed and not look:
            return
        ends = {}
        if look and self._clock() - self._asked_at > ENDS_LOOK_SECONDS:
            self._asked_at = self._clock()
            ends = await self._beating(self._source.session_ends())
        self._take_off(Batch(positions=positions, ends=ends, look_at_backlog=True))
        await self._commit(await self._land())

    async def _decoded(self, records: list[Record]) -> tuple[Decoded, ...]:
        arrivals: list[Decoded] = []
        for at in range(0, len(records), YIELD_EVERY):
            some = records[at : at + YIELD_EVERY]
            arrivals += [decode(record, self._topics, self._redactor) for record in some]
            await asyncio.sleep(0)
        return tuple(arrivals)

    def _take_off(self, batch: Batch) -> None:
        self._flight = _Flight(asyncio.create_task(self._store(batch), name="intake-store"), batch.positions)

    async def _store(self, batch: Batch) -> StoredBatch:
        """In parts after a failure: what takes too long as a whole must not be tried as a whole for ever."""
        async with asyncio.timeout(STORE_SECONDS):
            if not self._part or len(batch.arrivals) <= self._part:
                return await self._inbox.store(batch)
            for at in range(0, len(batch.arrivals) - self._part, self._part):
                part = replace(
                    batch, arrivals=batch.arrivals[at : at + self._part], positions={}, look_at_backlog=False
                )
                self._count(await self._inbox.store(part))
            left = len(batch.arrivals) % self._part or self._part
            return await self._inbox.store(replace(batch, arrivals=batch.arrivals[-left:]))

    async def _land(self) -> Mapping[TopicPartition, int]:
        """Waits for the batch under way; its offsets can be committed then. Raises _Away when it was not stored."""
        flight = self._flight
        if flight is None:
            return {}
        since = self._clock()
        while not (await asyncio.wait({flight.task}, timeout=BEAT_SECONDS))[0]:
            self._health.beat(LOOP)
            if self._clock() - since > STORE_SECONDS / 2:
                self._health.failing("store", "a transaction takes very long")
        self._flight = None
        try:
            stored = flight.task.result()
        except (Transient, TimeoutError) as error:
            self._meters.count(Meter.BATCHES, label="failed")
            self._part = max(SMALLEST_PART, (self._part or LARGEST_PART) // 2)
            raise _Away(str(error) or type(error).__name__) from error
        self._falls = 0
        self._part = self._part * 2 if self._part and self._part < LARGEST_PART else 0
        self._health.ok("store")
        self._meters.count(Meter.BATCHES, label="stored")
        self._count(stored)
        return flight.offsets

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Of a batch that has landed; nothing for none."""
        # Hazard: before the offsets, so that an erasure that is read again after a crash is forgotten again.
        await self._forget()
        if offsets:
            await self._beating(self._source.commit(_moved(offsets, self._committed)))
            self._committed = offsets

    async def _forget(self) -> None:
        while self._to_forget:
            self._health.beat(LOOP)
            session = self._to_forget.pop()
            if self._cache is not None:
                await self._cache.forget(session)

    async def _land_last(self) -> None:
        try:
            async with asyncio.timeout(LAST_STORE_SECONDS):
                await self._commit(await self._land())
        except (_Away, TimeoutError):
            log.warning("The last batch was given up; it is read again.", event_name="intake_batch_given_up")

    def _count(self, stored: StoredBatch) -> None:
        for outcome, records in stored.outcomes.items():
            self._meters.count(Meter.RECORDS, records, label=outcome)
        for reason, records in stored.refused.items():
            self._meters.count(Meter.DEAD_LETTERS, records, label=reason)
        self._to_forget |= stored.erased | stored.swept
        if stored.backlogged is not None:
            self._backlogged = stored.backlogged

    async def _drop(self) -> None:
        """The batch under way is cut off; its transaction rolls back, or was done and is read again."""
        flight, self._flight = self._flight, None
        if flight is not None:
            flight.task.cancel()
            await asyncio.wait({flight.task})
            if not flight.task.cancelled():
                flight.task.exception()

    async def _wait_for_store(self, stop: asyncio.Event, away: "_Away") -> None:
        """Polls go on, empty, until the database answers; then reading starts again at what was committed."""
        log.warning("The store is away; intake pauses.", event_name="store_away", error=str(away))
        self._health.failing("store", str(away))
        self._source.pause()
        while not stop.is_set():
            self._falls += 1
            until = self._clock() + BACKOFF_SECONDS[min(self._falls, len(BACKOFF_SECONDS)) - 1]
            while self._clock() < until and not stop.is_set():
                with contextlib.suppress(Transient):
                    await self._polled(0)
                self._see_group()
                await _pause(stop, min(BEAT_SECONDS, max(0.0, until - self._clock())))
            try:
                await self._beating(self._inbox.probe())
            except Transient as error:
                self._health.failing("store", str(error))
                continue
            break
        self._committed = {}
        await self._beating(self._source.resume())

    async def _wait_for_kafka(self, stop: asyncio.Event, error: Transient) -> None:
        """What was read and not stored is read again by the next consumer."""
        log.warning("Kafka is away; intake waits.", event_name="kafka_away", error=str(error))
        self._health.failing("poll", str(error))
        self._see_group()
        with contextlib.suppress(_Away):
            await self._commit(await self._land())
        await self._beating(self._source.resume())
        self._committed = {}
        self._falls += 1
        await _pause(stop, BACKOFF_SECONDS[min(self._falls, len(BACKOFF_SECONDS)) - 1])

    async def _polled(self, wait_ms: int) -> list[Record]:
        records = await self._beating(self._source.poll(wait_ms), stuck_seconds=POLL_STUCK_SECONDS)
        self._health.ok("poll")
        for partition, committed, start in self._source.lost:
            self._health.failing(
                "position",
                f"{partition}: records {committed} to {start - 1} were deleted before they were read; "
                "send them again on the replay topics",
            )
        self._source.lost.clear()
        return records

    async def _beating(self, work: Awaitable[T], *, stuck_seconds: float = POLL_STUCK_SECONDS) -> T:
        """Awaits with signs of life: what waits for a server is not a loop that stands still.

        Raises Transient when it takes longer than `stuck_seconds`; the consumer is closed then, and only then is a poll
        cancelled.
        """
        task = asyncio.ensure_future(work)
        since = self._clock()
        try:
            while not (await asyncio.wait({task}, timeout=BEAT_SECONDS))[0]:
                self._health.beat(LOOP)
                if self._clock() - since > stuck_seconds:
                    await self._source.close()
                    raise Transient("Kafka: a call did not return; a new consumer is made")
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=BEAT_SECONDS)

    def _see_group(self) -> None:
        if self._source.is_member:
            self._member_at = self._clock()
            self._health.ok("group")
        elif self._clock() - self._member_at > NOT_A_MEMBER_SECONDS:
            self._health.failing("group", "the consumer is not a member of its group")

    def _may_look(self) -> bool:
        if self._clock() - self._looked_at < BACKLOG_LOOK_SECONDS:
            return False
        self._looked_at = self._clock()
        return True


class _Away(Exception):
    """The store is away."""


def _moved(offsets: Mapping[TopicPartition, int], committed: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    return {partition: offset for partition, offset in offsets.items() if committed.get(partition) != offset}


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
