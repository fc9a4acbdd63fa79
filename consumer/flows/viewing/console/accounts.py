"""What tenants want, what their packages cost, and what became of them, as it is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

MOST_CALLS = 5_000
"""The newest calls that the dearest packages are chosen from."""
MOST_FEEDBACK = 2_000
"""The newest feedback that a summary counts."""
MOST_UNPOSTED = 2_000
"""The newest packages among which unposted ones are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendSum:
    """Calls and what they cost, summed over whatever `name` says."""

    name: str
    calls: int
    usd: float
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int

    @property
    def prompt_tokens(self) -> int:
        return self.input_tokens + self.cache_read_input_tokens + self.cache_creation_input_tokens

    @property
    def cached_share(self) -> float | None:
        """The share of the prompts' tokens that was read from the cache; None without a token."""
        return self.cache_read_input_tokens / self.prompt_tokens if self.prompt_tokens else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DearPackage:
    """What was paid for one piece of work."""

    tenant_id: str
    session_id: str
    drafted_for: str
    """`request/revision`."""
    calls: int
    usd: float | None
    tokens_in: int
    tokens_out: int
    last_call_at: datetime
    package_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The sums since a day, each from the dearest on, days from the newest on."""

    total: SpendSum
    by_day: tuple[SpendSum, ...]
    by_model: tuple[SpendSum, ...]
    """By provider, model and purpose."""
    by_tenant: tuple[SpendSum, ...]
    dearest: tuple[DearPackage, ...]
    """Among the newest MOST_CALLS calls since then."""
    this_month_usd: float
    held_usd: float
    """What calls under way may still cost."""
    budget_usd: float | None
    """For the month: the tenant's, or that of all together; None without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPolicy:
    """A tenant's policy with what the tenant spent in this month."""

    tenant_id: str
    model: str
    language: str
    monthly_budget_usd: float | None
    note_footer: str | None
    set_at: datetime
    stored_at: datetime
    spent_usd: float
    previous: Mapping[str, Any] | None
    """What held until `stored_at`; None for a first policy, and where an earlier release stored it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFeedback:
    """One word on a package. `request_id` to `model` are the package's, None for an unknown one."""

    occurred_at: datetime
    tenant_id: str
    session_id: str
    package_id: str
    outcome: str
    request_id: str | None
    revision: int | None
    prompt_version: str | None
    model: str | None
    reason: str | None
    comment: str | None
    tags: tuple[str, ...]
    edited_sections: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackSum:
    """Packages that somebody spoke of, by the last word on each."""

    by: str
    """`prompt`, `model` or `tenant`."""
    value: str
    """`unknown` for what is about no package that is stored."""
    packages: int
    posted: int
    accepted: int
    edited: int
    rejected: int
    failed: int

    @property
    def judged(self) -> int:
        return self.accepted + self.edited + self.rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpostedPackage:
    """A package with a ticket that nobody has told to be posted."""

    created_at: datetime
    tenant_id: str
    session_id: str
    request_id: str
    revision: int
    package_id: UUID
    ticket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackFilter:
    """Which feedback. A field that is None excludes none."""

    tenant: str | None = None
    outcome: str | None = None
    days: float = 30.0
    before: datetime | None = None
    """Only what was given before: the next page."""


class AccountReader(Protocol):
    """Every method raises Transient while the database is away. Each looks at a bounded number of rows."""

    async def spending(self, since: date, tenant: str | None) -> Spending:
        """The sums of all tenants, or of one."""

    async def policies(self, tenant: str | None, *, after: str, limit: int) -> list[SetPolicy]:
        """By tenant; those after that one, or this one alone."""

    async def feedback(self, chosen: FeedbackFilter, limit: int) -> list[GivenFeedback]:
        """The newest first."""

    async def feedback_sums(self, chosen: FeedbackFilter) -> list[FeedbackSum]:
        """By prompt version, by model and by tenant, the largest first."""

    async def unposted(self, tenant: str | None, *, minutes: float, limit: int) -> list[UnpostedPackage]:
        """The newest first, of the last week; none before anybody has ever given feedback."""
