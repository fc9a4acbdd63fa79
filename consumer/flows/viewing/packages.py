"""Packages as a list shows them, and one with the other revisions of its note."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from consumer.domain.events import RequestKey
from schemas.packages import Cause, PackageStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageView:
    """A package without its text."""

    package_id: UUID
    key: RequestKey
    revision: int
    state_version: int
    status: PackageStatus
    cause: Cause
    replay_id: str | None
    model: str | None
    """None for rules."""
    prompt_version: str
    content_sha256: str
    ticket: str | None
    """As `target_ticket_ref` writes it."""
    created_at: datetime
    published: bool
    """Whether its event has left the outbox."""
    warnings: tuple[str, ...] = ()
    """Of a request's or a note's revisions; lists do not read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """A package with all revisions of its note."""

    package: PackageView
    event: str
    """The published data as JSON, as `schemas.packages.PackageReady` reads it."""
    revisions: tuple[PackageView, ...]
    """All that are stored, this one included, the first one first."""
