"""The thorough path of decoding: reads, redacts and checks any record of the input topics.

It takes live, replayed and redriven records alike. It removes secrets before a payload meets its model, so that no
error, log or store ever holds one. Acceptance never depends on the session's state.
"""

from collections.abc import Container, Mapping

from pydantic import BaseModel, JsonValue, ValidationError

from consumer.domain.arrival import deadletters, door, storable, stored
from consumer.domain.arrival.envelope import Attributes, check_attributes, headers_of, read_event
from consumer.domain.arrival.limits import Unacceptable, data_object, invalid, invalid_fields
from consumer.domain.events import (
    Arrival,
    Cancellation,
    Decoded,
    Feedback,
    Ignored,
    PolicyChange,
    Record,
    Request,
    RequestKey,
    SessionChange,
)
from consumer.domain.redaction import Redactor, Scope
from schemas.escalations import ESCALATION_TYPES, EscalationCancelled, EscalationRequested
from schemas.feedback import FEEDBACK_TYPES
from schemas.sessions import SESSION_TYPES
from schemas.tenants import POLICY_TYPES
from schemas.topics import Topics

_KNOWN_TYPES = frozenset({*SESSION_TYPES, *ESCALATION_TYPES, *FEEDBACK_TYPES, *POLICY_TYPES})


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
    topic = record.origin.topic
    if topics.carries_sessions(topic):
        _check_place(attributes, SESSION_TYPES)
        return _change(record, attributes, data, scope)
    types = _types_of(topics, topic)
    _check_place(attributes, types)
    if attributes.type not in types:
        return Ignored(origin=record.origin, session=attributes.key)
    if topic == topics.feedback:
        return _feedback(record, attributes, data, scope)
    if topic == topics.policies:
        return _policy(record, attributes, data)
    return _about_request(record, attributes, data, scope, from_replay=topics.is_replay(topic))


def _types_of(topics: Topics, topic: str) -> Mapping[str, type[BaseModel]]:
    """The types that a topic without sessions carries."""
    if topic == topics.feedback:
        return FEEDBACK_TYPES
    return POLICY_TYPES if topic == topics.policies else ESCALATION_TYPES


def _check_place(attributes: Attributes, types: Container[str]) -> None:
    """Raises Unacceptable for a type that belongs to another topic."""
    if attributes.type in _KNOWN_TYPES and attributes.type not in types:
        raise invalid(f"type: {attributes.type} belongs to another topic")


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
) -> Request | Cancellation:
    checked = door.checked_data(scope, ESCALATION_TYPES[attributes.type], data)
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


def _feedback(record: Record, attributes: Attributes, data: JsonValue, scope: Scope) -> Feedback:
    return Feedback(
        origin=record.origin,
        key=attributes.key,
        event_id=attributes.id,
        occurred_at=attributes.time,
        said=door.checked_data(scope, FEEDBACK_TYPES[attributes.type], data),
    )


def _policy(record: Record, attributes: Attributes, data: JsonValue) -> PolicyChange:
    """The tenant is the `subject`: a policy belongs to no session. Raises Unacceptable."""
    try:
        policy = POLICY_TYPES[attributes.type].model_validate(storable.storable_json(data_object(data)))
    except ValidationError as error:
        raise invalid_fields(error, "data") from None
    return PolicyChange(
        origin=record.origin,
        tenant_id=attributes.key.session_id,
        event_id=attributes.id,
        set_at=attributes.time,
        policy=policy,
    )
