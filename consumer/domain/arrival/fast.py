"""The fast path of decoding: well-formed session events in structured mode, which nearly all records are.

It returns None for every other record, and for a value that it cannot keep as it is. Its results equal those of the
thorough path at a fraction of the cost: from an event's data it makes no object but the text that is stored.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Protocol, cast, get_type_hints

import msgspec
from msgspec import Meta, Raw

from consumer.domain.arrival import door, fast_scripts
from consumer.domain.arrival.fast_data import READERS, Unusual
from consumer.domain.arrival.fast_types import fast_type
from consumer.domain.arrival.limits import MAX_BYTES, Unacceptable
from consumer.domain.events import Decoded, Record, SessionChange, SessionKey
from consumer.domain.redaction import Redactor, Scope, is_clean
from schemas.envelope import Envelope
from schemas.fields import ShortId, Version
from schemas.sessions import SCRIPT_GENERATED, SNAPSHOT
from schemas.topics import Topics

_READERS: Final = {name: reader for name, reader in READERS.items() if name not in {SCRIPT_GENERATED, SNAPSHOT}}
"""Without types that carry scripts: parameters are judged by names and schemas, not by the text alone."""

_NARROWER: Final[Mapping[str, Any]] = {
    "source": Annotated[str, Meta(min_length=1)],
    "time": Raw,
    "datacontenttype": Literal["application/json"],
    "tenantid": fast_type(ShortId, may_be_blank=True),
    "stateversion": fast_type(Version),
    "data": Raw,
}
"""Attributes of which the fast path takes only one of several forms, or whose type has validators of its own."""
_OFFSET_COLON: Final = -4
"""Where `+05:30"` has its colon, from the end. msgspec also takes `+0530`, which is not a time of RFC 3339."""
_REQUIRED: Final = frozenset({"stateversion", "data"})
"""Attributes that session events must have, besides those that every event must have."""
_BLANK_CHECKED: Final = frozenset({"id", "type", "subject"})
"""Texts that need no pattern here: `_envelope_of` looks for blank ones, and `type` has to be a known type."""
_PASSED_OVER: Final = ("dataschema", "partitionkey", "traceparent", "tracestate")
"""Common CloudEvents attributes that mean nothing here. Only their form is checked."""
_BINARY: Final = frozenset({"ce_", "CE_", "Ce_", "cE_"})


class FastEnvelope(Protocol):
    """What the fast path reads of `schemas.envelope.Envelope`."""

    id: str
    type: str
    subject: str
    time: Raw
    tenantid: str
    stateversion: int
    actor: str | None
    data: Raw


def _fields() -> Iterator[tuple[str, Any] | tuple[str, Any, Any]]:
    """The model's fields with its bounds and defaults. Raises NoFastType for a field of an unknown type."""
    hints = get_type_hints(Envelope, include_extras=True)
    for name, field in Envelope.model_fields.items():
        if name == "specversion":
            kind: Any = hints[name]
        elif name in _NARROWER:
            kind = _NARROWER[name]
        else:
            kind = fast_type(hints[name], may_be_blank=name in _BLANK_CHECKED)
        required = field.is_required() or name in _REQUIRED
        yield (name, kind) if required else (name, kind, field.default)
    for name in _PASSED_OVER:
        yield name, str | None, None


_STRUCT: Final = msgspec.defstruct("FastEnvelope", list(_fields()), kw_only=True, forbid_unknown_fields=True, gc=False)
_read_envelope = msgspec.json.Decoder(_STRUCT).decode
_read_time = msgspec.json.Decoder(Annotated[datetime, Meta(tz=True)]).decode
_read_object = msgspec.json.Decoder(dict[str, Any]).decode
_write = msgspec.json.Encoder().encode


def fast(record: Record, topics: Topics, redactor: Redactor) -> Decoded | None:
    """The session change that a record holds, redacted; None leaves the record to the thorough path.

    Never raises.
    """
    if not topics.carries_sessions(record.origin.topic):
        return None
    try:
        envelope = _envelope_of(record)
        time = _time_of(envelope.time)
        data, scope = _data_of(envelope, redactor)
    except (ValueError, OverflowError, RecursionError, Unacceptable):
        return None
    actor = envelope.actor
    if scope is not None and actor is not None:
        actor = door.redacted_text(scope, actor)
    key = SessionKey(envelope.tenantid, envelope.subject)
    change = SessionChange(record.origin, key, envelope.stateversion, envelope.id, envelope.type, time, actor, data)
    return Decoded(change, record.key, () if scope is None else scope.found_secrets())


def _envelope_of(record: Record) -> FastEnvelope:
    """Raises ValueError, OverflowError or RecursionError for an envelope that the fast path does not take."""
    value = record.value
    if (
        value is None
        or len(value) > MAX_BYTES
        or b"\\u0000" in value
        or (record.headers and _is_binary(record.headers))
    ):
        raise Unusual
    if not value.isascii():
        value.decode()  # msgspec does not check the bytes that it skips, and they have to be UTF-8, too
    envelope = cast("FastEnvelope", _read_envelope(value))
    if envelope.id.isspace() or envelope.subject.isspace() or envelope.tenantid.isspace():
        raise Unusual
    return envelope


def _time_of(raw: Raw) -> datetime:
    """Raises ValueError or OverflowError for a time that the fast path does not take."""
    text = bytes(raw)
    if text[-2:] != b'Z"' and text[_OFFSET_COLON : _OFFSET_COLON + 1] != b":":
        raise Unusual
    time: datetime = _read_time(text)
    if time.tzinfo is not UTC:
        time.astimezone(UTC)  # in UTC it has to be a date, too
    return time


def _is_binary(headers: tuple[tuple[str, bytes], ...]) -> bool:
    for name, _ in headers:  # noqa: SIM110 - a generator would take longer than all the rest
        if name[:3] in _BINARY:
            return True
    return False


def _data_of(envelope: FastEnvelope, redactor: Redactor) -> tuple[str, Scope | None]:
    """The data's text as it is stored, and the scope that redacted it; None if no text needed a scope.

    Raises ValueError, RecursionError or Unacceptable for data that the fast path does not take.
    """
    reader = _READERS.get(envelope.type)
    if reader is None:
        if envelope.type != SCRIPT_GENERATED:
            raise Unusual
        scope = redactor.scope(envelope.tenantid, envelope.subject)
        return fast_scripts.text_of(envelope.data, scope), scope
    data = reader(envelope.data)
    if is_clean(data if envelope.actor is None else f"{envelope.actor}\n{data}"):
        return data, None
    # Often the detectors react only to the JSON between the texts, or to an escaped character.
    scope = redactor.scope(envelope.tenantid, envelope.subject)
    return _write(door.redacted_data(scope, _read_object(data))).decode(), scope
