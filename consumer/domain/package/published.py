"""What was published about a request, read back from its topic."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from consumer.domain.events import Record, RequestKey
from consumer.domain.package.package import FAILED_TYPE, READY_TYPE, WITHDRAWN_TYPE
from schemas.envelope import Envelope
from schemas.packages import PackageFailed, PackageReady, PackageWithdrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedOutcome:
    """An event of one of the outcome topics."""

    key: RequestKey
    said: PackageReady | PackageWithdrawn | PackageFailed
    at: datetime
    """When it was decided, by the database's clock of then."""


_TYPES: dict[str, type[PackageReady | PackageWithdrawn | PackageFailed]] = {
    READY_TYPE: PackageReady,
    WITHDRAWN_TYPE: PackageWithdrawn,
    FAILED_TYPE: PackageFailed,
}


def read_outcome(record: Record) -> PublishedOutcome | None:
    """None for what this release did not write and cannot read."""
    try:
        envelope = Envelope.model_validate_json(record.value or b"")
        model = _TYPES.get(envelope.type)
        if model is None:
            return None
        said = model.model_validate(envelope.data)
    except ValidationError:
        return None
    return PublishedOutcome(
        key=RequestKey(said.tenant_id, said.session_id, said.request_id), said=said, at=envelope.time
    )
