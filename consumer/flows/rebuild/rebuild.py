"""Rebuilds a store from the topics, beside the store that serves. It publishes nothing and pays for nothing.

The input topics are read exactly as far as the service's consumer group has committed; later records are left to the
service that runs next. Outcomes are read from the topics they were published on and never drafted. The ends of the
outcome topics are taken before the limits of the input topics, so that no outcome is read whose request is not.
"""

from consumer.errors import Permanent
from consumer.flows.rebuild.ports import RebuildStore, Rebuilt, RetainedTopics
from consumer.flows.rebuild.reading import Rereading
from schemas.topics import Topics


class Rebuild:
    """`run` returns when everything that the service had read by then is stored."""

    def __init__(
        self, *, history: RetainedTopics, store: RebuildStore, reading: Rereading, topics: Topics, group: str
    ) -> None:
        """The inbox of `reading` must not publish."""
        self._history = history
        self._store = store
        self._reading = reading
        self._topics = topics
        self._group = group

    async def run(self) -> Rebuilt:
        """Raises Transient while the database is away, and Permanent for a store in use or a group without commits."""
        reading, rebuilt = self._reading, self._reading.rebuilt
        await self._store.begin()
        rebuilt.serving = await self._history.has_members(self._group)
        outcomes = await self._history.spans((self._topics.ready, self._topics.failed))
        inputs = await self._history.spans((*self._topics.live, *self._topics.replay))
        if missing := {*self._topics.live, self._topics.ready} - {
            partition.topic for partition in (*inputs, *outcomes)
        }:
            raise Permanent(
                f"There is no topic {min(missing)}. Are KAFKA_BOOTSTRAP_SERVERS and ESCALATION_TOPIC_PREFIX those of "
                "the service? `escalation-consumer prepare` makes missing topics."
            )
        limits = await reading.limits(inputs)
        await reading.read_inputs(limits, inputs)
        await reading.read_outcomes(outcomes)
        still_empty = not rebuilt.serving and not await self._history.has_members(self._group)
        rebuilt.serving = not (still_empty and await reading.limits(inputs) == limits)
        rebuilt.presumed = await self._store.finish(
            forgotten_before=await reading.forgotten_before(outcomes), whole=not rebuilt.serving
        )
        return rebuilt
