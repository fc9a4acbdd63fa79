"""A refused record as the tables know it, and how many have something in common."""

from dataclasses import dataclass
from datetime import datetime

from consumer.domain.events import Origin
from schemas.dead_letters import RefusalReason


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterView:
    """Why a record was refused, and where the original stands."""

    origin: Origin
    tenant_id: str | None
    session_id: str | None
    request_id: str | None
    """Where the record's data could be read and names one; None of an earlier release."""
    source: str | None
    """The producer, as its event names it; None where that could not be read, and of an earlier release."""
    reason: RefusalReason
    error: str
    """One line that names the field; no payload."""
    excerpt: str
    """Redacted; empty where its session is erased."""
    failed_at: datetime

    @property
    def sentence(self) -> str:
        place = f"{self.origin.topic_partition}/{self.origin.offset}"
        return f"Refused: {self.reason.value} at {place}: {self.error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterCount:
    """Refused records that have a trait in common."""

    value: str | None
    """Of the trait; None where it is not known."""
    count: int
    oldest_at: datetime
    newest_at: datetime
    example: str
    """The newest one's topic, partition and offset, as `dead-letters show` takes them."""
    example_error: str
