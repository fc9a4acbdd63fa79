"""Refused records as they are looked at: why each was refused, with its redacted excerpt."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from consumer.flows.redrive.ports import ChosenLetters

MOST_LOOKED_AT = 10_000
"""The newest refused records that a list chooses from, unless it asks for a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRecord:
    topic: str
    partition: int
    offset: int
    record_ms: int
    tenant_id: str | None
    session_id: str | None
    reason: str
    error: str
    excerpt: str
    failed_at: datetime
    redriven_at: datetime | None
    redrive_error: str | None
    source: str | None
    known_tenant: str | None
    """Of the only session that it may belong to and of which anything was accepted; None without one, or with more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCount:
    """How many of those that were chosen share a reason and a topic."""

    reason: str
    topic: str
    records: int
    oldest_at: datetime
    newest_at: datetime
    sources: tuple[str, ...]
    """The producers, as far as they are known."""
    tenants: int
    """How many tenants they belong to, as far as these are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPage:
    records: tuple[RefusedRecord, ...]
    """The newest first."""
    counts: tuple[RefusedCount, ...]
    """The largest first."""


class RefusedLister(Protocol):
    async def refused(self, chosen: ChosenLetters, *, before: datetime | None, limit: int) -> RefusedPage:
        """Those that were refused before that time. Raises Transient while the database is away."""
