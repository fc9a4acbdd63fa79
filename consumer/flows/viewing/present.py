"""What the tables know of this moment: what waits, what was refused, what was spent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from consumer.flows.viewing.request_list import RequestLine


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedForReason:
    reason: str
    records: int
    newest_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """Counts stop at 100,000."""

    at: datetime
    """The database's time."""
    near_deadline: tuple[RequestLine, ...]
    """Open requests, the one whose deadline comes first first; a few."""
    upgrades: int
    """Fallbacks that wait for the model."""
    upgrades_since: datetime | None
    outage_since: datetime | None
    """Since when the model is away."""
    outage_reason: str | None
    dead_letters: tuple[RefusedForReason, ...]
    today_usd: float
    month_usd: float
    under_way_usd: float
    """What calls under way may cost at most."""
    budget_usd: float | None
    """For all tenants together in this month."""


class PresentReader(Protocol):
    async def present(self) -> Present: ...
