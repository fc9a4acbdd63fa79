"""The relay: publishes the outbox exactly once for `read_committed` readers.

One process leads at a time, by a lease. The lease does not make publishing exact; the order of two steps does. A term
begins by fencing every older producer, and only then reads the committed position. The position travels in the same
transaction as the events, so that both are committed or neither is. After any doubt the producer is discarded, and the
next term begins the same way.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import structlog

from consumer.errors import Transient
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.pacing import Waker, rest

LOOP = "relay"
NAME = "escalation-relay"
"""The transactional id, and the group whose offset is the position. The topic prefix is put before it."""
MARKER_TOPIC = "escalation-relay-position"
"""An empty topic of one partition: the group commits the position as its offset. The topic prefix is put before it."""
POLL_SECONDS = 1.0
"""How often the outbox is looked at. Nothing rests on hints; they only make the next look come sooner."""
HEARTBEAT_SECONDS = 12 * 3600.0
"""A group's offset expires 7 days after its last commit (broker's default); the relay commits it again well before."""
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0)
CLOCK_MARGIN = timedelta(hours=1)
"""How much the clocks of brokers and database may differ when the topics are searched for published rows."""

log = structlog.stdlib.get_logger("escalation.relay")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """An outbox row that has its number, which is its position."""

    id: int
    position: int
    topic: str
    key: bytes | None
    headers: tuple[tuple[str, str], ...]
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A relay's lease, and how far the database has numbered and published the outbox."""

    token: int
    position: int
    """All rows with lower numbers are published."""
    numbered: int
    """The next number to be given."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a row is recognised by on its topic: the event's id, a dead letter's origin, else the content."""

    topic: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, topic: str, key: bytes | None, headers: Collection[tuple[str, str]], digest: bytes) -> "Identity":
        """`digest` is the `content_digest` of the value."""
        named = dict(headers)
        if "ce_id" in named:
            return cls(topic, ("ce", named["ce_id"]))
        if "dlq.offset" in named:
            return cls(topic, ("dlq", *(named.get(f"dlq.{part}", "") for part in ("topic", "partition", "offset"))))
        return cls(topic, ("bytes", (key or b"").hex(), digest.hex()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubtful:
    """A row that may be published already."""

    id: int
    identity: Identity
    created_at: datetime


class BrokerAway(Transient):
    """Kafka failed or did not confirm in time; this producer must be discarded."""


class Outbox(Protocol):
    """The outbox table and the relay's lease. Every method raises Transient while the database is away."""

    async def lead(self, leader: str) -> Term | None:
        """Begins a new term and returns it, or returns None while another process leads."""

    async def number(self, token: int, *, at_least: int, limit: int) -> int | None:
        """Numbers up to `limit` rows that have no number, from `at_least` on, and renews the lease.

        Returns the next number to be given, or None when the term is over.
        """

    async def rows(self, position: int, limit: int) -> Sequence[OutboxRow]:
        """Returns the numbered rows from `position` on, in order."""

    async def published(self, position: int) -> None:
        """Stores that all rows below `position` are published, and deletes them."""

    async def doubtful(self, position: int | None) -> Sequence[Doubtful]:
        """Returns the numbered rows from `position` on; with None every row."""

    async def forget(self, ids: Collection[int]) -> None:
        """Deletes rows that were found on their topics."""

    async def unnumber(self, token: int) -> None:
        """Takes the numbers of all rows back."""

    async def resign(self, token: int) -> None:
        """Ends the term, so that another process can lead at once."""


class Publisher(Protocol):
    """A producer that has fenced all older ones. After any method has raised BrokerAway, it must be discarded."""

    async def position(self) -> int | None:
        """Returns the committed position, the number after the last published one; None without any commit."""

    async def publish(self, rows: Sequence[OutboxRow], position: int) -> None:
        """Publishes all rows and the new position in one transaction. Bounded in time."""

    def published_since(self, topics: Collection[str], since: datetime) -> AsyncIterator[Sequence[Identity]]:
        """Yields the identities of committed records on these topics, in pieces, up to the topics' present ends.

        To be called before this publisher publishes: what the fenced ones committed is certain to be there, but a
        commit of its own may still be on its way.
        """

    async def discard(self) -> None:
        """Frees the producer. Bounded in time; never raises."""


class Broker(Protocol):
    async def fence(self) -> Publisher:
        """Returns a publisher once no older one can commit any more. Raises BrokerAway."""


class Agreement(StrEnum):
    """Whether the position in Kafka and the numbers in the database agree."""

    AGREED = "agreed"
    BEHIND = "behind"
    """Kafka lost the position (expired, marker topic made anew, rewound): numbered rows may be published already."""
    AHEAD = "ahead"
    """The database lost commits (failover, restored backup): its numbers mean nothing, any row may be published."""


def agreement_of(committed: int | None, term: Term) -> Agreement:
    """While nothing is lost, position ≤ committed ≤ numbered.

    The database numbers a row before Kafka sees it, and raises its position after Kafka has committed.
    """
    if committed is None:
        return Agreement.AGREED if term.numbered == 0 else Agreement.BEHIND
    if committed < term.position:
        return Agreement.BEHIND
    return Agreement.AHEAD if committed > term.numbered else Agreement.AGREED


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
        batch_rows: int,
    ) -> None:
        self._name = name
        self._outbox = outbox
        self._broker = broker
        self._hint = hint
        self._health = health
        self._meters = meters
        self._clock = clock
        self._batch_rows = batch_rows

    async def run(self, stop: asyncio.Event) -> None:
        failures = 0
        while True:
            self._health.beat(LOOP)
            try:
                led = await self._term(stop)
            except Transient as error:
                self._note(error)
                if stop.is_set():
                    return  # unpublished rows stay in the outbox
                await rest(stop, BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])  # hints do not shorten it
                failures += 1
                continue
            failures = 0
            if stop.is_set():
                return
            if not led:
                self._health.ok("publish")  # the leading process reports whether publishing works
                await rest(stop, POLL_SECONDS, self._hint)

    async def _term(self, stop: asyncio.Event) -> bool:
        """Leads until the term is over or, after `stop`, the outbox is published. False when another process leads."""
        term = await self._outbox.lead(self._name)
        if term is None:
            return False
        self._meters.set(Meter.RELAY_LEADING, 1)
        try:
            publisher = await self._broker.fence()  # hazard: first fence ...
            try:
                start = await self._agree(publisher, term, await publisher.position())  # ... then read the position
                await self._lead(publisher, term, start, stop)
            finally:
                await publisher.discard()
        finally:
            self._meters.set(Meter.RELAY_LEADING, 0)
            await self._resign(term)
        return True

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
        await publisher.publish((), position)  # renews the offset, and proves that transactions work here
        self._health.ok("publish")
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
        while True:
            self._health.beat(LOOP)
            numbered = await self._outbox.number(term.token, at_least=position, limit=self._batch_rows)
            if numbered is None:
                log.info("Another process publishes from now on.", event_name="relay_superseded", token=term.token)
                return
            rows = await self._outbox.rows(position, self._batch_rows)
            if rows:
                position = rows[-1].position + 1
                await publisher.publish(rows, position)
                committed_at = self._clock()
                self._meters.count(Meter.PUBLISHED, len(rows))
                await self._outbox.published(position)
            elif self._clock() - committed_at > HEARTBEAT_SECONDS:
                await publisher.publish((), position)
                committed_at = self._clock()
            if stop.is_set() and len(rows) < self._batch_rows:
                return
            self._health.ok("publish")
            if not rows:
                await rest(stop, POLL_SECONDS, self._hint)

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
        log.warning(
            "Publishing failed at Kafka or PostgreSQL; it is tried again.", event_name="relay_waits", error=str(error)
        )


def content_digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
