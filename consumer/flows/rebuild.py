"""Rebuilds a store from the topics, beside the store that serves. It publishes nothing and pays for nothing.

The input topics are read exactly as far as the service's consumer group has committed; later records are left to the
service that runs next. Outcomes are read from the topics they were published on and never drafted. The ends of the
outcome topics are taken before the limits of the input topics, so that no outcome is read whose request is not.

Each batch is one transaction that also stores its positions. After an interruption the next run goes on there.
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
"""How long an outcome may be ahead of its request's committed offset: the service commits right after it has stored."""
LOOK_SECONDS = 0.25

log = structlog.stdlib.get_logger("escalation.rebuild")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A record with the timestamp that it has on its topic."""

    record: Record
    timestamp_ms: int

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(max(self.timestamp_ms, 0) / 1000, tz=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetRange:
    """Offsets from `start`, inclusive, to `end`, exclusive."""

    start: int
    end: int


class RetainedTopics(Protocol):
    """The topics, read without being a member of a consumer group."""

    async def spans(self, topics: Collection[str]) -> dict[TopicPartition, OffsetRange]:
        """Returns the offsets that each partition retains."""

    async def committed(self, group: str) -> dict[TopicPartition, int]: ...

    async def has_members(self, group: str) -> bool: ...

    def read(self, spans: Mapping[TopicPartition, OffsetRange]) -> AsyncIterator[Dated]:
        """Yields the records, in order within a partition and by timestamp between partitions."""


class RebuildStore(Protocol):
    """The store that is built. Every method raises Transient while the database is away."""

    async def begin(self) -> None:
        """Marks the store as being rebuilt. Raises Permanent unless it is empty or an earlier run has begun it."""

    async def positions(self) -> dict[TopicPartition, int]: ...

    async def date_requests(
        self, requests: Sequence[tuple[Request, datetime]], positions: Mapping[TopicPartition, int]
    ) -> None:
        """Stores when these requests were first sent, and the positions after them; only then do they count as read."""

    async def unknown(self, outcomes: Sequence[PublishedOutcome]) -> int:
        """Returns how many requests of these outcomes have not been read."""

    async def put_outcomes(self, outcomes: Sequence[PublishedOutcome], positions: Mapping[TopicPartition, int]) -> None:
        """Stores published outcomes as the outcomes of their requests. Repeating it changes nothing."""

    async def finish(self, *, forgotten_before: datetime | None, whole: bool) -> int:
        """Marks requests without an outcome that were sent before that time as answered; returns how many.

        With `whole` a service may work on the store from now on.
        """


@dataclass(slots=True, kw_only=True)
class Rebuilt:
    """The result of a run."""

    events: int = 0
    requests: int = 0
    """`events` and `requests` count the records of the session topics and of the request topics, refused ones too."""
    outcomes: int = 0
    presumed: int = 0
    """Requests that are older than the retained outcomes; they count as answered."""
    lost: dict[TopicPartition, int] = field(default_factory=dict)
    """Records, by partition, that left their topic before the first run or between two runs."""
    serving: bool = False
    """The old service still reads: its group has a member, or committed during the run. Stop it, then run again."""


class Rebuild:
    """`run` returns when everything that the service had read by then is stored."""

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
        """`inbox` must not publish. `progress` is called with the number of records done since its last call."""
        self._history = history
        self._inbox = inbox
        self._store = store
        self._redactor = redactor
        self._topics = topics
        self._group = group
        self._progress = progress
        self._rebuilt = Rebuilt()

    async def run(self) -> Rebuilt:
        """Raises Transient while the database is away, and Permanent for a store in use or a group without commits."""
        await self._store.begin()
        self._rebuilt.serving = await self._history.has_members(self._group)
        outcomes = await self._history.spans((self._topics.ready, self._topics.failed))
        inputs = await self._history.spans((*self._topics.live, *self._topics.replay))
        limits = await self._limits(inputs)
        await self._read_inputs(limits, inputs, sessions=True)
        await self._read_inputs(limits, inputs, sessions=False)
        await self._read_outcomes(outcomes)
        still_empty = not self._rebuilt.serving and not await self._history.has_members(self._group)
        at_the_limits = await self._limits(inputs) == limits
        self._rebuilt.serving = not (still_empty and at_the_limits)
        forgotten_before = await self._forgotten_before(outcomes)
        self._rebuilt.presumed = await self._store.finish(
            forgotten_before=forgotten_before, whole=not self._rebuilt.serving
        )
        return self._rebuilt

    async def _limits(self, inputs: Mapping[TopicPartition, OffsetRange]) -> dict[TopicPartition, int]:
        """Returns how far the service has read each partition. Raises Permanent if its group has no commit."""
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
            arrivals = [decode(dated.record, self._topics, self._redactor) for dated in batch]
            await self._inbox.store(
                Batch(arrivals=tuple(arrivals), positions=_positions_after(batch) if sessions else {})
            )
            if not sessions:
                await self._store.date_requests(_dated_requests(arrivals, batch), _positions_after(batch))
            self._count(arrivals, sessions=sessions)
        await self._inbox.store(Batch(positions={partition: limits[partition] for partition in mine}))

    async def _spans(self, wanted: Mapping[TopicPartition, OffsetRange]) -> dict[TopicPartition, OffsetRange]:
        """Returns the ranges without the offsets that are stored already, and counts the records that are lost."""
        positions = await self._store.positions()
        unread = {}
        for partition, span in wanted.items():
            position = positions.get(partition, 0)
            if position < span.start < span.end:
                self._rebuilt.lost[partition] = span.start - position
            unread[partition] = replace(span, start=max(position, span.start))
        return unread

    def _count(self, arrivals: Sequence[Decoded], *, sessions: bool) -> None:
        if sessions:
            self._rebuilt.events += len(arrivals)
        else:
            self._rebuilt.requests += len(arrivals)
        self._progress(len(arrivals))

    async def _read_outcomes(self, ends: Mapping[TopicPartition, OffsetRange]) -> None:
        waited = False
        async for batch in _batches(self._history.read(await self._spans(ends))):
            outcomes = [outcome for dated in batch if (outcome := read_outcome(dated.record)) is not None]
            if not waited and await self._store.unknown(outcomes):
                waited = True
                await self._catch_up(outcomes)
            await self._store.put_outcomes(outcomes, _positions_after(batch))
            self._rebuilt.outcomes += len(outcomes)
            self._progress(len(batch))
        await self._store.put_outcomes((), {partition: span.end for partition, span in ends.items()})

    async def _catch_up(self, outcomes: Sequence[PublishedOutcome]) -> None:
        """Reads the inputs again until the requests of these outcomes are read, for `COMMIT_SECONDS` at most.

        The service stored such a request before it published the outcome. So its offset is committed soon, or its
        topic no longer retains it.
        """
        for _ in range(int(COMMIT_SECONDS / LOOK_SECONDS)):
            spans = await self._history.spans((*self._topics.live, *self._topics.replay))
            limits = await self._limits(spans)
            await self._read_inputs(limits, spans, sessions=True)
            await self._read_inputs(limits, spans, sessions=False)
            if not self._rebuilt.serving or not await self._store.unknown(outcomes):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _forgotten_before(self, outcomes: Mapping[TopicPartition, OffsetRange]) -> datetime | None:
        """Returns the time before which outcomes may have left their topics; None when all are retained."""
        times = []
        for partition, span in outcomes.items():
            if span.start == 0:
                continue
            first = OffsetRange(start=span.start, end=min(span.start + 1, span.end))
            records = [dated async for dated in self._history.read({partition: first})]
            times.append(records[0].at if records else datetime.now(UTC))
        return max(times, default=None)


def _dated_requests(arrivals: Sequence[Decoded], batch: Sequence[Dated]) -> list[tuple[Request, datetime]]:
    pairs = zip(arrivals, batch, strict=True)
    return [(decoded.arrival, dated.at) for decoded, dated in pairs if isinstance(decoded.arrival, Request)]


async def _batches(records: AsyncIterator[Dated]) -> AsyncIterator[list[Dated]]:
    batch: list[Dated] = []
    async for dated in records:
        batch.append(dated)
        if len(batch) >= BATCH_RECORDS:
            yield batch
            batch = []
    if batch:
        yield batch


def _positions_after(batch: Iterable[Dated]) -> dict[TopicPartition, int]:
    return {dated.record.origin.topic_partition: dated.record.origin.offset + 1 for dated in batch}
