"""The intake loop: from the input topics into the inbox, batch by batch.

It commits an offset only after the transaction that stored its record. While the database stores one batch, the next
one is read and decoded; there are never more than these two. While the database is away, reading pauses and the
membership lives on: both batches are dropped, polls yield nothing, and reading goes on at the committed offsets.

A record that decoding stumbles over is set aside as a dead letter. When most records are refused, reading pauses.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from consumer.domain.arrival.decode import decode
from consumer.domain.events import Decoded, Record, Refusal, Request, TopicPartition
from consumer.domain.redaction import Redactor
from consumer.errors import Transient
from consumer.flows.inbox import Batch, Inbox, StoredBatch
from consumer.flows.intake.backlog import BacklogWatch
from consumer.flows.intake.membership import BEAT_SECONDS, Membership
from consumer.flows.intake.parts import PartSize
from consumer.flows.intake.ports import RecordSource
from consumer.flows.intake.refusal_lines import RefusalLines
from consumer.flows.intake.setting_aside import decode_alone, decode_sound
from consumer.flows.intake.suspicion import REMEMBERED, RefusalsLeap, Suspicion
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.operation.phases import PhaseClock
from consumer.flows.pacing import LoopTurn, rest
from schemas.topics import Topics

LOOP = "intake"
WAIT_MS = 250
"""How long a poll waits for the first record. A shorter wait costs round trips; a longer one delays the stop."""
STORE_SECONDS = 30.0
"""How long storing a batch may take. It is given up then, because something blocks it."""
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
LAST_STORE_SECONDS = 3.0

log = structlog.stdlib.get_logger("escalation.intake")


@dataclass(slots=True)
class _Flight:
    """The batch that the database is storing."""

    task: asyncio.Task[StoredBatch]
    offsets: Mapping[TopicPartition, int]


class Intake:
    """`run` ends after its stop is set. By then everything that was stored is committed, and nothing else."""

    def __init__(
        self,
        *,
        source: RecordSource,
        inbox: Inbox,
        redactor: Redactor,
        topics: Topics,
        health: Health,
        meters: Meters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._member = Membership(source=source, health=health, meters=meters, loop=LOOP, clock=clock)
        self._inbox = inbox
        self._redactor = redactor
        self._topics = topics
        self._health = health
        self._meters = meters
        self._clock = clock
        self._phases = PhaseClock(meters=meters, loop=LOOP, clock=clock)
        self._parts = PartSize()
        self._backlog = BacklogWatch(clock)
        self._flight: _Flight | None = None
        self._failures = 0
        self._refusal_lines = RefusalLines(clock)
        self._suspicion = Suspicion(lambda: decode_sound(topics, redactor))

    async def run(self, stop: asyncio.Event) -> None:
        """Survives the loss of Kafka and of the database. Any other error is raised, with nothing committed for it."""
        try:
            while not stop.is_set():
                self._health.beat(LOOP)
                self._refusal_lines.tell()
                try:
                    await self._turn()
                except _StoreAway as away:
                    self._phases.enter("rest")
                    await self._wait_for_store(stop, away)
                except RefusalsLeap as doubt:
                    self._phases.enter("rest")
                    await self._wait_in_doubt(stop, doubt)
                except Transient as error:
                    self._phases.enter("rest")
                    await self._wait_for_kafka(stop, error)
            self._phases.enter("store")
            await self._land_last()
        finally:
            self._phases.enter(None)
            await self._drop()
            await self._member.close()

    async def _turn(self) -> None:
        """Reads and decodes one batch while the one before it is stored, then hands it over."""
        self._phases.enter("read")
        records = await self._member.poll(0 if self._flight else WAIT_MS)
        self._member.report()
        positions = self._member.positions()
        if not records:
            self._phases.enter("store")
            await self._commit(await self._land())
            await self._idle(positions)
            return
        self._phases.enter("decode")
        arrivals = await self._decoded(records)
        ends = {}
        kinds = {type(decoded.arrival) for decoded in arrivals}
        self._suspicion.note(arrivals if Refusal in kinds else arrivals[-REMEMBERED:])
        if Refusal in kinds:
            self._suspicion.check()
        if Request in kinds:
            ends = await self._member.session_ends()
        self._phases.enter("store")
        landed = await self._land()
        look = self._backlog.may_look(positions)
        self._backlog.aim(ends)
        self._take_off(Batch(arrivals=arrivals, positions=positions, ends=ends, look_at_backlog=look))
        await self._commit(landed)  # meanwhile the database stores the new batch

    async def _idle(self, positions: Mapping[TopicPartition, int]) -> None:
        """Stores positions without records: they pass transaction markers, too, and a backlog may have been read."""
        look = self._backlog.waiting and self._backlog.may_look(positions)
        if not look and not self._member.has_moved(positions):
            return
        ends = {}
        if look and self._backlog.may_ask_for_ends():
            ends = await self._member.session_ends()
        self._take_off(Batch(positions=positions, ends=ends, look_at_backlog=True))
        await self._commit(await self._land())

    async def _decoded(self, records: list[Record]) -> tuple[Decoded, ...]:
        arrivals: list[Decoded] = []
        topics, redactor, turn, clock = self._topics, self._redactor, LoopTurn(), time.monotonic
        for record in records:
            try:
                arrivals.append(decode(record, topics, redactor))
            except BaseException:  # noqa: BLE001 - it is looked at again
                arrivals.append(decode_alone(record, topics, redactor))
            if clock() >= turn.until:
                self._health.beat(LOOP)
                await turn.end()
        return tuple(arrivals)

    def _take_off(self, batch: Batch) -> None:
        self._flight = _Flight(asyncio.create_task(self._store(batch), name="intake-store"), batch.positions)

    async def _store(self, batch: Batch) -> StoredBatch:
        async with asyncio.timeout(STORE_SECONDS):
            *parts, last = self._parts.cut(batch)
            for part in parts:
                self._count(await self._inbox.store(part))
            return await self._inbox.store(last)

    async def _land(self) -> Mapping[TopicPartition, int]:
        """Waits until the batch under way is stored; returns the offsets to commit. Raises _StoreAway if it was not."""
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
            self._parts.shrink()
            raise _StoreAway(str(error) or type(error).__name__) from error
        self._failures = 0
        self._parts.grow()
        self._health.ok("store")
        self._health.ok("decode")
        self._meters.count(Meter.BATCHES, label="stored")
        self._count(stored)
        return flight.offsets

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commits the offsets of a batch that has landed; there are none without a batch."""
        if offsets:
            await self._member.commit(offsets)

    async def _land_last(self) -> None:
        try:
            async with asyncio.timeout(LAST_STORE_SECONDS):
                await self._commit(await self._land())
        except (_StoreAway, TimeoutError):
            log.warning(
                "The last batch was not stored in time; it is read again after the next start.",
                event_name="intake_batch_given_up",
            )

    def _count(self, stored: StoredBatch) -> None:
        for outcome, records in stored.outcomes.items():
            self._meters.count(Meter.RECORDS, records, label=outcome)
        for reason, records in stored.refused.items():
            self._meters.count(Meter.DEAD_LETTERS, records, label=reason)
        self._refusal_lines.tell(stored.refusals)
        if stored.backlogged is not None:
            self._backlog.waiting = stored.backlogged

    async def _drop(self) -> None:
        """Cancels the batch under way. It is read again, whether its transaction rolled back or was done already."""
        flight, self._flight = self._flight, None
        if flight is not None:
            flight.task.cancel()
            await asyncio.wait({flight.task})
            if not flight.task.cancelled():
                flight.task.exception()

    async def _wait_for_store(self, stop: asyncio.Event, away: "_StoreAway") -> None:
        """Polls without reading until the database answers. Then reading goes on at the committed offsets."""
        self._health.failing("store", str(away))
        self._member.pause()
        while not stop.is_set():
            await self._poll_without_reading(stop, self._next_backoff())
            try:
                await self._member.alive(self._inbox.probe())
            except Transient as error:
                self._health.failing("store", str(error))
                continue
            break
        await self._member.rewind()

    async def _wait_in_doubt(self, stop: asyncio.Event, doubt: RefusalsLeap) -> None:
        """Pauses. Then the records that raised the doubt are read again; whatever was stored before is committed."""
        log.error("Intake paused: most records are refused.", event_name="refusals_leap", error=str(doubt))
        with contextlib.suppress(_StoreAway):
            await self._commit(await self._land())
        self._health.failing("decode", str(doubt))
        self._member.pause()
        await self._poll_without_reading(stop, doubt.seconds)
        await self._member.rewind()

    async def _poll_without_reading(self, stop: asyncio.Event, seconds: float) -> None:
        until = self._clock() + seconds
        while self._clock() < until and not stop.is_set():
            self._health.beat(LOOP)
            with contextlib.suppress(Transient):
                await self._member.poll(0)
            self._member.report()
            await rest(stop, min(BEAT_SECONDS, max(0.0, until - self._clock())))

    async def _wait_for_kafka(self, stop: asyncio.Event, error: Transient) -> None:
        """Waits, then goes on at the committed offsets: records that were read and not stored are read again."""
        self._health.failing("poll", str(error))
        self._member.report()
        with contextlib.suppress(_StoreAway):
            await self._commit(await self._land())
        await self._member.rewind()
        await rest(stop, self._next_backoff())

    def _next_backoff(self) -> float:
        """Seconds; longer with every failure in a row."""
        self._failures += 1
        return BACKOFF_SECONDS[min(self._failures, len(BACKOFF_SECONDS)) - 1]


class _StoreAway(Exception):
    """The database is away."""
