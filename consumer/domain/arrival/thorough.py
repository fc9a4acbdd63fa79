"""The thorough path of decoding: reads, redacts and checks any record of the input topics.

It takes live, replayed and redriven records alike. It removes secrets before a payload meets its model, so that no
error, log or store ever holds one. Acceptance never depends on the session's state.
"""

from pydantic import JsonValue

from consumer.domain.arrival import deadletters, door, stored
from consumer.domain.arrival.envelope import Attributes, check_attributes, headers_of, read_event
from consumer.domain.arrival.limits import Unacceptable, invalid
from consumer.domain.events import (
    Arrival,
    Cancellation,
    Decoded,
    Ignored,
    Record,
    Request,
    RequestKey,
    SessionChange,
)
from consumer.domain.redaction import Redactor, Scope
from schemas.escalations import ESCALATION_TYPES, EscalationCancelled, EscalationRequested
from schemas.sessions import SESSION_TYPES
from schemas.topics import Topics


def thorough(record: Record, topics: Topics, redactor: Redactor) -> Decoded:
    """What a record says, redacted, or why it is refused. Never raises, whatever the record holds."""
    event: dict[str, JsonValue] | None = None
    scope = None
    try:
        headers = headers_of(record)
        event = read_event(record, headers)
        attributes = check_attributes(event, headers, replayable=topics.is_replay(record.origin.topic))
        scope = redactor.scope(*attributes.key)
        arrival = _arrival(record, topics, attributes, event.get("data"), scope)
    except Unacceptable as refused:
        named = deadletters.session_of_unchecked(event)
        scope = scope or redactor.scope(*(named or ("", "")))
        refusal = deadletters.refusal_of(record, refused, event, scope)
        return Decoded(refusal, record.key, scope.found_secrets() if named else ())
    return Decoded(arrival, record.key, scope.found_secrets())


def _arrival(record: Record, topics: Topics, attributes: Attributes, data: JsonValue, scope: Scope) -> Arrival:
    """Raises Unacceptable."""
    of_sessions = topics.carries_sessions(record.origin.topic)
    if attributes.type in (ESCALATION_TYPES if of_sessions else SESSION_TYPES):
        raise invalid(f"type: {attributes.type} belongs to the other topic")
    if of_sessions:
        return _change(record, attributes, data, scope)
    return _about_request(record, attributes, data, scope, from_replay=topics.is_replay(record.origin.topic))


def _change(record: Record, attributes: Attributes, data: JsonValue, scope: Scope) -> SessionChange:
    if attributes.version is None:
        raise invalid("stateversion: Field required")
    model = SESSION_TYPES.get(attributes.type)
    return SessionChange(
        origin=record.origin,
        key=attributes.key,
        version=attributes.version,
        event_id=attributes.id,
        type=attributes.type,
        occurred_at=attributes.time,
        data=None if model is None else stored.dump_data(door.checked_data(scope, model, data)),
        actor=None if attributes.actor is None else door.redacted_text(scope, attributes.actor),
    )


def _about_request(
    record: Record, attributes: Attributes, data: JsonValue, scope: Scope, *, from_replay: bool
) -> Request | Cancellation | Ignored:
    model = ESCALATION_TYPES.get(attributes.type)
    if model is None:
        return Ignored(origin=record.origin, session=attributes.key)
    checked = door.checked_data(scope, model, data)
    key = RequestKey(*attributes.key, checked.request_id)
    match checked:
        case EscalationCancelled():
            return Cancellation(origin=record.origin, key=key, trace=attributes.trace)
        case EscalationRequested():
            return Request(
                origin=record.origin,
                key=key,
                state_version=checked.state_version,
                reason=checked.reason,
                priority=checked.priority,
                force=checked.force,
                deadline_seconds=checked.deadline_seconds,
                from_replay=from_replay,
                replay_id=attributes.replay_id,
                trace=attributes.trace,
            )
