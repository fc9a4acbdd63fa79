"""Sessions as a list shows them, and one with its events."""

from dataclasses import dataclass
from datetime import datetime

from consumer.domain.events import SessionEvent, SessionKey
from consumer.domain.session.session import Session
from consumer.flows.viewing.dead_letters import DeadLetterView
from consumer.flows.viewing.filters import SessionCondition
from consumer.flows.viewing.packages import PackageView
from consumer.flows.viewing.requests import RequestView


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A session without its content."""

    key: SessionKey
    condition: SessionCondition
    newest_version: int | None
    """None for one that only a request or an erasure has named."""
    event_count: int
    """Events that were accepted, ever."""
    requests: int
    changed_at: datetime
    erased_at: datetime | None
    trimmed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStory:
    """A session, its state as the newest version gives it, and what belongs to it."""

    view: SessionView
    state: Session
    events: tuple[SessionEvent, ...]
    """In version order, with their actors, at most the newest `ports.MOST_EVENTS`; without places on the topics,
    which are not stored."""
    tickets: tuple[str, ...]
    """All that it names now or named before, as `target_ticket_ref` writes them; the present one last."""
    requests: tuple[RequestView, ...]
    packages: tuple[PackageView, ...]
    dead_letters: tuple[DeadLetterView, ...]
