"""What one text may mean: a ticket, a session, a request, a package."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from consumer.domain.events import RequestKey, SessionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class IdMatches:
    """What carries that id, or the ticket that is known by it."""

    packages: tuple[UUID, ...]
    requests: tuple[RequestKey, ...]
    sessions: tuple[SessionKey, ...]
    by_ticket: tuple[SessionKey, ...]
    """Sessions with that ticket."""

    @property
    def count(self) -> int:
        return len(self.packages) + len(self.requests) + len(self.sessions) + len(self.by_ticket)


class Finder(Protocol):
    async def find(self, text: str) -> IdMatches:
        """What carries that id, whole or, from four characters on, by its beginning; a few of each kind."""
