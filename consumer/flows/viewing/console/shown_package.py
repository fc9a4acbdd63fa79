"""A package as it is looked at: its data, its other revisions, and the events that its lines rest on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from consumer.domain.package.proof import StoredEvidence
from schemas.packages import PackageReady


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRevision:
    """A revision of a note."""

    package_id: UUID
    revision: int
    status: str
    cause: str
    state_version: int
    content_sha256: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RestedOnEvent:
    """A stored event that a line rests on."""

    version: int
    event_id: str
    type: str
    occurred_at: datetime
    actor: str | None
    data: str | None
    """Redacted JSON; None for a type that the release did not know, or after retention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPackage:
    """A package with what stands around it."""

    package: PackageReady
    created_at: datetime
    revisions: tuple[NoteRevision, ...]
    """All of its note, the oldest first."""
    events: Mapping[int, RestedOnEvent]
    """By version; those that its lines name and that are stored."""


class PackageShelf(Protocol):
    """Reads single packages. Every method raises Transient while the database is away."""

    async def shown(self, package_id: UUID) -> ShownPackage | None:
        """None for a package that is not stored."""

    async def before(self, package_id: UUID) -> UUID | None:
        """The revision before this one; None for a first one, or one that is not stored."""

    async def evidence(self, package_id: UUID) -> StoredEvidence | None:
        """The package and what it was made from, at one moment; reads all events of its session."""
