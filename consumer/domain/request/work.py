"""A request as the drafters take it up: what is to be done, and what was published for it last."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from consumer.domain.events import RequestKey, TraceContext
from schemas.packages import Cause, PackageStatus, TicketReference


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPackage:
    """What was published last for a request."""

    revision: int
    bundle_sha256: str
    prompt_version: str
    model: str | None
    """Of the draft's key; null for rules."""
    status: PackageStatus
    content_sha256: str
    ticket: TicketReference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayTerms:
    """What a planned replay lets its work do."""

    stands: bool
    """Else it was stopped or cancelled since: its work is let go."""
    calls_model: bool
    """Else it makes packages from drafts that are stored, and pays for none."""
    publishes: bool
    """Else it stops at the draft: nothing leaves the service."""


class Replayed(StrEnum):
    """What became of a request in a planned replay."""

    PLANNED = "planned"
    """Nothing yet."""

    REVISED = "revised"
    DRAFTED = "drafted"
    """A draft is stored, and nothing was published: the replay does not publish."""
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A request with something to be done, as it was when the lease was taken."""

    key: RequestKey
    token: int
    """The fence: whatever finishes this work must name it."""
    requested_state_version: int | None
    reason: str | None
    priority: int
    force: bool
    trace: TraceContext
    cause: Cause
    replay_id: str | None
    terms: ReplayTerms | None
    """Of a planned replay, when this is its work."""
    replayed: bool
    """Whether it comes after all live work."""
    due_at: datetime | None
    """What stood in the row; a later finish sees by it whether somebody has scheduled anew."""
    attempts: int
    """Times this work was taken up, this one included."""
    last: LastPackage | None
    """None until there is a package."""
    upgrade_wanted: bool
    age_seconds: float
    """Since the request was stored."""
    taken_at: datetime
    """By the database's clock."""
    waited: bool
    """Whether half of the deadline has passed: then what is known has to do."""
    deadline_in_seconds: float | None
    """Until the first package has to be decided, the margin for publishing taken off; None: no deadline."""

    @property
    def next_revision(self) -> int:
        return 1 if self.last is None else self.last.revision + 1
