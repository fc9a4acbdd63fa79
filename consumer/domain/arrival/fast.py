"""The short way for session events in which nothing is out of the ordinary, which nearly all are.

`read` takes an envelope in structured mode with nothing in it but names of the contract, every value right as it is.
`change` takes data of the same kind: where no text in it needs a second look, no object is made but the text that is
stored. `decode` says exactly the same by the long way, at several times the cost; of everything else this file says
nothing.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from consumer.domain.arrival import door, fast_scripts
from consumer.domain.arrival.fast_data import READERS, FastId, Unusual
from consumer.domain.arrival.limits import MAX_BYTES, Unacceptable
from consumer.domain.events import Record, SessionChange, SessionKey
from consumer.domain.redaction import FoundSecret, Redactor, Scope, is_clean
from schemas.envelope import DEFAULT_TENANT
from schemas.fields import MAX_VERSION
from schemas.sessions import SCRIPT_GENERATED, SNAPSHOT

_READERS: Final = {name: reader for name, reader in READERS.items() if name not in {SCRIPT_GENERATED, SNAPSHOT}}
"""What a script was called with is judged by names and schemas, not by its text alone."""

# As `FastId`, without its pattern: `read` looks for blank names itself, which is cheaper.
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
    replayid: FastId | None = None
    dataschema: str | None = None
    partitionkey: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


_BINARY: Final = frozenset({"ce_", "CE_", "Ce_", "cE_"})

_envelope = msgspec.json.Decoder(Plain).decode
_object = msgspec.json.Decoder(dict[str, Any]).decode
_write = msgspec.json.Encoder().encode


def read_envelope(record: Record) -> Plain | None:
    """The envelope; None leaves the verdict to the long way. Never raises."""
    value = record.value
    if (
        value is None
        or len(value) > MAX_BYTES
        or b"\\u0000" in value
        or (record.headers and _is_binary(record.headers))
    ):
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


def _is_binary(headers: tuple[tuple[str, bytes], ...]) -> bool:
    for name, _ in headers:  # noqa: SIM110 - a generator would take longer than all the rest
        if name[:3] in _BINARY:
            return True
    return False


def change(record: Record, event: Plain, redactor: Redactor) -> tuple[SessionChange, tuple[FoundSecret, ...]] | None:
    """What the record, which has this envelope, says, and the secrets in it; None leaves the verdict to others.

    Never raises.
    """
    try:
        data, scope = _data(event, redactor)
    except (ValueError, RecursionError, Unacceptable):
        return None
    actor = event.actor
    found: tuple[FoundSecret, ...] = ()
    if scope is not None:
        actor = None if actor is None else door.redacted_text(scope, actor)
        found = scope.found_secrets()
    key = SessionKey(event.tenantid, event.subject)
    return SessionChange(record.origin, key, event.stateversion, event.id, event.type, event.time, actor, data), found


def _data(event: Plain, redactor: Redactor) -> tuple[str, Scope | None]:
    """What is stored of the data, and the scope that it went through, if any text had to be looked at twice."""
    reader = _READERS.get(event.type)
    if reader is None:
        if event.type != SCRIPT_GENERATED:
            raise Unusual
        scope = redactor.scope(event.tenantid, event.subject)
        return fast_scripts.text_of(event.data, scope), scope
    data = reader(event.data)
    if is_clean(data if event.actor is None else f"{event.actor}\n{data}"):
        return data, None
    # Often only for what stands between the texts, or a sign that is escaped.
    scope = redactor.scope(event.tenantid, event.subject)
    return _write(
        door.redacted_data(scope, _object(data))
    ).decode(), scope  # still as its model wants it: texts for texts
