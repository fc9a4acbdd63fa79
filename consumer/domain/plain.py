"""The short way for plain session events, which nearly all are: one look of a model and one of the detectors' gate.

Plain is an event in structured mode with nothing in it but names of the contract, every value right as it stands, and
no text that a detector would look at twice. `decode` says exactly the same of it by the long way, at three times the
cost; of everything else this file says nothing.
"""

from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, JsonValue, StrictStr, TypeAdapter, create_model
from pydantic_core import from_json

from consumer.domain import storable
from consumer.domain.events import Record, SessionEvent, SessionKey
from consumer.domain.payload import MAX_BYTES
from consumer.domain.redaction import is_clean
from schemas.envelope import DEFAULT_TENANT, Received
from schemas.fields import Id, ShortId, Version
from schemas.sessions import SCRIPT_GENERATED, SESSION_TYPES, SNAPSHOT

_WITH_PARAMETERS: Final = frozenset({SCRIPT_GENERATED, SNAPSHOT})
"""What a script was called with is judged by names and schemas, not by its text alone."""

_RFC_3339: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})$"


class _Plain(Received):
    """`schemas.envelope.Envelope` where nothing is out of the ordinary, with the common extension attributes."""

    specversion: Literal["1.0"]
    id: Id
    source: Annotated[StrictStr, Field(min_length=1)]
    subject: ShortId
    time: Annotated[StrictStr, Field(pattern=_RFC_3339)]
    datacontenttype: Literal["application/json"] = "application/json"
    tenantid: ShortId = DEFAULT_TENANT
    stateversion: Version
    actor: StrictStr | None = None
    replayid: Id | None = None
    dataschema: StrictStr | None = None
    partitionkey: StrictStr | None = None
    traceparent: StrictStr | None = None
    tracestate: StrictStr | None = None


def _literal(name: str) -> Any:
    return Literal[name]


def _of_any_type() -> TypeAdapter[Any]:
    kinds = [
        create_model(f"Plain{model.__name__}", __base__=_Plain, type=(_literal(name), ...), data=(model, ...))
        for name, model in SESSION_TYPES.items()
        if name not in _WITH_PARAMETERS
    ]
    one_of: Any = Annotated[reduce(or_, kinds), Field(discriminator="type")]
    # Most texts never come again: to look each up among the last ones would take a quarter of the time.
    return TypeAdapter(one_of, config=ConfigDict(cache_strings="keys"))


_READ = _of_any_type().validator.validate_json


def session_event(record: Record) -> SessionEvent | None:
    """What the record says when it is plain; None leaves the verdict to the long way. Never raises."""
    value = record.value
    if value is None or len(value) > MAX_BYTES or _is_binary(record):
        return None
    try:
        event = _READ(value, extra="forbid")
        occurred_at = datetime.fromisoformat(event.time).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    text = value.decode()
    if "\\" in text:  # else the JSON holds every text as it is, and no U+0000
        text = _unescaped(value)
    if not (text and is_clean(text)):
        return None
    return SessionEvent(
        record.origin,
        SessionKey(event.tenantid, event.subject),
        event.stateversion,
        event.id,
        event.type,
        occurred_at,
        event.actor,
        event.data,
    )


def _is_binary(record: Record) -> bool:
    return bool(record.headers) and any(name[:3].lower() == "ce_" for name, _ in record.headers)


def _unescaped(value: bytes) -> str:
    """All texts of a JSON value; nothing where one is not storable."""
    try:
        text = "\n".join(_texts(from_json(value, cache_strings="keys")))
    except ValueError:  # a lone surrogate
        return ""
    return text if storable.is_storable(text) else ""


def _texts(value: JsonValue) -> list[str]:
    """The model has seen the value: there are no lists in it, and three levels at most."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for member in value.values() for text in _texts(member)]
    return []
