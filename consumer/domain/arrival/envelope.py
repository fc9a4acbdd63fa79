"""Reads the envelope of a record, in structured or binary mode, as one mapping of attributes and `data`."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import JsonValue, ValidationError

from consumer.domain.arrival import storable
from consumer.domain.arrival.limits import Unacceptable, invalid, invalid_fields, parse_json
from consumer.domain.events import NO_TRACE, Record, SessionKey, TraceContext, UnreadableValue
from schemas.envelope import STRUCTURED_CONTENT_TYPE, Envelope

_BINARY_PREFIX: Final = "ce_"
_JSON_MEDIA_TYPE = re.compile(r"\s*(?:application|text)/(?:[\w.!#$&^-]+\+)?json\s*(?:;.*)?", re.ASCII | re.IGNORECASE)
_DECIMAL = re.compile(r"\d{1,19}", re.ASCII)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x21-\x7e]{1,200})?")
_TRACESTATE = re.compile(r"[\x20-\x7e\t]{1,512}")

Headers = Mapping[str, bytes]
_NO_HEADERS: Headers = {}


class Attributes(NamedTuple):
    """The checked attributes of an event."""

    key: SessionKey
    id: str
    type: str
    time: datetime
    version: int | None
    actor: str | None
    replay_id: str | None
    trace: TraceContext


def headers_of(record: Record) -> Headers:
    """The headers by lower-case name. Of several with one name the last counts; a header without a value is absent."""
    if not record.headers:
        return _NO_HEADERS
    return {
        name.lower(): value
        for name, value in record.headers
        if value is not None  # type: ignore[redundant-expr]  # Kafka knows null values, whatever the type says
    }


def read_event(record: Record, headers: Headers) -> dict[str, JsonValue]:
    """The event in the form of structured mode, its attributes unchecked. Raises Unacceptable if it breaks its mode."""
    if isinstance(record.value, UnreadableValue):
        raise Unacceptable(record.value.reason, record.value.error)
    if "ce_type" not in headers or _media_type(headers) == STRUCTURED_CONTENT_TYPE:
        return _structured(parse_json(record.value))
    value = parse_json(record.value)
    if "content-type" not in headers and isinstance(value, dict) and "specversion" in value:
        return value  # structured; the `ce_` headers are copies to filter by
    return _binary(headers, value)


def check_attributes(event: Mapping[str, JsonValue], headers: Headers = _NO_HEADERS, *, replayable: bool) -> Attributes:
    """The attributes of an event that `read_event` returned, as `schemas.envelope.Envelope` checks them.

    `replayable`: whether the topic is a replay topic. On other topics a `replayid` means nothing and is not checked.
    Raises Unacceptable.
    """
    given = {name: value for name, value in event.items() if value is not None and name not in _UNCHECKED}
    if not replayable:
        given.pop("replayid", None)
    if isinstance(actor := given.get("actor"), str):
        given["actor"] = storable.storable_text(actor)  # it is a text, not an id, so it is repaired and not refused
    try:
        envelope = Envelope.model_validate(given)
    except ValidationError as error:
        raise invalid_fields(error) from None
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
        trace_of(headers),
    )


_UNCHECKED = frozenset({"data"})


def is_json(media_type: str) -> bool:
    return _JSON_MEDIA_TYPE.fullmatch(media_type) is not None


def trace_of(headers: Headers) -> TraceContext:
    """The W3C trace context. A header that breaks its grammar is dropped, as the W3C demands."""
    parent = headers.get("traceparent", b"").decode("ascii", "replace")
    if not _TRACEPARENT.fullmatch(parent):
        return NO_TRACE
    state = headers.get("tracestate", b"").decode("ascii", "replace")
    return TraceContext(traceparent=parent, tracestate=state if _TRACESTATE.fullmatch(state) else None)


def _media_type(headers: Headers) -> str:
    return headers.get("content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")


def _structured(value: JsonValue) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise invalid("the value is not a JSON object")
    return value


def _binary(headers: Headers, data: JsonValue) -> dict[str, JsonValue]:
    event: dict[str, JsonValue] = {}
    for name, raw in headers.items():
        if name.startswith(_BINARY_PREFIX):
            attribute = name.removeprefix(_BINARY_PREFIX)
            event[attribute] = _text(name, raw)
    if "content-type" in headers:  # in binary mode this is the attribute datacontenttype
        event["datacontenttype"] = _text("content-type", headers["content-type"])
    version = event.get("stateversion")
    if version is not None:
        if not isinstance(version, str) or not _DECIMAL.fullmatch(version):
            raise invalid("ce_stateversion: not a decimal number of up to 19 digits")
        event["stateversion"] = int(version)
    event["data"] = data
    return event


def _text(name: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        shown = name if name in _KNOWN_HEADERS else "a ce_ header"
        raise invalid(f"{shown}: not UTF-8") from None


_KNOWN_HEADERS = frozenset(
    {
        "content-type",
        *(
            _BINARY_PREFIX + attribute
            for attribute in (
                "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "tenantid", "stateversion",
                "actor", "replayid",
            )
        ),
    }
)  # fmt: skip
