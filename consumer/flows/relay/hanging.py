"""Transactions that a broker has forgotten to end.

A broker that is killed and comes back may count a transaction as over without having written so into its partitions
(Kafka 4.3 does it whenever it ends one while it starts: "these partitions are likely deleted already"). No reader sees
such records, nor what follows them; and the next transaction there decides for them, too. So a term ends them before it
publishes: records whose rows still wait here are aborted, and the others, which count as published, are committed.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence

import structlog

from consumer.flows.relay.ports import BrokerAway, EventsRefused, Hanging, Outbox, Publisher

LOOK_SECONDS = 60.0
TRIES = 3
"""What hangs after so many ends is another producer's."""

log = structlog.stdlib.get_logger("escalation.relay")


class HangingTransactions:
    """Knows what this term has looked at. Only a leader may call it, after it has fenced and read the position."""

    def __init__(self, outbox: Outbox, *, topics: Collection[str], clock: Callable[[], float]) -> None:
        """`topics` are all that are ever published to. `clock` gives seconds."""
        self._outbox = outbox
        self._topics = frozenset(topics)
        self._clock = clock
        self._looked_at: set[str] = set()
        self._looked_at_clock = 0.0
        self._seen: frozenset[Hanging] = frozenset()
        self._ended: Counter[Hanging] = Counter()
        self._foreign: set[Hanging] = set()

    async def begin_term(self, publisher: Publisher) -> None:
        """Ends what hangs in all topics that can be looked at now."""
        self._looked_at.clear()
        self._looked_at_clock = self._clock()
        self._seen = frozenset()
        await self._end(publisher, self._topics)

    async def end_before_use(self, publisher: Publisher, topics: Collection[str]) -> None:
        """Before events go there. Costs nothing but for topics that could not be looked at when the term began.

        Raises EventsRefused for a topic that cannot be looked at now.
        """
        if new := set(topics) - self._looked_at:
            await self._end(publisher, new)
            if closed := new - self._looked_at:
                raise EventsRefused(
                    min(closed),
                    "it is not there, may not be seen, or a partition has no leader: run `escalation-consumer prepare`",
                )

    async def look(self, publisher: Publisher) -> None:
        """Now and then: raises BrokerAway where something hangs, so that the next term ends it.

        Hazard: for a moment every transaction looks like that after its commit. So it takes two looks; and they only
        ask where it begins: to read what is there takes up to a second, in which nothing would be published.
        """
        if self._clock() - self._looked_at_clock < LOOK_SECONDS:
            return
        self._looked_at_clock = self._clock()
        seen = await publisher.unended(self._topics)
        if standing := (seen & self._seen) - self._foreign:
            raise BrokerAway(f"Kafka: a broker has not ended a transaction in {min(each.place for each in standing)}")
        self._seen = seen

    async def _end(self, publisher: Publisher, topics: Collection[str]) -> None:
        by_topic = await publisher.hanging(topics)
        self._looked_at |= by_topic.keys()
        hanging = [each for some in by_topic.values() for each in some]
        for each in hanging:
            if self._ended[each] >= TRIES:
                self._foreign.add(each)
                log.error(
                    "Readers see nothing of a partition from this offset on: a transaction of another producer is open."
                    " Run `kafka-transactions.sh find-hanging`.",
                    event_name="relay_foreign_transaction",
                    partition=each.place,
                    offset=each.begins_at,
                )
        await self._decide(publisher, [each for each in hanging if each not in self._foreign])

    async def _decide(self, publisher: Publisher, hanging: Sequence[Hanging]) -> None:
        if not hanging:
            return
        waiting = {row.identity: row.id for row in await self._outbox.doubtful(None)}
        published_again = [each for each in hanging if each.identities <= waiting.keys()]
        published = [each for each in hanging if each not in published_again]
        log.warning(
            "A broker has forgotten to end transactions; they are ended now.",
            event_name="relay_hanging_transactions",
            aborted=[each.place for each in published_again],
            committed=[each.place for each in published],
        )
        if published_again:
            await publisher.end(published_again, commit=False)
            self._ended.update(published_again)  # hazard: an end that failed does not make it another producer's
        if published:
            mixed = {waiting[identity] for each in published for identity in each.identities & waiting.keys()}
            await self._outbox.forget(mixed)  # hazard: before they can be seen
            await publisher.end(published, commit=True)
            self._ended.update(published)
