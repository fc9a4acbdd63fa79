"""Builds dead letters: the excerpt of a refused record, and the record for a `.dlq` topic."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from pydantic import JsonValue

from consumer.domain.arrival import storable
from consumer.domain.arrival.limits import Unacceptable
from consumer.domain.events import Origin, Record, Refusal, SessionKey
from consumer.domain.redaction import Scope
from schemas.dead_letters import EXCERPT_BYTES, DeadLetter, RefusalReason
from schemas.envelope import DEFAULT_TENANT, JSON_CONTENT_TYPE
from schemas.topics import Topics

ERROR_CHARACTERS = 500
SOURCE_CHARACTERS = 200
"""Most of a source that is stored. In flight it may be longer, as an excerpt may."""
_SOURCE_HEADER = "ce_source"
KEY_BYTES = 1024
"""Most bytes of a source's key that a dead letter takes over: a longer one could make it too large to publish."""
EXCERPT_IN_FLIGHT_BYTES = 8 * EXCERPT_BYTES
"""Most bytes of an excerpt until the store has swept it for known secrets: an earlier cut could halve a secret."""

_PARAMETER_WORDS = ("parameters", "sensitive", "field_type")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterRecord:
    """A record for a `.dlq` topic, ready for the outbox; its key may be null."""

    topic: str
    """Full name, with its prefix."""
    key: bytes | None
    headers: tuple[tuple[str, str], ...]
    value: bytes
    tenant_id: str | None
    session_id: str | None


def refusal_of(record: Record, unacceptable: Unacceptable, event: dict[str, JsonValue] | None, scope: Scope) -> Refusal:
    """The refusal of a record; `event` is its envelope and data as far as they could be read, `scope` their session's.

    Without `event` the excerpt describes the record's bytes: a structured event that is too deep or too large is not
    kept.
    """
    excerpt = excerpt_of_bytes(scope, record.value) if event is None else excerpt_of_json(scope, event)
    return Refusal(
        origin=record.origin,
        record_key=record.key,
        session=session_of_unchecked(event),
        reason=unacceptable.reason,
        error=unacceptable.error[:ERROR_CHARACTERS],
        excerpt=excerpt,
        request_id=_request_of_unchecked(event, scope),
        source=_source_of_unchecked(record, event, scope),
    )


def refusal_by_fault(record: Record, error: BaseException) -> Refusal:
    """The refusal of a record that the service itself stumbles over. It shows nothing: no secret was looked for."""
    return Refusal(
        origin=record.origin,
        record_key=record.key,
        session=None,
        reason=RefusalReason.INTERNAL,
        error=f"the service cannot take it in: {type(error).__name__}",
        excerpt=_described(record.value) if record.value else "",
    )


def session_of_unchecked(event: Mapping[str, JsonValue] | None) -> SessionKey | None:
    """The session that a refused event names, if its subject and tenant have the form of ids; else None."""
    if event is None:
        return None
    subject, tenant = event.get("subject"), event.get("tenantid") or DEFAULT_TENANT
    if not (_is_id(subject) and _is_id(tenant)):
        return None
    return SessionKey(str(tenant), str(subject))


def record_of(refusal: Refusal, topics: Topics, failed_at: datetime) -> DeadLetterRecord:
    """The record of a dead letter. `failed_at` is the database's time. The excerpt must have been cut before."""
    tenant_id, session_id = place_of(refusal)
    origin = refusal.origin
    letter = DeadLetter(reason=refusal.reason, error=refusal.error, excerpt=refusal.excerpt)
    return DeadLetterRecord(
        topic=topics.dead_letter_of(origin.topic),
        key=key_of(refusal),
        headers=(
            ("content-type", JSON_CONTENT_TYPE),
            ("dlq.reason", refusal.reason.value),
            ("dlq.error", refusal.error),
            ("dlq.topic", origin.topic),
            ("dlq.partition", str(origin.partition)),
            ("dlq.offset", str(origin.offset)),
            ("dlq.failed_at", failed_at.astimezone(UTC).isoformat().replace("+00:00", "Z")),
        ),
        value=letter.model_dump_json().encode(),
        tenant_id=tenant_id,
        session_id=session_id,
    )


def key_of(refusal: Refusal) -> bytes | None:
    """The key of the source, cut to a bound. The whole one stays in the source's topic."""
    return None if refusal.record_key is None else refusal.record_key[:KEY_BYTES]


def place_of(refusal: Refusal) -> tuple[str | None, str | None]:
    """Tenant id and session id, as far as they are known. The key of an unreadable record counts as the session id."""
    if refusal.session is not None:
        return refusal.session
    try:
        text = (refusal.record_key or b"").decode()
    except UnicodeDecodeError:
        return None, None
    return None, text if 0 < len(text) <= 128 and "\x00" not in text else None


def is_the_refused_one(refused: Origin, failed_at: datetime, standing: Origin) -> bool:
    """A topic that was made anew has other records at the same offsets; their times tell them apart.

    A dead letter without a time, of an earlier release or of a damaged record, is any record's that was written before.
    """
    if refused[:3] != standing[:3]:
        return False
    if refused.timestamp_ms == -1:
        return standing.timestamp_ms <= failed_at.timestamp() * 1000
    return refused.timestamp_ms == standing.timestamp_ms


def without_excerpt(value: bytes) -> bytes:
    """The JSON of a dead letter, with its excerpt emptied. Reason and error stay."""
    return DeadLetter.model_validate_json(value).model_copy(update={"excerpt": ""}).model_dump_json().encode()


def excerpt_of_json(scope: Scope, value: JsonValue) -> str:
    """The beginning of a readable value. Secrets are removed before it is cut."""
    text = json.dumps(scope.json_value(value), ensure_ascii=False, separators=(",", ":"))
    return cut(storable.storable_text(text), EXCERPT_IN_FLIGHT_BYTES)


def excerpt_of_bytes(scope: Scope, value: bytes | None) -> str:
    """The excerpt of an unreadable value: its text if that can be scanned, else only its length and digest.

    A schema marks parameters as secret, and it cannot be read in broken JSON: a text with such words is not shown.
    """
    if not value:
        return ""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return _described(value)
    lowered = text.casefold()
    if len(value) > EXCERPT_IN_FLIGHT_BYTES or any(word in lowered for word in _PARAMETER_WORDS):
        return _described(value)
    return cut(storable.storable_text(scope.text(text)), EXCERPT_IN_FLIGHT_BYTES)


def excerpt_of_event(event_id: str, event_type: str, data: str | None) -> str:
    """The excerpt of an event whose version belongs to another one. `data` is the text that would have been stored."""
    head = json.dumps({"id": event_id, "type": event_type}, ensure_ascii=False)
    return cut(f'{head[:-1]}, "data": {data or "null"}}}', EXCERPT_IN_FLIGHT_BYTES)


def cut(text: str, limit_bytes: int = EXCERPT_BYTES) -> str:
    """The beginning of a text: at most `limit_bytes` of UTF-8, with no character broken."""
    if len(text) * 4 <= limit_bytes:
        return text
    return text.encode()[:limit_bytes].decode(errors="ignore")


def _described(value: bytes) -> str:
    return f"({len(value)} bytes, SHA-256 {sha256(value).hexdigest()})"


def _request_of_unchecked(event: Mapping[str, JsonValue] | None, scope: Scope) -> str | None:
    """The request that a refused event's data names, if it has the form of an id."""
    data = None if event is None else event.get("data")
    named = data.get("request_id") if isinstance(data, dict) else None
    return scope.text(str(named)) if _is_id(named) else None


def _source_of_unchecked(record: Record, event: Mapping[str, JsonValue] | None, scope: Scope) -> str | None:
    """The source that a refused event names, or in binary mode its header, whose data may be unreadable."""
    named: JsonValue = None if event is None else event.get("source")
    if named is None:
        header = next((value for name, value in record.headers if name == _SOURCE_HEADER), None)
        named = None if header is None else header.decode(errors="replace")
    if not isinstance(named, str) or not named.strip():
        return None
    return storable.storable_text(scope.text(named))[: 8 * SOURCE_CHARACTERS]


def _is_id(value: JsonValue) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 128 and "\x00" not in value and _encodable(value)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
