"""A session as the store holds it at one moment: its events, and what a final transaction compares."""

from dataclasses import dataclass

from consumer.domain.events import SessionEvent
from schemas.packages import TicketReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a piece of work was built from; its final transaction compares it with what is there by then."""

    arrivals: int
    secrets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionHistory:
    """A session as it is stored, at one moment."""

    events: tuple[SessionEvent, ...]
    """In version order."""
    arrivals: int
    """The number of accepted events: later ones have higher arrival numbers."""
    secrets: int
    """Fingerprints of values known to be secret; one more, and what was drafted before may hold it."""
    erased: bool
    ticket: TicketReference | None
    """The last one that the store kept; after an erasure all that is left."""

    @property
    def basis(self) -> Basis:
        return Basis(arrivals=self.arrivals, secrets=self.secrets)
