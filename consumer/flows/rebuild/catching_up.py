"""Makes a store whole that lost commits, as after a restored backup or a failover.

Outcomes that stand on the topics are adopted before anything is decided about their requests. So the requests are read
first, then the outcomes, then all that the service had read, cancellations and erasures too. What intake publishes by
itself (dead letters, withdrawals) is put into the outbox again, dated back, and the relay looks for it on the topics:
what stands there is not published twice.
"""

from collections.abc import Mapping

from consumer.domain.events import SessionKey, TopicPartition
from consumer.flows.rebuild.ports import OffsetRange, Rebuilt, RestoredStore, RetainedTopics
from consumer.flows.rebuild.reading import Rereading, batches, outcomes_of
from schemas.topics import Topics


class CatchUp:
    """`run` may be repeated, after a kill at any point too."""

    def __init__(self, *, history: RetainedTopics, store: RestoredStore, reading: Rereading, topics: Topics) -> None:
        """The inbox of `reading` publishes."""
        self._history = history
        self._store = store
        self._reading = reading
        self._topics = topics

    async def run(self) -> Rebuilt:
        """Raises Transient while a server is away, and while another process does the same."""
        reading = self._reading
        published = (self._topics.ready, self._topics.failed)
        async with self._store.alone() as since:
            recent = await self._history.spans(published, since=since)
            inputs = await self._history.spans((*self._topics.live, *self._topics.replay))
            limits = await reading.limits(inputs)
            await reading.read_requests(limits, inputs)
            erased = await self._adopt(recent)
            await reading.read_inputs(limits, inputs)
            await self._store.erase(erased)
            retained = await self._history.spans(published)
            reading.rebuilt.presumed = await self._store.finish(
                forgotten_before=await reading.forgotten_before(retained)
            )
        return reading.rebuilt

    async def _adopt(self, spans: Mapping[TopicPartition, OffsetRange]) -> frozenset[SessionKey]:
        """Stores the outcomes; returns the sessions that they call erased."""
        erased: set[SessionKey] = set()
        async for batch in batches(self._history.read(spans)):
            outcomes = await outcomes_of(batch)
            await self._store.put_outcomes(outcomes, {})
            self._reading.rebuilt.outcomes += len(outcomes)
            erased |= {outcome.key.session for outcome in outcomes if outcome.tells_erasure}
        return frozenset(erased)
