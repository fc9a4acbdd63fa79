"""The entries of the ledger of drafts, by which each draft is paid for only once."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from consumer.domain.events import SessionKey
from schemas.packages import CheckProvenance, Usage


class DraftKey(NamedTuple):
    """The key of a draft. Only one draft is paid for under each key."""

    tenant_id: str
    session_id: str
    bundle_sha256: str
    prompt_version: str
    model: str

    @property
    def session(self) -> SessionKey:
        return SessionKey(self.tenant_id, self.session_id)


class LedgerEntry(BaseModel):
    """A draft that was paid for, as the ledger and the cache keep it."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    draft: str
    """The draft as JSON, as `draft.Draft` reads it."""
    model: str
    """The model that wrote it: the configured one, or the fallback model after a refusal."""
    provider: str | None = None
    """Where it was called; None in entries of releases before it."""
    warnings: tuple[str, ...]
    attempts: int
    usage: Usage
    drafted_at: datetime
    check: CheckProvenance | None = None
    drafted_for: str
    """`<request id>/<revision>` of the work that paid for it."""

    @property
    def checks_usage(self) -> Usage:
        """The second reader's part of the usage."""
        return Usage() if self.check is None else self.check.usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """The model gave no draft of this bundle that was good enough, or refused. It is not asked again for this key."""

    warnings: tuple[str, ...]
    """Warnings for the package that rules draft instead."""
