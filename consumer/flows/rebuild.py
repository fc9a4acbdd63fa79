"""Rebuilding a store from the topics, beside the one that serves: nothing is published, nothing is paid for.

What the service has read is read again, exactly as far as its group has committed: what stands beyond is for whoever
serves next. Outcomes come from the topics they were published on, never from drafting. The ends of the outcomes are
taken before the limits of the inputs, so that no outcome is read whose request is not.

Each batch is one transaction that holds its positions; broken off anywhere, the next run goes on there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

import structlog

from consumer.domain.arrival.decode import decode
from consumer.domain.events import Decoded, Record, Request, TopicPartition
from consumer.domain.package.published import PublishedOutcome, read_outcome
from consumer.domain.redaction import Redactor
from consumer.errors import Permanent
from consumer.flows.inbox import Batch, Inbox
from schemas.topics import Topics

BATCH_RECORDS = 1000
COMMIT_SECONDS = 5.0
"""The service commits right after it has stored; so long an outcome may be ahead of its request's offset."""
LOOK_SECONDS = 0.25

log = structlog.stdlib.get_logger("escalation.rebuild")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A record with its timestamp."""

    record: Record
    timestamp_ms: int

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(max(self.timestamp_ms, 0) / 1000, tz=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetRange:
    """Offsets from `start` up to and without `end`."""

    start: int
    end: int


class RetainedTopics(Protocol):
    async def spans(self, topics: Collection[str]) -> dict[TopicPartition, OffsetRange]:
        """What the topics retain."""

    async def committed(self, group: str) -> dict[TopicPartition, int]: ...

    async def has_members(self, group: str) -> bool: ...

    def read(self, spans: Mapping[TopicPartition, OffsetRange]) -> AsyncIterator[Dated]:
        """In order within a partition, by timestamp between them."""


class RebuildStore(Protocol):
    """Every method raises Transient while the database is away."""

    async def begin(self) -> None:
        """Raises Permanent for a store that holds something and was not begun by a rebuild."""

    async def positions(self) -> dict[TopicPartition, int]: ...

    async def date_requests(
        self, requests: Sequence[tuple[Request, datetime]], positions: Mapping[TopicPartition, int]
    ) -> None:
        """When they were first sent; only then they are read."""

    async def unknown(self, outcomes: Sequence[PublishedOutcome]) -> int:
        """How many of these speak of requests that have not been read."""

    async def put_outcomes(self, outcomes: Sequence[PublishedOutcome], positions: Mapping[TopicPartition, int]) -> None:
        """What was published becomes what is known; the same again changes nothing."""

    async def finish(self, *, forgotten_before: datetime | None, whole: bool) -> int:
        """Requests sent before that time without an outcome count as answered; returns how many.

        `whole`: a service may work on the store from now on.
        """


@dataclass(slots=True, kw_only=True)
class Rebuilt:
    """What a run has read, and what it found."""

    events: int = 0
    requests: int = 0
    """Records of the topics of sessions and of requests, refused ones included."""
    outcomes: int = 0
    presumed: int = 0
    """Requests that are older than the outcomes that are retained: taken as answered."""
    lost: dict[TopicPartition, int] = field(default_factory=dict)
    """Records that the topics no longer retain, or that left them while this was away."""
    serving: bool = False
    """The old service is still a member of its group: run again once it is stopped."""


class Rebuild:
    """`run` returns when everything that the service had read by then is in the store."""

    def __init__(
        self,
        *,
        history: RetainedTopics,
        inbox: Inbox,
        store: RebuildStore,
        redactor: Redactor,
        topics: Topics,
        group: str,
        progress: Callable[[int], None],
    ) -> None:
        """`inbox` must not publish. `progress` is told how many records more are done."""
        self._history = history
        self._inbox = inbox
        self._store = store
        self._redactor = redactor
        self._topics = topics
        self._group = group
        self._progress = progress
        self._found = Rebuilt()

    async def run(self) -> Rebuilt:
        await self._store.begin()
        self._found.serving = await self._history.has_members(self._group)
        outcomes = await self._history.spans((self._topics.ready, self._topics.failed))
        inputs = await self._history.spans((*self._topics.live, *self._topics.replay))
        limits = await self._limits(inputs)
        await self._read_inputs(limits, inputs, sessions=True)
        await self._read_inputs(limits, inputs, sessions=False)
        await self._read_outcomes(outcomes)
        still_empty = not self._found.serving and not await self._history.has_members(self._group)
        at_the_limits = await self._limits(inputs) == limits
        self._found.serving = not (still_empty and at_the_limits)
        forgotten_before = await self._forgotten_before(outcomes)
        self._found.presumed = await self._store.finish(
            forgotten_before=forgotten_before, whole=not self._found.serving
        )
        return self._found

    async def _limits(self, inputs: Mapping[TopicPartition, OffsetRange]) -> dict[TopicPartition, int]:
        """How far the service has read. Raises Permanent when it never has."""
        committed = await self._history.committed(self._group)
        if not committed:
            raise Permanent(
                f"The consumer group {self._group} has committed nothing: there is no service to rebuild the store of. "
                "Are ESCALATION_TOPIC_PREFIX and ESCALATION_CONSUMER_GROUP those of the service?"
            )
        return {partition: min(committed.get(partition, span.start), span.end) for partition, span in inputs.items()}

    async def _read_inputs(
        self, limits: Mapping[TopicPartition, int], inputs: Mapping[TopicPartition, OffsetRange], *, sessions: bool
    ) -> None:
        mine = {partition for partition in inputs if self._topics.carries_sessions(partition.topic) is sessions}
        spans = await self._spans(
            {partition: OffsetRange(start=inputs[partition].start, end=limits[partition]) for partition in mine}
        )
        async for batch in _batches(self._history.read(spans)):
            arrivals = [decode(one.record, self._topics, self._redactor) for one in batch]
            await self._inbox.store(Batch(arrivals=tuple(arrivals), positions=_reached(batch) if sessions else {}))
            if not sessions:
                await self._store.date_requests(_asked(arrivals, batch), _reached(batch))
            self._count(arrivals, sessions=sessions)
        await self._inbox.store(Batch(positions={partition: limits[partition] for partition in mine}))

    async def _spans(self, wanted: Mapping[TopicPartition, OffsetRange]) -> dict[TopicPartition, OffsetRange]:
        """Without what is in the store already."""
        positions = await self._store.positions()
        found = {}
        for partition, span in wanted.items():
            at = positions.get(partition, 0)
            if at < span.start < span.end:
                self._found.lost[partition] = span.start - at
            found[partition] = replace(span, start=max(at, span.start))
        return found

    def _count(self, arrivals: Sequence[Decoded], *, sessions: bool) -> None:
        if sessions:
            self._found.events += len(arrivals)
        else:
            self._found.requests += len(arrivals)
        self._progress(len(arrivals))

    async def _read_outcomes(self, ends: Mapping[TopicPartition, OffsetRange]) -> None:
        waited = False
        async for batch in _batches(self._history.read(await self._spans(ends))):
            outcomes = [found for one in batch if (found := read_outcome(one.record)) is not None]
            if not waited and await self._store.unknown(outcomes):
                waited = True
                await self._catch_up(outcomes)
            await self._store.put_outcomes(outcomes, _reached(batch))
            self._found.outcomes += len(outcomes)
            self._progress(len(batch))
        await self._store.put_outcomes((), {partition: span.end for partition, span in ends.items()})

    async def _catch_up(self, outcomes: Sequence[PublishedOutcome]) -> None:
        """A request whose outcome is there was stored; its offset is committed at once, or the topic forgot it."""
        for _ in range(int(COMMIT_SECONDS / LOOK_SECONDS)):
            spans = await self._history.spans((*self._topics.live, *self._topics.replay))
            limits = await self._limits(spans)
            await self._read_inputs(limits, spans, sessions=True)
            await self._read_inputs(limits, spans, sessions=False)
            if not self._found.serving or not await self._store.unknown(outcomes):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _forgotten_before(self, outcomes: Mapping[TopicPartition, OffsetRange]) -> datetime | None:
        """Outcomes older than this may have left their topics; None when all are retained."""
        times = []
        for partition, span in outcomes.items():
            if span.start == 0:
                continue
            first = OffsetRange(start=span.start, end=min(span.start + 1, span.end))
            found = [one async for one in self._history.read({partition: first})]
            times.append(found[0].at if found else datetime.now(UTC))
        return max(times, default=None)


def _asked(arrivals: Sequence[Decoded], batch: Sequence[Dated]) -> list[tuple[Request, datetime]]:
    pairs = zip(arrivals, batch, strict=True)
    return [(one.arrival, dated.at) for one, dated in pairs if isinstance(one.arrival, Request)]


async def _batches(records: AsyncIterator[Dated]) -> AsyncIterator[list[Dated]]:
    batch: list[Dated] = []
    async for one in records:
        batch.append(one)
        if len(batch) >= BATCH_RECORDS:
            yield batch
            batch = []
    if batch:
        yield batch


def _reached(batch: Iterable[Dated]) -> dict[TopicPartition, int]:
    return {dated.record.origin.topic_partition: dated.record.origin.offset + 1 for dated in batch}
