"""The relay's loop.

One process leads at a time, by a lease. The lease does not make publishing exact; the order of two steps does. A term
begins by fencing every older producer, and only then reads the committed position. The position travels in the same
transaction as the events, so that both are committed or neither is. After any doubt the producer is discarded, and the
next term begins the same way.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import timedelta

import structlog

from consumer.errors import Transient
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.operation.phases import PhaseClock
from consumer.flows.pacing import Waker, rest
from consumer.flows.relay.agreement import Agreement, agreement_of
from consumer.flows.relay.hanging import HangingTransactions
from consumer.flows.relay.parking import Parking
from consumer.flows.relay.ports import Broker, BrokerAway, EventsRefused, Outbox, Publisher, Term
from consumer.flows.relay.published_lines import tell_published

LOOP = "relay"
POLL_SECONDS = 1.0
"""How often the outbox is looked at. Nothing rests on hints; they only make the next look come sooner."""
HEARTBEAT_SECONDS = 12 * 3600.0
"""A group's offset expires 7 days after its last commit (broker's default); the relay commits it again well before."""
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0)
READ_AGAIN_SECONDS = (0.2, 0.5, 1.0)
"""Pauses before a position that is behind is read again; together less than a lease of the default length lasts."""
CLOCK_MARGIN = timedelta(hours=1)
"""How much the clocks of brokers and database may differ when the topics are searched for published rows."""

log = structlog.stdlib.get_logger("escalation.relay")


class Relay:
    """Publishes while it leads, and waits to lead otherwise. Survives Transient errors and raises all others.

    `run` returns after `stop`, once the rows in the outbox are published or cannot be published now.
    """

    def __init__(
        self,
        *,
        name: str,
        outbox: Outbox,
        broker: Broker,
        hint: Waker,
        health: Health,
        meters: Meters,
        clock: Callable[[], float],
        topics: Collection[str],
        batch_rows: int,
    ) -> None:
        """`topics` are all that rows may name."""
        self._name = name
        self._outbox = outbox
        self._broker = broker
        self._hint = hint
        self._health = health
        self._meters = meters
        self._clock = clock
        self._batch_rows = batch_rows
        self._phases = PhaseClock(meters=meters, loop=LOOP, clock=clock)
        self._parking = Parking(outbox, meters)
        self._hanging = HangingTransactions(outbox, topics=topics, clock=clock)

    async def run(self, stop: asyncio.Event) -> None:
        failures = 0
        self._meters.set(Meter.RELAY_LEADING, 0)
        while True:
            self._health.beat(LOOP)
            try:
                led = await self._term(stop)
            except EventsRefused as refusal:
                self._parking.note(refusal)
                continue  # every refusal takes rows out of the way, so this ends
            except Transient as error:
                self._note(error)
                if stop.is_set():
                    return  # unpublished rows stay in the outbox
                self._phases.enter("rest")
                await rest(stop, BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])  # hints do not shorten it
                failures += 1
                continue
            failures = 0
            if stop.is_set():
                return
            if not led:
                self._health.ok("publish")  # the leading process reports whether publishing works
                self._phases.enter("stand_by")
                await rest(stop, POLL_SECONDS, self._hint)

    async def _term(self, stop: asyncio.Event) -> bool:
        """Leads until the term is over or, after `stop`, the outbox is published. False when another process leads."""
        term = await self._outbox.lead(self._name)
        if term is None:
            return False
        self._meters.set(Meter.RELAY_LEADING, 1)
        self._phases.enter("publish")
        try:
            publisher = await self._broker.fence()  # hazard: first fence ...
            try:
                start = await self._agree(publisher, term, await self._position(publisher, term))  # ... then read it
                await self._lead(publisher, term, start, stop)
            finally:
                await publisher.discard()
        finally:
            self._meters.set(Meter.RELAY_LEADING, 0)
            await self._resign(term)
        return True

    async def _position(self, publisher: Publisher, term: Term) -> int | None:
        """The position in Kafka. One that is behind is read again.

        A broker that was killed as it ended a transaction may give the position before it for a moment.
        """
        committed = await publisher.position()
        for seconds in READ_AGAIN_SECONDS:
            if agreement_of(committed, term) is not Agreement.BEHIND:
                break
            self._health.beat(LOOP)
            await asyncio.sleep(seconds)
            committed = await publisher.position()
        return committed

    async def _agree(self, publisher: Publisher, term: Term, committed: int | None) -> int:
        """Removes rows that are published already from the outbox, and returns the position to go on from."""
        agreement = agreement_of(committed, term)
        position = max(committed or 0, term.position)
        if agreement is not Agreement.AGREED:
            log.error(
                "Kafka and PostgreSQL disagree about which events are published; the topics are searched.",
                event_name="relay_disagreement",
                agreement=agreement.value,
                committed=committed,
                position=term.position,
                numbered=term.numbered,
            )
            self._meters.count(Meter.RELAY_FAILURES, label=agreement.value)
            await self._forget_published(publisher, None if agreement is Agreement.AHEAD else position)
            if agreement is Agreement.AHEAD:
                await self._outbox.unnumber(term.token)  # hazard: before `published`, which trusts the numbers
        await self._outbox.published(position)
        await self._hanging.begin_term(publisher)  # hazard: before any transaction, and after rows below the position
        await publisher.publish((), position)  # renews the offset, and proves that transactions work here
        log.info("This process publishes from now on.", event_name="relay_leads", token=term.token, position=position)
        return position

    async def _forget_published(self, publisher: Publisher, position: int | None) -> None:
        doubtful = {row.identity: row for row in await self._outbox.doubtful(position)}
        if not doubtful:
            return
        since = min(row.created_at for row in doubtful.values()) - CLOCK_MARGIN
        published: set[int] = set()
        async for identities in publisher.published_since({identity.topic for identity in doubtful}, since):
            self._health.beat(LOOP)
            published |= {doubtful[identity].id for identity in identities if identity in doubtful}
        await self._outbox.forget(published)
        log.warning(
            "The topics were searched for events that still stood in the outbox.",
            event_name="relay_searched",
            doubtful=len(doubtful),
            published=len(published),
        )

    async def _lead(self, publisher: Publisher, term: Term, position: int, stop: asyncio.Event) -> None:
        committed_at = self._clock()
        settled_at: float | None = None
        while True:
            self._health.beat(LOOP)
            if settled_at is None or self._clock() - settled_at >= POLL_SECONDS:
                await self._parking.settle(term.token)
                settled_at = self._clock()
            rows = await self._outbox.take(term.token, at_least=position, limit=self._batch_rows)
            if rows is None:
                log.info("Another process publishes from now on.", event_name="relay_superseded", token=term.token)
                return
            for piece in self._parking.pieces(rows):
                self._health.beat(LOOP)
                position = piece[-1].position + 1
                await self._hanging.end_before_use(publisher, {row.topic for row in piece})
                deliveries = await publisher.publish(piece, position)
                committed_at = self._clock()
                self._meters.count(Meter.PUBLISHED, len(piece))
                tell_published(piece, deliveries)
                await self._parking.published(piece)
            if self._clock() - committed_at > HEARTBEAT_SECONDS:
                await publisher.publish((), position)
                committed_at = self._clock()
            await self._hanging.look(publisher)
            self._health.ok("publish")
            if stop.is_set() and len(rows) < self._batch_rows:
                await self._outbox.published(position)  # the next turn would tell it
                return
            if not rows:
                self._phases.enter("rest")
                await rest(stop, POLL_SECONDS, self._hint)
                self._phases.enter("publish")

    async def _resign(self, term: Term) -> None:
        try:
            await self._outbox.resign(term.token)
        except Transient as error:
            log.warning(
                "The relay's lease could not be handed back; it expires.", event_name="relay_resign", error=str(error)
            )

    def _note(self, error: Transient) -> None:
        away = isinstance(error, BrokerAway)
        self._meters.count(Meter.RELAY_FAILURES, label="broker" if away else "database")
        self._health.failing("publish", str(error))
