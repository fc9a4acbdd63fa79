"""Sessions as a list shows them, and one with its events and its ways from ticket to ticket."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from consumer.domain.events import SessionEvent, SessionKey
from consumer.domain.package.package import target_ticket_ref, ticket_reference
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
class TicketMove:
    """A session left one ticket for another: by which event, when, and who made it, as far as that is stored."""

    left: str
    went_to: str
    """Both as `target_ticket_ref` writes them."""
    version: int
    event_id: str
    type: str
    occurred_at: datetime
    """By the producer's clock."""
    actor: str | None

    @property
    def sentence(self) -> str:
        by = f" by {self.actor}" if self.actor else ""
        at = self.occurred_at.astimezone(UTC)
        return (
            f"from {self.left} to {self.went_to} at {at:%Y-%m-%d %H:%M:%SZ}{by}, "
            f"with event {self.event_id} ({self.type}, version {self.version})"
        )


def ticket_moves(events: Iterable[SessionEvent]) -> tuple[TicketMove, ...]:
    """The moves that events tell, given in version order. What retention or an erasure took away tells none."""
    moves: list[TicketMove] = []
    before: str | None = None
    for event in events:
        if (ticket := getattr(event.data, "psa_ticket", None)) is None:
            continue
        now = target_ticket_ref(ticket_reference(ticket))
        if before is not None and now is not None and now != before:
            moves.append(
                TicketMove(
                    left=before,
                    went_to=now,
                    version=event.version,
                    event_id=event.event_id,
                    type=event.type,
                    occurred_at=event.occurred_at,
                    actor=event.actor,
                )
            )
        before = now
    return tuple(moves)


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
    moves: tuple[TicketMove, ...]
    """How it came from each ticket to the next one, the oldest first."""
    requests: tuple[RequestView, ...]
    packages: tuple[PackageView, ...]
    dead_letters: tuple[DeadLetterView, ...]
