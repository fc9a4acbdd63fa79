"""From a record to what it means: read, redact, check. The one gate, for live, replayed and redriven records alike.

Secrets are gone before a payload meets its model, so that no error, no log and no store ever sees one. Acceptance never
depends on the session's state.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import JsonValue, ValidationError

from consumer.domain.arrival import deadletters, door, fast, storable, stored
from consumer.domain.arrival.envelope import Headers, headers_of, is_json, read_event, trace_of
from consumer.domain.arrival.limits import Unacceptable, check_parameters, invalid, parse_member
from consumer.domain.events import (
    Arrival,
    Cancellation,
    Ignored,
    Record,
    Refusal,
    Request,
    RequestKey,
    SessionChange,
    SessionKey,
)
from consumer.domain.redaction import FoundSecret, Redactor, Scope
from schemas.envelope import DEFAULT_TENANT, Envelope
from schemas.escalations import ESCALATION_TYPES, EscalationCancelled, EscalationRequested
from schemas.sessions import SESSION_TYPES
from schemas.topics import Topics

ERROR_CHARACTERS: Final = 500
_SHOWN_PROBLEMS: Final = 3
_FREE_NAMES = frozenset({"parameters_used", "parameters_schema"})  # what follows in a path is the producer's own word


class Decoded(NamedTuple):
    """What a record turned out to be, redacted, and the secrets that were found in it."""

    arrival: Arrival
    record_key: bytes | None
    known: tuple[FoundSecret, ...] = ()


class Attributes(NamedTuple):
    """The checked attributes of an event."""

    key: SessionKey
    id: str
    type: str
    time: datetime
    version: int | None
    actor: str | None
    replay_id: str | None


def decode(record: Record, topics: Topics, redactor: Redactor) -> Decoded:
    """What the record says, or why it is refused. Never raises, whatever it holds."""
    if topics.carries_sessions(record.origin.topic) and (event := fast.read_envelope(record)):
        if found := fast.change(record, event, redactor):
            change, known = found
            return Decoded(change, record.key, known)
        if decoded := _by_model(record, event, redactor):
            return decoded
    return decode_any(record, topics, redactor)


def decode_any(record: Record, topics: Topics, redactor: Redactor) -> Decoded:
    """`decode` by the long way, which knows every case. Of a plain session event it says what the short way says."""
    event: dict[str, JsonValue] | None = None
    scope = None
    try:
        headers = headers_of(record)
        event = read_event(record, headers)
        attributes = check_attributes(event, replayable=topics.is_replay(record.origin.topic))
        scope = redactor.scope(*attributes.key)
        arrival = _arrival(record, topics, headers, attributes, event.get("data"), scope)
    except Unacceptable as refused:
        return _refused(record, refused, event, scope or _scope_of_unchecked(redactor, event))
    return Decoded(arrival, record.key, scope.found_secrets())


def _by_model(record: Record, event: fast.Plain, redactor: Redactor) -> Decoded | None:
    """An event of which only the data is no plain one; None where it is refused, or of a type that nobody knows."""
    if event.type not in SESSION_TYPES:
        return None
    key = SessionKey(event.tenantid, event.subject)
    attributes = Attributes(key, event.id, event.type, event.time, event.stateversion, event.actor, None)
    scope = redactor.scope(*key)
    try:
        change = _session_event(record, attributes, parse_member(bytes(event.data), levels=1), scope)
    except Unacceptable:
        return None
    return Decoded(change, record.key, scope.found_secrets())


def check_attributes(event: Mapping[str, JsonValue], *, replayable: bool) -> Attributes:
    """As `schemas.envelope.Envelope` says. Raises Unacceptable.

    A `replayid` that does not count, on a live topic, is not looked at.
    """
    given = {name: value for name, value in event.items() if value is not None and name not in _UNCHECKED}
    if not replayable:
        given.pop("replayid", None)
    if isinstance(actor := given.get("actor"), str):
        given["actor"] = storable.storable_text(actor)  # a text, not an id: repaired, not refused
    try:
        envelope = Envelope.model_validate(given)
    except ValidationError as error:
        raise invalid(_named(error)) from None
    if envelope.datacontenttype is not None and not is_json(envelope.datacontenttype):
        raise invalid("datacontenttype: not JSON")
    return Attributes(
        SessionKey(envelope.tenantid, envelope.subject),
        envelope.id,
        envelope.type,
        envelope.time,
        envelope.stateversion,
        envelope.actor,
        envelope.replayid,
    )


_UNCHECKED = frozenset({"data"})


def _arrival(
    record: Record, topics: Topics, headers: Headers, attributes: Attributes, data: JsonValue, scope: Scope
) -> Arrival:
    of_sessions = topics.carries_sessions(record.origin.topic)
    if attributes.type in (ESCALATION_TYPES if of_sessions else SESSION_TYPES):
        raise invalid(f"type: {attributes.type} belongs to the other topic")
    if of_sessions:
        return _session_event(record, attributes, data, scope)
    return _about_request(record, topics, headers, attributes, data, scope)


def _session_event(record: Record, attributes: Attributes, data: JsonValue, scope: Scope) -> SessionChange:
    if attributes.version is None:
        raise invalid("stateversion: Field required")
    model = SESSION_TYPES.get(attributes.type)
    kept = None
    if model is not None:
        fields = door.redacted_data(scope, _object(data))
        try:
            kept = stored.dump_data(model.model_validate(fields))
        except ValidationError as error:
            raise invalid(_named(error, "data")) from None
    return SessionChange(
        origin=record.origin,
        key=attributes.key,
        version=attributes.version,
        event_id=attributes.id,
        type=attributes.type,
        occurred_at=attributes.time,
        actor=None if attributes.actor is None else door.redacted_text(scope, attributes.actor),
        data=kept,
    )


def _about_request(
    record: Record, topics: Topics, headers: Headers, attributes: Attributes, data: JsonValue, scope: Scope
) -> Request | Cancellation | Ignored:
    model = ESCALATION_TYPES.get(attributes.type)
    if model is None:
        return Ignored(origin=record.origin, session=attributes.key)
    try:
        checked = model.model_validate(door.redacted_data(scope, _object(data)))
    except ValidationError as error:
        raise invalid(_named(error, "data")) from None
    key = RequestKey(*attributes.key, checked.request_id)
    trace = trace_of(headers)
    match checked:
        case EscalationCancelled():
            return Cancellation(origin=record.origin, key=key, trace=trace)
        case EscalationRequested():
            return Request(
                origin=record.origin,
                key=key,
                state_version=checked.state_version,
                reason=checked.reason,
                priority=checked.priority,
                force=checked.force,
                deadline_seconds=checked.deadline_seconds,
                from_replay=topics.is_replay(record.origin.topic),
                replay_id=attributes.replay_id,
                trace=trace,
            )


def _object(data: JsonValue) -> dict[str, JsonValue]:
    """Absent or null data is that of a type without fields, or lacks the required ones: its model knows."""
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise invalid("data: must be an object")
    check_parameters(data)
    return data


def _refused(record: Record, refused: Unacceptable, event: dict[str, JsonValue] | None, scope: Scope) -> Decoded:
    """A structured event that is too deep or too large was not kept: its bytes are described instead."""
    if event is None:
        excerpt = deadletters.excerpt_of_bytes(scope, record.value)
    else:
        excerpt = deadletters.excerpt_of_json(scope, event)
    refusal = Refusal(
        origin=record.origin,
        record_key=record.key,
        session=_session_of_unchecked(event),
        reason=refused.reason,
        error=refused.error[:ERROR_CHARACTERS],
        excerpt=excerpt,
    )
    return Decoded(refusal, record.key, scope.found_secrets() if refusal.session else ())


def _session_of_unchecked(event: Mapping[str, JsonValue] | None) -> SessionKey | None:
    """The session that a refused event names, when it names one as a session is named."""
    if event is None:
        return None
    subject, tenant = event.get("subject"), event.get("tenantid") or DEFAULT_TENANT
    if not (_nameable(subject) and _nameable(tenant)):
        return None
    return SessionKey(str(tenant), str(subject))


def _nameable(value: JsonValue) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 128 and "\x00" not in value and _encodable(value)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _scope_of_unchecked(redactor: Redactor, event: Mapping[str, JsonValue] | None) -> Scope:
    return redactor.scope(*(_session_of_unchecked(event) or ("", "")))


def _named(error: ValidationError, *before: str) -> str:
    """The fields and what is wrong with them, on one line. Holds nothing of the input."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    shown = [f"{_path((*before, *problem['loc']))}{problem['msg']}" for problem in problems[:_SHOWN_PROBLEMS]]
    if len(problems) > _SHOWN_PROBLEMS:
        shown.append(f"and {len(problems) - _SHOWN_PROBLEMS} more")
    return " ".join("; ".join(shown).split())


def _path(places: tuple[str | int, ...]) -> str:
    path = ""
    for place in places:
        path += f"[{place}]" if isinstance(place, int) else f".{place}" if path else place
        if place in _FREE_NAMES:
            break
    return f"{path}: " if path else ""
