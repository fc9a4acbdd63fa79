"""A request as a list shows it: its ids, where it stands, and what it waits for."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from consumer.domain.events import Origin, RequestKey
from consumer.domain.package.cautions import RULES_BECAUSE, say_warning
from consumer.domain.request.lifecycle import RequestState
from schemas.packages import Cause, PackageStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """A request, its session's version, and its last package. Times are instants of the database's clock."""

    key: RequestKey
    state: RequestState
    origin: Origin | None
    """Where its record stands; None for one that an earlier release stored."""
    stored_at: datetime
    read_at: datetime
    """When this view was read."""
    priority: int
    force: bool
    from_replay: bool
    deadline_seconds: int
    requested_version: int | None
    newest_version: int | None
    """Of its session; None while no event of the session has arrived."""
    reason: str | None
    """Redacted."""
    # the clock
    backlog: tuple[tuple[str, int], ...]
    """`topic/partition`, and the offset that must be read before the clock starts; empty: it runs."""
    half_deadline_at: datetime | None
    deadline_at: datetime | None
    """None while the clock stands still, and for replays."""
    # the work
    due_at: datetime | None
    """From then on it is to be taken up; None: nothing is to be done, or it waits for its state."""
    next_cause: Cause
    """Of the work that is due."""
    replay_id: str | None
    attempts: int
    """How often the work was taken up and did not come back."""
    leased_until: datetime | None
    leased_by: str | None
    # what was published
    revision: int
    """0 without a package."""
    package_id: str | None
    status: PackageStatus | None
    """Of the last package; None without one, or where retention deleted it. So are `cause` and `package_at`."""
    cause: Cause | None
    package_at: datetime | None
    ticket: str | None
    """As `target_ticket_ref` writes it: the last package's, else the one that the session has now."""
    upgrade_wanted: bool
    failure: str | None
    ended_at: datetime | None
    """When the last package was made, or when the request ended otherwise."""
    first_outcome_at: datetime | None
    """When the first package was made, or when the request ended without one."""
    warnings: tuple[str, ...] = ()
    """Of the last package, if that is a fallback: machine-readable words."""
    # what stands in its way
    waits_for: str | None = None
    """A sentence; None when it waits for nothing."""

    def with_waiting(self, sentence: str | None) -> Self:
        return replace(self, waits_for=sentence)

    @property
    def by_rules_because(self) -> str | None:
        """Why rules drafted the last package, as a sentence; None where the model did, or where it is not known."""
        return next((say_warning(word) for word in self.warnings if word in RULES_BECAUSE), None)

    @property
    def missed_deadline(self) -> bool:
        """Whether no outcome came by the deadline; for an open request, whether it is over."""
        return self.deadline_at is not None and (self.first_outcome_at or self.read_at) > self.deadline_at
