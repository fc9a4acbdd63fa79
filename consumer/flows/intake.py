"""Intake: records become stored events, requests and dead letters, one transaction a batch; offsets follow.

A batch is decoded while the database works on the one before. What the database does not take is forgotten and read
again from the committed offsets: nothing is in flight that is not on the topic.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from consumer.domain.decode import Decoded, decode
from consumer.domain.events import Record, Request
from consumer.domain.redaction import Redactor
from consumer.errors import Transient
from consumer.flows.health import Health
from consumer.flows.meters import Meter, Meters
from schemas.topics import Topics

LOOP = "intake"
WAIT_MS = 200
TICK_SECONDS = 1.0  # positions are written so often without records: transaction markers move them, and clocks wait
BREATH_RECORDS = 200  # decoded between two turns of the event loop: about 5 ms
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0)

log = structlog.stdlib.get_logger("escalation.intake")

Place = tuple[str, int]
"""A topic and a partition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction takes in."""

    decoded: tuple[Decoded, ...] = ()
    """In reading order of each partition."""
    positions: Mapping[Place, int]
    """How far this member has read once the batch is stored, transaction markers included."""
    ends: Mapping[Place, int] | None = None
    """The ends of all session topics, asked after the batch was read; only when it holds requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What became of a batch, for the metrics."""

    accepted: int = 0
    duplicates: int = 0
    erased: int = 0
    requests: int = 0
    ignored: int = 0
    refused: Mapping[str, int]
    """By reason, `RefusalReason`'s words."""


class Inbox(Protocol):
    """The store's door for intake. Both raise Transient while the store is away, and then nothing was stored."""

    async def store(self, batch: Batch) -> Stored:
        """In one transaction; idempotent."""
        ...

    async def probe(self) -> None: ...


class Source(Protocol):
    """The topics, as one member of the group reads them."""

    lost: list[tuple[Place, int, int]]

    @property
    def is_member(self) -> bool: ...
    async def poll(self, wait_ms: int) -> list[Record]:
        """Raises Transient when Kafka is away; never cancelled."""
        ...

    def positions(self) -> Mapping[Place, int]: ...
    async def session_ends(self) -> Mapping[Place, int]: ...
    async def commit(self, offsets: Mapping[Place, int]) -> None: ...
    def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Writing:
    """A batch on its way into the database."""

    task: asyncio.Task[Stored]
    offsets: Mapping[Place, int]


class Intake:
    """`run` returns after `stop`, when what was read is stored and its offsets are committed."""

    def __init__(
        self, *, source: Source, inbox: Inbox, redactor: Redactor, topics: Topics, health: Health, meters: Meters
    ) -> None:
        self._source = source
        self._inbox = inbox
        self._redactor = redactor
        self._topics = topics
        self._health = health
        self._meters = meters
        self._writing: _Writing | None = None
        self._ticked_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        failures = 0
        try:
            await self._source.resume()  # after a fall of this loop: back to what is committed
            while not stop.is_set():
                self._health.beat(LOOP)
                try:
                    await self._turn()
                    failures = 0
                except _StoreAway as away:
                    await self._wait_for_store(stop, away)
                except Transient as away:
                    self._health.failing("group", str(away))
                    await self._forget()
                    await self._source.resume()  # what was polled and not handed over is read again
                    await _pause(stop, PAUSES_SECONDS[min(failures, len(PAUSES_SECONDS) - 1)])
                    failures += 1
                self._tell()
            with contextlib.suppress(Transient):
                await self._settle()
        finally:
            await self._forget()
            await self._source.close()

    async def _turn(self) -> None:
        """Reads and decodes the next batch while the one before is written; then hands it over in turn."""
        records = await self._source.poll(0 if self._writing else WAIT_MS)
        positions = dict(self._source.positions())
        if not records:
            if self._writing:
                await self._settle()
            else:
                await self._tick(positions)
            return
        decoded = await self._decode(records)
        asks = any(isinstance(one.arrival, Request) for one in decoded)
        ends = await self._source.session_ends() if asks else None
        await self._settle()
        batch = Batch(decoded=decoded, positions=positions, ends=ends)
        self._write(batch, _after(records))

    async def _decode(self, records: Sequence[Record]) -> tuple[Decoded, ...]:
        decoded = []
        for count, record in enumerate(records, start=1):
            decoded.append(decode(record, self._topics, self._redactor))
            if count % BREATH_RECORDS == 0:
                await asyncio.sleep(0)  # the batch before is being written by the same event loop
        return tuple(decoded)

    def _write(self, batch: Batch, offsets: Mapping[Place, int]) -> None:
        self._writing = _Writing(asyncio.create_task(self._inbox.store(batch), name="intake-store"), offsets)
        self._ticked_at = time.monotonic()

    async def _settle(self) -> None:
        """Waits for the batch under way and commits its offsets. Raises _StoreAway; the offsets stay then."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            stored = await writing.task
        except Transient as away:
            raise _StoreAway(str(away)) from away
        self._count(stored)
        await self._source.commit(writing.offsets)

    async def _tick(self, positions: Mapping[Place, int]) -> None:
        """Lets the store know positions that moved without records, and lets waiting clocks look."""
        now = time.monotonic()
        if now - self._ticked_at < TICK_SECONDS:
            return
        self._ticked_at = now
        try:
            await self._inbox.store(Batch(positions=positions))
        except Transient as away:
            raise _StoreAway(str(away)) from away

    async def _wait_for_store(self, stop: asyncio.Event, away: Transient) -> None:
        """Keeps the membership alive without reading until the store answers, then reads again what was not stored."""
        self._health.failing("store", str(away))
        self._meters.count(Meter.BATCHES, label="failed")
        log.warning("The store is away: intake pauses.", event_name="intake_paused", error=str(away))
        await self._forget()
        self._source.pause()
        tries = 0
        while not stop.is_set():
            self._health.beat(LOOP)
            await _pause(stop, PAUSES_SECONDS[min(tries, len(PAUSES_SECONDS) - 1)])
            tries += 1
            with contextlib.suppress(Transient):
                await self._source.poll(0)
            try:
                await self._inbox.probe()
            except Transient as still:
                self._health.failing("store", str(still))
                continue
            await self._source.resume()
            self._health.ok("store")
            log.info("The store is back: intake goes on.", event_name="intake_resumed")
            return

    async def _forget(self) -> None:
        """Drops the batch under way; whether it was stored or not, it is read again and counts once."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.task.cancel()
            await asyncio.gather(writing.task, return_exceptions=True)

    def _tell(self) -> None:
        if self._source.is_member:
            self._health.ok("group")
        else:
            self._health.failing("group", "not a member of the consumer group")
        while self._source.lost:
            (topic, partition), committed, start = self._source.lost.pop()
            self._health.failing("position", f"{topic}/{partition}: records {committed} to {start - 1} were never read")

    def _count(self, stored: Stored) -> None:
        self._meters.count(Meter.BATCHES, label="stored")
        figures = {
            "accepted": stored.accepted,
            "duplicate": stored.duplicates,
            "erased": stored.erased,
            "request": stored.requests,
            "ignored": stored.ignored,
        }
        for outcome, amount in figures.items():
            if amount:
                self._meters.count(Meter.RECORDS, amount, label=outcome)
        for reason, amount in stored.refused.items():
            self._meters.count(Meter.DEAD_LETTERS, amount, label=reason)


class _StoreAway(Transient):
    """The store did not take a batch."""


def _after(records: Sequence[Record]) -> dict[Place, int]:
    """The offsets to commit once these records are stored."""
    after: dict[Place, int] = {}
    for record in records:
        place = (record.origin.topic, record.origin.partition)
        after[place] = max(after.get(place, 0), record.origin.offset + 1)
    return after


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
