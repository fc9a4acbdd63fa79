"""Sessions as a list, and one with all its events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from consumer.domain.events import SessionEvent, SessionKey
from consumer.flows.viewing.request_list import RequestLine

MOST_EVENTS = 2000
"""A longer session is not folded for a page: that would take the service's time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLine:
    tenant_id: str
    session_id: str
    newest_version: int | None
    event_count: int
    requests: int
    changed_at: datetime
    erased_at: datetime | None
    trimmed_at: datetime | None

    @property
    def key(self) -> SessionKey:
        return SessionKey(self.tenant_id, self.session_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilters:
    """None lets all pass."""

    tenant: str | None = None
    session: str | None = None
    """The beginning of its id."""
    after: tuple[datetime, SessionKey] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSession:
    line: SessionLine
    events: tuple[SessionEvent, ...]
    """The accepted ones with their actors, in version order; of more than MOST_EVENTS the newest."""
    data: Mapping[int, str]
    """What is stored of each, redacted JSON, by version."""
    requests: tuple[RequestLine, ...]


class SessionLister(Protocol):
    async def sessions(self, filters: SessionFilters) -> list[SessionLine]:
        """The most recently changed first; at most MOST_ROWS and one more, which says that there are more."""

    async def session(self, key: SessionKey) -> ShownSession | None:
        """None for a session that is not known."""
