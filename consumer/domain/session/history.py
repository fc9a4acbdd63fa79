"""A session as the store holds it at one moment: its events, and what a final transaction compares."""

from dataclasses import dataclass

from consumer.domain.events import SessionEvent
from schemas.packages import TicketReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The state that work was built from. The work's final transaction compares it with what is stored by then."""

    arrivals: int
    secrets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHistory:
    """A session as it is stored, at one moment."""

    events: tuple[SessionEvent, ...]
    """In version order."""
    arrivals: int
    """The number of accepted events. Later events have higher arrival numbers."""
    secrets: int
    """The number of values known to be secret. When it grows, an earlier draft may hold the new one."""
    erased: bool
    ticket: TicketReference | None
    """The last ticket that the store kept. After an erasure it is the only content left."""

    @property
    def basis(self) -> Basis:
        return Basis(arrivals=self.arrivals, secrets=self.secrets)
