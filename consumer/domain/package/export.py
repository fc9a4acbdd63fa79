"""What an export holds, line by line, and how a package's copy is read back.

An event's line is a record as its producer could have sent it: the stored texts stand in it, with their placeholders,
which pass the door unchanged. A package's line is what was published, and beside it what its bundle was made from.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.package.package import READY_TYPE
from schemas.envelope import PublishedEvent
from schemas.packages import PackageReady, Sha256
from schemas.topics import READY, SESSIONS

SOURCE = "/escalation-consumer/export"
"""Who the producers were is not kept."""

_SHOWN_PROBLEMS = 3

ExportLine = dict[str, Any]


class MadeFrom(BaseModel):
    """What a package's event does not say of how it was made."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    arrivals: Annotated[int, Field(ge=1)]
    """The events that its session's lines have up to this number are those it was made from."""
    reason: str | None = None
    """The request's."""
    request_state: Annotated[str, Field(pattern="^(done|cancelled)$")] = "done"
    model: str | None = None
    """Of the draft's key; None for rules."""
    redacted_sha256: Sha256 | None = None
    """What the events give since a redaction that came after the package."""
    redacted_at: datetime | None = None


class Copy(BaseModel):
    """A package, taken out of one store to be put into another."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    package: PackageReady
    published_at: datetime
    made_from: MadeFrom

    @property
    def key(self) -> RequestKey:
        return RequestKey(self.package.tenant_id, self.package.session_id, self.package.request_id)

    @property
    def bundle_sha256(self) -> str:
        """What the events have to give."""
        return self.made_from.redacted_sha256 or self.package.provenance.bundle_sha256


def event_line(
    key: SessionKey,
    *,
    version: int,
    event_id: str,
    event_type: str,
    at: datetime,
    actor: str | None = None,
    data: str | None = None,
) -> ExportLine:
    """`data` as it is stored."""
    event: ExportLine = {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": event_type,
        "subject": key.session_id,
        "time": at.isoformat(),
        "tenantid": key.tenant_id,
        "stateversion": version,
    }
    if actor is not None:
        event["actor"] = actor
    return {
        "topic": SESSIONS,
        "key": key.session_id,
        "value": event | {"data": {} if data is None else json.loads(data)},
    }


def package_line(copy: Copy, source: str) -> ExportLine:
    envelope: PublishedEvent[PackageReady] = PublishedEvent(
        id=str(copy.package.package_id),
        source=source,
        type=READY_TYPE,
        subject=copy.package.session_id,
        time=copy.published_at,
        tenantid=copy.package.tenant_id,
        data=copy.package,
    )
    return {
        "topic": READY,
        "key": copy.package.session_id,
        "value": envelope.model_dump(mode="json"),
        "made_from": copy.made_from.model_dump(mode="json", exclude_none=True),
    }


def read_package(line: Mapping[str, Any]) -> Copy | str:
    """The copy that a line of the ready topic holds, or what is wrong with it, in words that name the field."""
    value = line.get("value")
    if not isinstance(value, dict) or value.get("type") != READY_TYPE:
        return f"value.type: only {READY_TYPE} can be taken back"
    try:
        return Copy.model_validate(
            {"package": value.get("data"), "published_at": value.get("time"), "made_from": line.get("made_from")}
        )
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)[:_SHOWN_PROBLEMS]
        return "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in problems)
