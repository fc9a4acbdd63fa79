"""The types of what arrives: a Kafka record, and what it is decoded to."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from schemas.dead_letters import RefusalReason
from schemas.feedback import PackageFeedback
from schemas.sessions import SessionData
from schemas.tenants import TenantPolicySet

if TYPE_CHECKING:
    from consumer.domain.redaction import FoundSecret  # slow to load: its patterns are compiled then


class SessionKey(NamedTuple):
    """Identifies a session. Keys can be sorted, so that locks are taken in one order everywhere."""

    tenant_id: str
    session_id: str


class RequestKey(NamedTuple):
    """Identifies a request."""

    tenant_id: str
    session_id: str
    request_id: str

    @property
    def session(self) -> SessionKey:
        return SessionKey(self.tenant_id, self.session_id)


class TopicPartition(NamedTuple):
    """One partition of a topic, by the topic's full name."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


class Origin(NamedTuple):
    """The position of a record. Origins of one partition sort in reading order."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int = -1
    """The record's time on its topic: it tells records apart that had the same offset before a topic was made anew."""

    @property
    def topic_partition(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


class UnreadableValue(bytes):
    """Stands for the value of a record that its reader could not take apart. It holds no byte of the record."""

    reason: RefusalReason
    error: str
    """One line that holds nothing of the record's content."""

    @classmethod
    def because(cls, reason: RefusalReason, error: str) -> "UnreadableValue":
        value = cls()
        value.reason, value.error = reason, error
        return value


class Record(NamedTuple):
    """A Kafka record as it arrived, not decoded. It is never logged, because it may hold secrets. A tuple for speed."""

    origin: Origin
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    def __repr__(self) -> str:
        return f"Record({self.origin})"


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceContext:
    """A W3C trace context. It is passed on as it was received."""

    traceparent: str | None = None
    tracestate: str | None = None


NO_TRACE = TraceContext()


class SessionChange(NamedTuple):
    """One change of a session, as it is stored. A tuple for speed."""

    origin: Origin
    key: SessionKey
    version: int
    event_id: str
    type: str
    occurred_at: datetime
    actor: str | None
    data: str | None
    """Redacted JSON (see `arrival.stored`); None for a type that this release does not know."""


class SessionEvent(NamedTuple):
    """One change of a session, as it is folded. `data` is None for a type that this release does not know."""

    origin: Origin
    key: SessionKey
    version: int
    event_id: str
    type: str
    occurred_at: datetime
    actor: str | None
    data: SessionData | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request for a handoff package."""

    origin: Origin
    key: RequestKey
    state_version: int | None
    reason: str | None
    priority: int
    force: bool
    deadline_seconds: int
    from_replay: bool
    """Whether it was read from the replay topic: then it has no deadline, and live work goes first."""
    replay_id: str | None
    """On the replay topic it asks for a further revision of a known request; on other topics it is None."""
    trace: TraceContext = NO_TRACE


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """The end of a request, before or after its package."""

    origin: Origin
    key: RequestKey
    trace: TraceContext = NO_TRACE


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A record that is refused. It becomes a dead letter."""

    origin: Origin
    record_key: bytes | None
    session: SessionKey | None
    """Known if the envelope could be read. An erasure of the session empties the excerpts of its dead letters."""
    reason: RefusalReason
    error: str
    """One line that names the field; no payload."""
    excerpt: str
    """Redacted. The store sweeps it for the session's known secrets, and then cuts it to 2 KiB of UTF-8."""
    request_id: str | None = None
    """That the record's data names, redacted as the excerpt is."""
    source: str | None = None
    """The CloudEvents source, if it could be read; redacted as the excerpt is, and cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """An event of a type that this release does not know, on a topic without sessions. It is counted, nothing more."""

    origin: Origin
    session: SessionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """A tenant's whole policy, as it was set."""

    origin: Origin
    tenant_id: str
    event_id: str
    set_at: datetime
    policy: TenantPolicySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What became of a package. Its texts are redacted."""

    origin: Origin
    key: SessionKey
    event_id: str
    occurred_at: datetime
    said: PackageFeedback


Arrival = SessionChange | Request | Cancellation | Feedback | PolicyChange | Refusal | Ignored


class Decoded(NamedTuple):
    """What a record says, redacted, and the secrets that were found in it. A tuple for speed."""

    arrival: Arrival
    record_key: bytes | None
    known: "tuple[FoundSecret, ...]" = ()
