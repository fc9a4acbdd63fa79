"""A request as the drafters take it up: the work to do, and the last package."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from consumer.domain.events import RequestKey, TraceContext
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from schemas.packages import Cause, PackageStatus, TicketReference

_PLACEHOLDER = re.compile(r"\{(package_id|session_id|request_id)\}")

IN_COMPANY = 2
"""Work that did not come back so often is taken up alone from then on, and drafted by rules.

When a process dies, all that it held counts as lost. Alone, only the guilty one does.
"""
MOST_LOSSES = 4
"""Work that did not come back so often, twice of it alone, ends without being looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPackage:
    """The package that was published last for a request."""

    revision: int
    bundle_sha256: str
    prompt_version: str
    model: str | None
    """The model of the draft's key; None for a draft by rules."""
    status: PackageStatus
    content_sha256: str
    ticket: TicketReference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPolicy:
    """What the tenant wants, as it stood when the work was taken up."""

    uses_model: bool = True
    """False: nothing of the tenant's sessions goes to any model."""
    language: Language = ENGLISH
    note_footer: str | None = None
    """With its placeholders."""

    def footer(self, package_id: UUID, key: RequestKey) -> str | None:
        """The footer of a package."""
        if self.note_footer is None:
            return None
        values = {"package_id": str(package_id), "session_id": key.session_id, "request_id": key.request_id}
        return _PLACEHOLDER.sub(lambda match: values[match[1]], self.note_footer)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayTerms:
    """What a planned replay allows its work to do."""

    stands: bool
    """False after the replay was stopped or cancelled: its work is then dropped."""
    calls_model: bool
    """False if it makes packages from stored drafts only, and pays for none."""
    publishes: bool
    """False if it stops at the draft: nothing leaves the service."""


class Replayed(StrEnum):
    """What became of a request in a planned replay."""

    PLANNED = "planned"
    """Nothing has happened yet."""

    REVISED = "revised"
    DRAFTED = "drafted"
    """A draft is stored. Nothing was published, because the replay does not publish."""
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A request with work to do, as it was when the lease was taken."""

    key: RequestKey
    token: int
    """The fence: the transaction that finishes this work must name it."""
    requested_state_version: int | None
    reason: str | None
    priority: int
    force: bool
    trace: TraceContext
    cause: Cause
    replay_id: str | None
    terms: ReplayTerms | None
    """The terms of the planned replay that this work belongs to; None for other work."""
    replayed: bool
    """Whether all live work goes first."""
    due_at: datetime | None
    """The row's value at that time. The finish sees by it whether the request was scheduled again meanwhile."""
    attempts: int
    """How often this work was taken up, this time included."""
    last: LastPackage | None
    """None until there is a package."""
    upgrade_wanted: bool
    """Whether the last package is a fallback that a model draft should replace."""
    age_seconds: float
    """The time since the request was stored."""
    taken_at: datetime
    """When the lease was taken, by the database's clock."""
    waited: bool
    """Whether half of the deadline has passed: then the package is built from what is known."""
    policy: TenantPolicy = field(default_factory=TenantPolicy)
    deadline_in_seconds: float | None
    """The time until the first package has to be decided, less the margin for publishing; None without a deadline."""

    @property
    def is_suspect(self) -> bool:
        """Whether it may be what its processes died of."""
        return self.attempts > IN_COMPANY

    @property
    def is_guilty(self) -> bool:
        """Whether nobody has survived it, alone included."""
        return self.attempts > MOST_LOSSES

    @property
    def next_revision(self) -> int:
        return 1 if self.last is None else self.last.revision + 1
