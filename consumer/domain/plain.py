"""The short way for session events in which nothing is out of the ordinary, which nearly all are.

`read` takes an envelope in structured mode with nothing in it but names of the contract, every value right as it is.
`change` takes data of the same kind without a text that a detector would look at twice: no object is made of it but the
text that is stored. `decode` says exactly the same by the long way, at several times the cost; of everything else this
file says nothing.
"""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct
from pydantic import JsonValue

from consumer.domain.canonical import READERS
from consumer.domain.events import Record, SessionChange, SessionKey
from consumer.domain.payload import MAX_BYTES
from consumer.domain.redaction import is_clean
from schemas.envelope import DEFAULT_TENANT
from schemas.fields import MAX_VERSION
from schemas.sessions import SCRIPT_GENERATED, SNAPSHOT

_WITH_PARAMETERS: Final = frozenset({SCRIPT_GENERATED, SNAPSHOT})
"""What a script was called with is judged by names and schemas, not by its text alone."""

_READERS: Final = {name: reader for name, reader in READERS.items() if name not in _WITH_PARAMETERS}

_Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
_ShortId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]


class Plain(Struct, forbid_unknown_fields=True, gc=False):
    """`schemas.envelope.Envelope` where nothing is out of the ordinary, with the common extension attributes."""

    specversion: Literal["1.0"]
    id: _Id
    source: Annotated[str, Meta(min_length=1)]
    type: str
    subject: _ShortId
    time: Annotated[datetime, Meta(tz=True)]
    stateversion: Annotated[int, Meta(ge=0, le=MAX_VERSION)]
    data: msgspec.Raw
    datacontenttype: Literal["application/json"] = "application/json"
    tenantid: _ShortId = DEFAULT_TENANT
    actor: str | None = None
    replayid: None = None
    dataschema: str | None = None
    partitionkey: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


_envelope = msgspec.json.Decoder(Plain).decode


def read(record: Record) -> Plain | None:
    """The envelope; None leaves the verdict to the long way. Never raises."""
    value = record.value
    if value is None or len(value) > MAX_BYTES or b"\\u0000" in value or (record.headers and _is_binary(record)):
        return None
    try:
        if not value.isascii():
            value.decode()  # also what is passed over has to be UTF-8
        event = _envelope(value)
        if event.time.tzinfo is not UTC:
            event.time = event.time.astimezone(UTC)
    except (ValueError, OverflowError, RecursionError):
        return None
    return None if event.id.isspace() or event.subject.isspace() or event.tenantid.isspace() else event


def change(record: Record, event: Plain) -> SessionChange | None:
    """What the record, which has this envelope, says; None leaves the verdict to a closer look. Never raises."""
    reader = _READERS.get(event.type)
    if reader is None:
        return None
    try:
        data = reader(event.data)
    except (ValueError, RecursionError):
        return None
    if not _is_clean(data, event.actor):
        return None
    return SessionChange(
        record.origin,
        SessionKey(event.tenantid, event.subject),
        event.stateversion,
        event.id,
        event.type,
        event.time,
        event.actor,
        data,
    )


def _is_binary(record: Record) -> bool:
    for name, _ in record.headers:  # noqa: SIM110 - a generator would take longer than all of `read`
        if name[:3].lower() == "ce_":
            return True
    return False


def _is_clean(data: str, actor: str | None) -> bool:
    """Whether no detector would look at any text twice."""
    if is_clean(data if actor is None else f"{actor}\n{data}"):
        return True
    # Perhaps it is only what stands between the texts, or a sign that is escaped.
    texts = _texts(msgspec.json.decode(data))
    return is_clean("\n".join(texts if actor is None else (actor, *texts)))


def _texts(value: JsonValue) -> list[str]:
    """The model has seen the value: there are no lists in it, and three levels at most."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for member in value.values() for text in _texts(member)]
    return []
