"""Requests as a list: found by what they are about, and what each waits for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from consumer.domain.events import RequestKey

MOST_ROWS = 50


class RequestOrder(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilters:
    """None lets all pass."""

    tenant: str | None = None
    session: str | None = None
    request: str | None = None
    """A part of the request's id."""
    ticket: str | None = None
    state: str | None = None
    status: str | None = None
    """Of the last package."""
    cause: str | None = None
    """Of the last package."""
    since: datetime | None = None
    until: datetime | None = None
    order: RequestOrder = RequestOrder.NEWEST
    after: "RequestPlace | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPlace:
    """Where a page of the list ends."""

    stored_at: datetime
    key: RequestKey


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLine:
    """A request, its last package, and its session's newest version."""

    tenant_id: str
    session_id: str
    request_id: str
    state: str
    stored_at: datetime
    at: datetime
    """The database's time at which it was read."""
    priority: int
    requested_state_version: int | None
    newest_version: int | None
    waits_for_backlog: bool
    deadline_at: datetime | None
    due_at: datetime | None
    work_cause: str
    attempts: int
    leased_until: datetime | None
    leased_by: str | None
    revision: int
    upgrade_wanted: bool
    failure: str | None
    ended_at: datetime | None
    package_id: UUID | None
    status: str | None
    cause: str | None
    ticket: str | None
    """As `system #id`."""
    ticket_id: str | None

    @property
    def key(self) -> RequestKey:
        return RequestKey(self.tenant_id, self.session_id, self.request_id)

    @property
    def left_seconds(self) -> float | None:
        """To its deadline; None while the clock stands still, or nothing is promised any more."""
        if self.deadline_at is None or self.state != "open":
            return None
        return (self.deadline_at - self.at).total_seconds()

    @property
    def late(self) -> bool:
        return self.left_seconds is not None and self.left_seconds < 0

    @property
    def is_leased(self) -> bool:
        """Whether a replica works on it."""
        return self.leased_until is not None and self.leased_until > self.at

    @property
    def waits(self) -> str:
        """What it waits for, in a sentence; empty when it waits for nothing."""
        if self.is_leased:
            return "its draft, on which a replica works" + (f" (attempt {self.attempts})" if self.attempts > 1 else "")
        match self.state:
            case "foreseen":
                return "its request: the cancellation came first"
            case "open":
                return self._open_waits
            case "done" if self.upgrade_wanted:
                return "the model, which is to replace this fallback"
            case "done" if self.due_at is not None:
                return f"its next revision ({self.work_cause})"
            case _:
                return ""

    @property
    def _open_waits(self) -> str:
        if self.waits_for_backlog:
            return "older records of the topics, which are read first"
        wanted = self.requested_state_version
        if self.newest_version is None:
            return "its session, of which nothing has arrived"
        if wanted is not None and wanted > self.newest_version:
            return f"version {wanted} of its session; {self.newest_version} is the newest that has arrived"
        if self.due_at is not None and self.due_at > self.at:
            return f"its time, in {(self.due_at - self.at).total_seconds():.0f} s"
        return "a free place to be drafted"


class RequestLister(Protocol):
    async def requests(self, filters: RequestFilters) -> list[RequestLine]:
        """At most MOST_ROWS and one more, which says that there are more."""
