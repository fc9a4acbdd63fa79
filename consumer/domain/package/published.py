"""Reads published events about requests back from their topics."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from consumer.domain.events import Record, RequestKey
from consumer.domain.package.package import FAILED_TYPE, READY_TYPE, WITHDRAWN_TYPE
from schemas.envelope import Envelope
from schemas.packages import FailureReason, PackageFailed, PackageReady, PackageWithdrawn, WithdrawalReason


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedOutcome:
    """A published outcome of a request."""

    key: RequestKey
    said: PackageReady | PackageWithdrawn | PackageFailed
    at: datetime
    """When it was decided, by the database's clock at that time."""

    @property
    def tells_erasure(self) -> bool:
        """Whether it says that its session is erased."""
        return getattr(self.said, "reason", None) in {WithdrawalReason.SESSION_ERASED, FailureReason.SESSION_ERASED}


_TYPES: dict[str, type[PackageReady | PackageWithdrawn | PackageFailed]] = {
    READY_TYPE: PackageReady,
    WITHDRAWN_TYPE: PackageWithdrawn,
    FAILED_TYPE: PackageFailed,
}


def read_outcome(record: Record) -> PublishedOutcome | None:
    """The outcome that a record holds; None for a record that this release cannot read."""
    try:
        envelope = Envelope.model_validate_json(record.value or b"")
        model = _TYPES.get(envelope.type)
        if model is None:
            return None
        outcome = model.model_validate(envelope.data)
    except ValidationError:
        return None
    return PublishedOutcome(
        key=RequestKey(outcome.tenant_id, outcome.session_id, outcome.request_id), said=outcome, at=envelope.time
    )
