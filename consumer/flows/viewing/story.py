"""All that is known of one request: the facts, and the same told as a timeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from consumer.domain.events import Origin
from consumer.flows.viewing.dead_letters import DeadLetterView
from consumer.flows.viewing.packages import PackageView
from consumer.flows.viewing.requests import RequestView
from schemas.feedback import FeedbackOutcome


class StoryKind(StrEnum):
    """What an entry of a timeline tells."""

    RECORD = "record"
    """A record arrived: the request, an event of its session."""
    REFUSAL = "refusal"
    """A record was refused at the door."""
    WAITING = "waiting"
    LEASE = "lease"
    """A replica works on it."""
    CALL = "call"
    """A call to a model."""
    LEDGER = "ledger"
    """A draft was paid for, or refused by the checks."""
    REVISION = "revision"
    """A package was made."""
    PUBLICATION = "publication"
    """An event waits in the outbox."""
    FEEDBACK = "feedback"
    END = "end"
    """It failed, or was cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryEntry:
    """One line of a timeline."""

    kind: StoryKind
    at: datetime | None
    """None for what holds now and has no time."""
    text: str
    """A sentence for people."""
    origin: Origin | None = None
    """Where the record stands."""
    package_id: str | None = None
    attention: bool = False
    """Whether it is what keeps, or kept, the note away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCallView:
    """One call to a model, for one revision of the request."""

    drafted_for: str
    """`request id/revision` of the work that paid for it."""
    purpose: str
    provider: str
    model: str
    began_at: datetime
    ended_at: datetime | None
    """None while it is under way, or when it was cut off."""
    usd: float | None
    """None where nobody knows the price, and while it is under way."""
    held_usd: float
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int

    @property
    def seconds(self) -> float | None:
        """Never negative, though a clock may have been set back. None while it is under way."""
        return None if self.ended_at is None else max(0.0, (self.ended_at - self.began_at).total_seconds())

    @property
    def tokens_in(self) -> int:
        """All that was read by the model, from its cache too."""
        return self.input_tokens + self.cache_read_input_tokens + self.cache_creation_input_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerView:
    """A row of the ledger of drafts that this request paid for, or that its packages rest on."""

    bundle_sha256: str
    prompt_version: str
    model: str
    state: str
    """`claimed`, `drafted` or `refused`."""
    drafted_for: str | None
    attempts: int
    refusal: str | None
    """Machine-readable words: why rules have to do."""
    warnings: tuple[str, ...]
    """Machine-readable words of the draft."""
    statements: int | None
    """How many statements the second reader was asked about; None without a check. So are the next two."""
    flagged: int | None
    removed: int | None
    drafted_at: datetime | None
    claimed_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEvent:
    """An event about the request's session that is not published yet. Other requests of the session may own it."""

    topic: str
    position: int | None
    """None: the relay has not taken it yet."""
    created_at: datetime
    refused_at: datetime | None
    refusal: str | None
    retry_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackView:
    """What became of a package."""

    package_id: str
    outcome: FeedbackOutcome
    said: Mapping[str, object]
    """The event's data, redacted."""
    occurred_at: datetime
    origin: Origin | None
    """None for what an earlier release stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """An event of the request's session, known by its version: its place on the topic is not kept."""

    version: int
    event_id: str
    type: str
    occurred_at: datetime
    """By the producer's clock; when it was stored is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStory:
    """One request, whole."""

    request: RequestView
    newest_events: tuple[SessionRecord, ...]
    """The newest of the session, in version order."""
    calls: tuple[ModelCallView, ...]
    ledger: tuple[LedgerView, ...]
    revisions: tuple[PackageView, ...]
    waiting_events: tuple[WaitingEvent, ...]
    feedback: tuple[FeedbackView, ...]
    dead_letters: tuple[DeadLetterView, ...]
    """Records that name this request and were refused."""
    entries: tuple[StoryEntry, ...] = ()
    """The facts above as a timeline, the earliest first; what holds now comes last."""

    @property
    def usd(self) -> float:
        """What its calls have cost, as far as prices are known."""
        return sum(call.usd or 0.0 for call in self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRequest:
    """A request of which only refused records are known."""

    request_id: str
    dead_letters: tuple[DeadLetterView, ...]
