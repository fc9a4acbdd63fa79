"""What the relay works on: rows of the outbox, the table with the relay's lease, and the broker."""

import hashlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from consumer.errors import Transient

NAME = "escalation-relay"
"""The transactional id, and the group whose offset is the position. The topic prefix is put before it."""
MARKER_TOPIC = "escalation-relay-position"
"""An empty topic of one partition: the group commits the position as its offset. The topic prefix is put before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """An outbox row that has its number, which is its position."""

    id: int
    position: int
    topic: str
    key: bytes | None
    headers: tuple[tuple[str, str], ...]
    value: bytes = field(repr=False)
    waited_seconds: float = 0.0
    """Since it was stored."""


class Delivery(NamedTuple):
    """Where a row stands on its topic."""

    partition: int
    offset: int


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
        if event_id := named.get("event_id") or named.get("ce_id"):  # `ce_id`: as earlier releases published
            return cls(topic, ("event", event_id))
        if "dlq.offset" in named:
            return cls(topic, ("dlq", *(named.get(f"dlq.{part}", "") for part in ("topic", "partition", "offset"))))
        return cls(topic, ("bytes", (key or b"").hex(), digest.hex()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubtful:
    """A row that may be published already."""

    id: int
    identity: Identity
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hanging:
    """Records of a partition that stand in no transaction that is open, and yet are not committed.

    Two are equal where place and beginning are.
    """

    topic: str
    partition: int
    begins_at: int
    identities: frozenset[Identity] = field(compare=False)

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}"


class BrokerAway(Transient):
    """Kafka failed or did not confirm in time; this producer must be discarded."""


class EventsRefused(Transient):
    """A topic refuses events, and nothing of the transaction was committed; this producer must be discarded."""

    def __init__(self, topic: str, reason: str, *, ids: Collection[int] = (), of_all: bool = False) -> None:
        """`ids` are the rows that may be why; with `of_all`, and without any, the topic takes no event at all."""
        super().__init__(f"Kafka: the topic {topic} refuses events: {reason}")
        self.topic = topic
        self.reason = reason
        self.ids = frozenset(ids)
        self.of_all = of_all or not ids


class Outbox(Protocol):
    """The outbox table and the relay's lease. Every method raises Transient while the database is away."""

    async def lead(self, leader: str) -> Term | None:
        """Begins a new term and returns it, or returns None while another process leads."""

    async def take(self, token: int, *, at_least: int, limit: int) -> Sequence[OutboxRow] | None:
        """Numbers up to `limit` rows that have no number, from `at_least` on, and renews the lease.

        Returns the first `limit` numbered rows, in order, or None when the term is over. All rows below `at_least` are
        published: they are deleted.
        """

    async def published(self, position: int) -> None:
        """Stores that all rows below `position` are published, and deletes them."""

    async def doubtful(self, position: int | None) -> Sequence[Doubtful]:
        """Returns the numbered rows from `position` on; with None every row."""

    async def forget(self, ids: Collection[int]) -> None:
        """Deletes rows that were found on their topics."""

    async def unnumber(self, token: int) -> None:
        """Takes the numbers of all rows back."""

    async def park(self, token: int, refusal: EventsRefused) -> None:
        """Takes the numbers of the refused rows back, and lets them wait: longer with every refusal in a row.

        Of a topic that takes none all rows wait, later ones too. To be called only while none of them can be published.
        """

    async def retry_parked(self, token: int) -> Collection[str]:
        """Lets rows be numbered again that have waited long enough: of a topic that takes none, two as a trial.

        Rows of such a topic that are new wait with the others. Returns these topics.
        """

    async def admit(self, topics: Collection[str]) -> None:
        """These topics take events again: their rows wait no longer, but for those that were refused themselves."""

    async def resign(self, token: int) -> None:
        """Ends the term, so that another process can lead at once."""


class Publisher(Protocol):
    """A producer that has fenced all older ones. After any method has raised, it must be discarded."""

    async def position(self) -> int | None:
        """Returns the committed position, the number after the last published one; None without any commit."""

    async def hanging(self, topics: Collection[str]) -> Mapping[str, Sequence[Hanging]]:
        """What hangs, by topic; without the topics that are not there or have a partition without a leader.

        To be called while this publisher's last transaction is certain to be over.
        """

    async def unended(self, topics: Collection[str]) -> frozenset[Hanging]:
        """Where a transaction has not ended, without what it holds; also one that was committed a moment ago."""

    async def end(self, hanging: Sequence[Hanging], *, commit: bool) -> None:
        """Commits or aborts all of it, in one transaction. Bounded in time."""

    async def publish(self, rows: Sequence[OutboxRow], position: int) -> Mapping[int, Delivery]:
        """Publishes all rows and the new position in one transaction. Bounded in time.

        Returns their places by row id, as far as the broker has named them.

        Raises EventsRefused where a topic is why it cannot be done.
        """

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


def content_digest(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()
