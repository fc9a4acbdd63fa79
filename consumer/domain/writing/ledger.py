"""What the ledger of drafts holds: each draft is paid for once."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from consumer.domain.events import SessionKey
from schemas.packages import Usage


class DraftKey(NamedTuple):
    """What a draft is paid for once."""

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

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    draft: str
    """As the reader of answers takes it."""
    model: str
    """That wrote it: the configured one or the one asked after a refusal."""
    warnings: tuple[str, ...]
    attempts: int
    usage: Usage
    drafted_at: datetime
    drafted_for: str
    """`<request id>/<revision>` of the work that paid for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """No draft of this bundle was good enough, or the model would not give one: it is not asked again."""

    warnings: tuple[str, ...]
    """Words that a package drafted by rules instead has to say."""
