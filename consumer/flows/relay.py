"""The relay: publishes the outbox exactly once for `read_committed` readers.

One process leads at a time, by a lease; what makes it exact is not the lease but the order of two steps. A term begins
by fencing every older producer, and only then reads the committed position. The position travels in the same
transaction as the events, so that both are there or neither is. After any doubt the producer is thrown away and the
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
"""The transactional id and the group whose offset is the position; before the prefix."""
MARKER_TOPIC = "escalation-relay-position"
"""A topic of one partition that stays empty: it is there to carry the position; before the prefix."""
POLL_SECONDS = 1.0
"""The truth; a hint only makes it sooner."""
HEARTBEAT_SECONDS = 12 * 3600.0
"""A group's offset expires 7 days after its last commit (broker's default), so it is renewed well before."""
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0)
CLOCK_MARGIN = timedelta(hours=1)
"""Brokers' and databases' clocks may differ by so much when the topics are searched for what was published."""

log = structlog.stdlib.get_logger("escalation.relay")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """An outbox row that has its number."""

    id: int
    position: int
    topic: str
    key: bytes | None
    headers: tuple[tuple[str, str], ...]
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A lease, and what the database knows about the numbers."""

    token: int
    position: int
    """Every lower number is published."""
    numbered: int
    """The next number to be given."""


@dataclass(frozen=True, slots=True)
class Identity:
    """By which a row is known again on its topic: the event's id, a dead letter's origin, else its content."""

    topic: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, topic: str, key: bytes | None, headers: Collection[tuple[str, str]], digest: bytes) -> "Identity":
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
    """Kafka did not take it, or did not say so; this producer is not to be used again."""


class Outbox(Protocol):
    """The table and the lease. Every method raises Transient while the database is away."""

    async def lead(self, leader: str) -> Term | None:
        """A new term, or None while somebody else leads."""

    async def number(self, token: int, *, at_least: int, limit: int) -> int | None:
        """Numbers untaken rows, at or above `at_least`; the next number to be given, or None when the term is over."""

    async def rows(self, position: int, limit: int) -> Sequence[OutboxRow]:
        """Numbered rows from `position` on, in order."""

    async def published(self, position: int) -> None:
        """Everything below `position` is published, and leaves."""

    async def doubtful(self, position: int | None) -> Sequence[Doubtful]:
        """Numbered rows from `position` on; with None every row."""

    async def forget(self, ids: Collection[int]) -> None:
        """These rows are published after all."""

    async def unnumber(self, token: int) -> None:
        """Takes all numbers back."""

    async def resign(self, token: int) -> None:
        """Lets another one lead at once."""


class Publisher(Protocol):
    """A producer that has fenced all older ones. Every method raises BrokerAway, after which it is to be discarded."""

    async def position(self) -> int | None:
        """The number after the last published one, as committed; None without any commit."""

    async def publish(self, rows: Sequence[OutboxRow], position: int) -> None:
        """All rows and the new position in one transaction. Bounded in time."""

    def published_since(self, topics: Collection[str], since: datetime) -> AsyncIterator[Sequence[Identity]]:
        """What stands committed on these topics, in pieces; ends at their present end."""

    async def discard(self) -> None:
        """Bounded in time; never raises."""


class Broker(Protocol):
    async def fence(self) -> Publisher:
        """A publisher, once no older one can commit any more. Raises BrokerAway."""


class Agreement(StrEnum):
    """How the position in Kafka and the numbers in the database fit together."""

    AGREED = "agreed"
    BEHIND = "behind"
    """Kafka lost the position (expired, marker topic made anew, rewound): numbered rows may be published already."""
    AHEAD = "ahead"
    """The database lost commits (failover, restored backup): its numbers mean nothing, any row may be published."""


def agreement_of(committed: int | None, term: Term) -> Agreement:
    """The database gives a number before Kafka sees it, and raises its mark after: position ≤ committed ≤ numbered."""
    if committed is None:
        return Agreement.AGREED if term.numbered == 0 else Agreement.BEHIND
    if committed < term.position:
        return Agreement.BEHIND
    return Agreement.AHEAD if committed > term.numbered else Agreement.AGREED


class Relay:
    """`run` returns after `stop`, once what was there then is published or cannot be; it raises what nobody foresaw."""

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
                    return  # the outbox keeps what is left
                await rest(stop, BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])  # no hint makes it shorter
                failures += 1
                continue
            failures = 0
            if stop.is_set():
                return
            if not led:
                self._health.ok("publish")  # whoever leads says how it goes
                await rest(stop, POLL_SECONDS, self._hint)

    async def _term(self, stop: asyncio.Event) -> bool:
        """Leads until the term is over or the stop is done; False when somebody else leads."""
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
        """The position to go on from, once nothing that is published stands in the outbox any more."""
        agreement = agreement_of(committed, term)
        position = max(committed or 0, term.position)
        if agreement is not Agreement.AGREED:
            log.error(
                "Kafka and the database disagree about what is published; the topics are searched for it.",
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
        await publisher.publish((), position)  # the heartbeat; and proof that transactions work here
        self._health.ok("publish")
        log.info("This process publishes from now on.", event_name="relay_leads", token=term.token, position=position)
        return position

    async def _forget_published(self, publisher: Publisher, position: int | None) -> None:
        doubtful = {row.identity: row for row in await self._outbox.doubtful(position)}
        if not doubtful:
            return
        since = min(row.created_at for row in doubtful.values()) - CLOCK_MARGIN
        found: set[int] = set()
        async for identities in publisher.published_since({one.topic for one in doubtful}, since):
            self._health.beat(LOOP)
            found |= {doubtful[one].id for one in identities if one in doubtful}
        await self._outbox.forget(found)
        log.warning("Searched the topics.", event_name="relay_searched", doubtful=len(doubtful), published=len(found))

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
            log.warning("Could not hand the lease back; it runs out.", event_name="relay_resign", error=str(error))

    def _note(self, error: Transient) -> None:
        away = isinstance(error, BrokerAway)
        self._meters.count(Meter.RELAY_FAILURES, label="broker" if away else "database")
        self._health.failing("publish", str(error))
        log.warning("Publishing waits; it is tried again.", event_name="relay_waits", error=str(error))


def content_digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
