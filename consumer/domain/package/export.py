"""The lines of an export, one for each event and each package, and how a package's line is read back.

An event's line is a record as its producer could have sent it. It holds the stored texts with their placeholders, which
pass the door unchanged. A package's line holds the published event and, beside it, what the package was made from.
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
"""The CloudEvents source of exported events; the store does not keep the producers' own."""

_SHOWN_PROBLEMS = 3

ExportLine = dict[str, Any]


class MadeFrom(BaseModel):
    """How a package was made, as far as its event does not say so."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    arrivals: Annotated[int, Field(ge=1)]
    """The number of events that the package was made from: the first ones of its session, in the order of the lines."""
    reason: str | None = None
    """The request's reason."""
    request_state: Annotated[str, Field(pattern="^(done|cancelled)$")] = "done"
    model: str | None = None
    """The model of the draft's key; None for a draft by rules."""
    redacted_sha256: Sha256 | None = None
    """The bundle digest that the events give since a redaction after the package; None without such a redaction."""
    redacted_at: datetime | None = None


class Copy(BaseModel):
    """A package that goes from one store to another."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    package: PackageReady
    published_at: datetime
    made_from: MadeFrom

    @property
    def key(self) -> RequestKey:
        return RequestKey(self.package.tenant_id, self.package.session_id, self.package.request_id)

    @property
    def bundle_sha256(self) -> str:
        """The bundle digest that the stored events have to give."""
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
    """The line of an event. `data` is the stored JSON text; None stands for an empty object."""
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
    """The line of a package. `source` is the CloudEvents source of the published event."""
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
    """The copy that a line of the ready topic holds, or an error text that names the wrong fields."""
    value = line.get("value")
    if not isinstance(value, dict) or value.get("type") != READY_TYPE:
        return f"value.type: only {READY_TYPE} can be taken back"
    try:
        return Copy.model_validate(
            {"package": value.get("data"), "published_at": value.get("time"), "made_from": line.get("made_from")}
        )
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)[:_SHOWN_PROBLEMS]
        return "; ".join(f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in problems)
