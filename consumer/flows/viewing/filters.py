"""What is looked for. A field that is None restricts nothing. `since` is included, `until` is not."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from consumer.domain.request.lifecycle import RequestState
from consumer.flows.viewing.tickets import TicketName
from schemas.dead_letters import RefusalReason
from schemas.packages import Cause, PackageStatus


class RequestOrder(StrEnum):
    """How requests are sorted."""

    NEWEST = "newest"
    """By the time at which they were stored, the newest first; where a status or a cause is looked for, by the time of
    their last package."""
    OLDEST = "oldest"
    DEADLINE = "deadline"
    """Open requests with a running clock only, the nearest deadline first."""


class SessionCondition(StrEnum):
    """What is left of a session."""

    KEPT = "kept"
    """Its events are stored."""
    TRIMMED = "trimmed"
    """Its content left by age."""
    ERASED = "erased"
    """Its content was erased on demand."""


class LetterTrait(StrEnum):
    """What refused records are counted by."""

    REASON = "reason"
    TOPIC = "topic"
    TENANT = "tenant"
    SOURCE = "source"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """Which requests."""

    tenant: str | None = None
    session: str | None = None
    ticket: TicketName | None = None
    """Requests of all sessions that have, or once had, this ticket."""
    state: RequestState | None = None
    status: PackageStatus | None = None
    """Of the last package."""
    cause: Cause | None = None
    """Of the last package."""
    id_text: str | None = None
    """The beginning of a request's or a session's id."""
    since: datetime | None = None
    """By the time at which a request was stored."""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFilter:
    """Which packages."""

    tenant: str | None = None
    session: str | None = None
    request: str | None = None
    ticket: TicketName | None = None
    """Packages that were made for this ticket; a moved session's earlier packages keep theirs."""
    status: PackageStatus | None = None
    cause: Cause | None = None
    since: datetime | None = None
    """By the time at which a package was made."""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Which sessions."""

    tenant: str | None = None
    ticket: TicketName | None = None
    """Sessions that have, or once had, this ticket."""
    condition: SessionCondition | None = None
    id_text: str | None = None
    """The beginning of a session's id."""
    since: datetime | None = None
    """By the time of the last change."""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Which refused records."""

    reason: RefusalReason | None = None
    topic: str | None = None
    """Full name, with its prefix."""
    tenant: str | None = None
    session: str | None = None
    request: str | None = None
    ticket: TicketName | None = None
    """Of sessions that have, or once had, this ticket."""
    since: datetime | None = None
    """By the time of the refusal."""
    until: datetime | None = None
