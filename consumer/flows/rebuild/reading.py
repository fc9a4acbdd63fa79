"""Reads the topics again into a store: inputs as far as the service had read them, and the outcomes that it published.

Each batch is one transaction that also stores its positions. After an interruption the next run goes on there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from consumer.domain.arrival.decode import decode
from consumer.domain.events import Decoded, Request, TopicPartition
from consumer.domain.package.published import PublishedOutcome, read_outcome
from consumer.domain.redaction import Redactor
from consumer.errors import Permanent
from consumer.flows.inbox import Batch, Inbox
from consumer.flows.pacing import in_turns
from consumer.flows.rebuild.ports import Dated, OffsetRange, OutcomeStore, Rebuilt, RetainedTopics
from schemas.topics import Topics

BATCH_RECORDS = 1000
COMMIT_SECONDS = 5.0
"""How long an outcome may be ahead of its request's committed offset: the service commits right after it has stored."""
LOOK_SECONDS = 0.25


class Rereading:
    """Counts in `rebuilt` what was read. Raises Transient while the database is away."""

    def __init__(
        self,
        *,
        history: RetainedTopics,
        inbox: Inbox,
        store: OutcomeStore,
        redactor: Redactor,
        topics: Topics,
        group: str,
        progress: Callable[[int], None],
    ) -> None:
        """`progress` is called with the number of records done since its last call."""
        self._history = history
        self._inbox = inbox
        self._store = store
        self._redactor = redactor
        self._topics = topics
        self._group = group
        self._progress = progress
        self.rebuilt = Rebuilt()

    async def limits(self, inputs: Mapping[TopicPartition, OffsetRange]) -> dict[TopicPartition, int]:
        """Returns how far the service has read each partition, kept within the log.

        Raises Permanent if its group has no commit.
        """
        committed = await self._history.committed(self._group, inputs)
        if not committed:
            raise Permanent(
                f"The consumer group {self._group} has committed nothing: there is no service to rebuild the store of. "
                "Are ESCALATION_TOPIC_PREFIX and ESCALATION_CONSUMER_GROUP those of the service?"
            )
        return {partition: min(committed.get(partition, span.start), span.end) for partition, span in inputs.items()}

    async def read_inputs(
        self, limits: Mapping[TopicPartition, int], inputs: Mapping[TopicPartition, OffsetRange]
    ) -> None:
        """Reads session events up to their limits, then requests up to theirs."""
        await self._read(limits, inputs, sessions=True)
        await self._read(limits, inputs, sessions=False)

    async def read_requests(
        self, limits: Mapping[TopicPartition, int], inputs: Mapping[TopicPartition, OffsetRange]
    ) -> None:
        """Stores the requests up to their limits, and nothing else. They still count as unread."""
        spans = await self._spans(_upto(limits, inputs, [at for at in inputs if not self._carries_sessions(at)]))
        async for batch in batches(self._history.read(spans)):
            decoded = await self._decoded(batch)
            requests = tuple(known for known in decoded if isinstance(known.arrival, Request))
            await self._inbox.store(Batch(arrivals=requests))
            await self._store.date_requests(_dated_requests(decoded, batch), {})

    async def _read(
        self, limits: Mapping[TopicPartition, int], inputs: Mapping[TopicPartition, OffsetRange], *, sessions: bool
    ) -> None:
        mine = [partition for partition in inputs if self._carries_sessions(partition) is sessions]
        spans = await self._spans(_upto(limits, inputs, mine))
        async for batch in batches(self._history.read(spans)):
            arrivals = await self._decoded(batch)
            await self._inbox.store(
                Batch(arrivals=tuple(arrivals), positions=_positions_after(batch) if sessions else {})
            )
            if not sessions:
                await self._store.date_requests(_dated_requests(arrivals, batch), _positions_after(batch))
            self._count(arrivals, sessions=sessions)
        reached = await self._store.positions()
        ends = {partition: max(limits[partition], reached.get(partition, 0)) for partition in mine}
        await self._inbox.store(Batch(positions=ends))

    async def _decoded(self, batch: Sequence[Dated]) -> list[Decoded]:
        return [decode(dated.record, self._topics, self._redactor) async for dated in in_turns(batch)]

    def _carries_sessions(self, partition: TopicPartition) -> bool:
        return self._topics.carries_sessions(partition.topic)

    async def _spans(self, wanted: Mapping[TopicPartition, OffsetRange]) -> dict[TopicPartition, OffsetRange]:
        """Returns the ranges without the offsets that are stored already, and counts the records that are lost."""
        positions = await self._store.positions()
        unread = {}
        for partition, span in wanted.items():
            position = positions.get(partition, 0)
            if position < span.start < span.end:
                self.rebuilt.lost[partition] = span.start - position
            unread[partition] = replace(span, start=max(position, span.start))
        return unread

    def _count(self, arrivals: Sequence[Decoded], *, sessions: bool) -> None:
        if sessions:
            self.rebuilt.events += len(arrivals)
        else:
            self.rebuilt.requests += len(arrivals)
        self._progress(len(arrivals))

    async def read_outcomes(self, ends: Mapping[TopicPartition, OffsetRange]) -> None:
        """Stores the outcomes of these ranges as those of their requests."""
        waited = False
        async for batch in batches(self._history.read(await self._spans(ends))):
            outcomes = await outcomes_of(batch)
            if not waited and await self._store.unknown(outcomes):
                waited = True
                await self._catch_up(outcomes)
            await self._store.put_outcomes(outcomes, _positions_after(batch))
            self.rebuilt.outcomes += len(outcomes)
            self._progress(len(batch))
        await self._store.put_outcomes((), {partition: span.end for partition, span in ends.items()})

    async def _catch_up(self, outcomes: Sequence[PublishedOutcome]) -> None:
        """Reads the inputs again until the requests of these outcomes are read, for `COMMIT_SECONDS` at most.

        The service stored such a request before it published the outcome. So its offset is committed soon, or its
        topic no longer retains it.
        """
        for _ in range(int(COMMIT_SECONDS / LOOK_SECONDS)):
            spans = await self._history.spans((*self._topics.live, *self._topics.replay))
            limits = await self.limits(spans)
            await self.read_inputs(limits, spans)
            if not self.rebuilt.serving or not await self._store.unknown(outcomes):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def forgotten_before(self, outcomes: Mapping[TopicPartition, OffsetRange]) -> datetime | None:
        """Returns the time before which outcomes may have left their topics; None when all are retained."""
        times = []
        for partition, span in outcomes.items():
            if span.start == 0:
                continue
            first = OffsetRange(start=span.start, end=min(span.start + 1, span.end))
            records = [dated async for dated in self._history.read({partition: first})]
            times.append(records[0].at if records else datetime.now(UTC))
        return max(times, default=None)


def _upto(
    limits: Mapping[TopicPartition, int],
    inputs: Mapping[TopicPartition, OffsetRange],
    partitions: Iterable[TopicPartition],
) -> dict[TopicPartition, OffsetRange]:
    return {partition: OffsetRange(start=inputs[partition].start, end=limits[partition]) for partition in partitions}


async def outcomes_of(batch: Sequence[Dated]) -> list[PublishedOutcome]:
    """What this release can read of the batch."""
    return [outcome async for dated in in_turns(batch) if (outcome := read_outcome(dated.record)) is not None]


def _dated_requests(arrivals: Sequence[Decoded], batch: Sequence[Dated]) -> list[tuple[Request, datetime]]:
    pairs = zip(arrivals, batch, strict=True)
    return [(decoded.arrival, dated.at) for decoded, dated in pairs if isinstance(decoded.arrival, Request)]


async def batches(records: AsyncIterator[Dated]) -> AsyncIterator[list[Dated]]:
    """Cuts the records into pieces of one transaction each."""
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
