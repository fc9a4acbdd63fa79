"""Records as they come from the topics: CloudEvents as bytes, with dull defaults."""

import itertools
import json
from typing import Any

from consumer.domain.arrival.decode import decode
from consumer.domain.events import Decoded, Origin, Record
from consumer.domain.redaction import Redactor
from schemas.topics import REQUESTS, SESSIONS, Topics

TOPICS = Topics()
REDACTOR = Redactor(b"a key for tests only")
_offsets = itertools.count()

FACT = {"fact_id": "f1", "text": "Ping works.", "source_type": "user_report"}


def event(event_type: str = "session.fact_recorded.v1", data: Any = FACT, **attributes: Any) -> dict[str, Any]:
    """A structured event; an attribute that is given as `...` is left out."""
    envelope = {
        "specversion": "1.0",
        "id": "e1",
        "source": "/upstream",
        "type": event_type,
        "subject": "s1",
        "time": "2026-03-02T09:00:00Z",
        "data": data,
    } | attributes
    return {name: value for name, value in envelope.items() if value is not ...}


def change(
    event_type: str = "session.fact_recorded.v1", data: Any = FACT, *, version: Any = 1, **attributes: Any
) -> dict[str, Any]:
    """A session event; its id follows its version."""
    return event(event_type, data, **{"id": f"e{version}", "stateversion": version, **attributes})


def request(request_id: str = "r1", *, attributes: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    return event("escalation.requested.v1", {"request_id": request_id, **data}, **(attributes or {}))


def feedback_on(package: dict[str, Any], outcome: str, *, time: str, **data: Any) -> dict[str, Any]:
    """What a sync says of a published package."""
    return event(
        "escalation.package_feedback.v1",
        {"package_id": package["package_id"], "outcome": outcome, **data},
        id=f"{package['package_id']}/{outcome}",
        source="/psa-sync",
        subject=package["session_id"],
        tenantid=package["tenant_id"],
        time=time,
    )


def cancellation(request_id: str = "r1", **attributes: Any) -> dict[str, Any]:
    return event("escalation.cancelled.v1", {"request_id": request_id}, **attributes)


def record(
    value: Any,
    *,
    topic: str = SESSIONS,
    headers: dict[str, bytes] | None = None,
    key: bytes | None = b"s1",
    partition: int = 0,
    offset: int | None = None,
    timestamp_ms: int = -1,
) -> Record:
    """`value` is bytes or becomes JSON. Offsets count up."""
    raw = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    at = next(_offsets) if offset is None else offset
    origin = Origin(topic, partition, at, timestamp_ms)
    return Record(origin=origin, key=key, value=raw, headers=tuple((headers or {}).items()))


def arrive(value: Any, *, topic: str | None = None, **details: Any) -> Decoded:
    """Decodes `value`. Without `topic`, request events come from the request topic."""
    if topic is None:
        asks = isinstance(value, dict) and str(value.get("type", "")).startswith("escalation.")
        topic = REQUESTS if asks else SESSIONS
    return decode(record(value, topic=topic, **details), TOPICS, REDACTOR)
