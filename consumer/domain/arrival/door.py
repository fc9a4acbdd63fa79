"""The door for an event's data: redacts it before its model reads it, and sweeps it again after it was stored.

Ids, times and words of closed sets are no free text. Detectors do not change them, so that a record keeps its identity.
A sweep removes a value known to be secret from ids, too, in the same way in every event of the session.
"""

import json
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from consumer.domain.arrival import storable
from consumer.domain.arrival.limits import data_object, invalid_fields
from consumer.domain.redaction import Scope, Sweeper, is_clean

M = TypeVar("M", bound=BaseModel)

_IDS = frozenset(
    {
        "fact_id", "fix_id", "generation_id", "request_id", "package_id", "note_id", "template_id", "ticket_id",
        "connection_id", "record_type",
    }
)  # fmt: skip
_PROTOCOL = frozenset(
    {"status", "applied_at", "verified_at", "recorded_at", "generated_at", "confidence_pct", "superseded"}
)
_UNTOUCHED = _IDS | _PROTOCOL
_PARAMETERS = "parameters_used"
_SCHEMA = "parameters_schema"
_OF_SCRIPTS = frozenset({_PARAMETERS, _SCHEMA})
_TEMPLATE = "template"
_ROWS = frozenset({"facts", "fixes", "scripts"})
_WORDS = frozenset({"tags"})
_MOST_WORDS = 1_000  # no model reads more; each takes some microseconds
_LONGEST_ID = 256  # a placeholder may be longer than what it replaces; ids have a bound


def checked_data(scope: Scope, model: type[M], data: JsonValue) -> M:
    """An event's data as its model reads it, once its secrets are replaced.

    Raises Unacceptable, naming the fields: the data is no object, is over a limit, or breaks a rule of the model.
    """
    fields = redacted_data(scope, data_object(data))
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise invalid_fields(error, "data") from None


def redacted_data(scope: Scope, data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """An event's data, of any shape, with its secrets replaced and its texts storable, in unknown fields, too.

    Returns the same object if there is nothing to replace. One look at all texts together nearly always shows this.
    """
    texts = _free_texts(data)
    if texts is not None:
        together = "\n".join(texts)
        if storable.is_storable(together) and is_clean(together):
            return data
    return _replaced(scope, data)


def _free_texts(data: dict[str, JsonValue]) -> list[str] | None:
    """The texts that detectors look at; None for data with scripts or lists, which need a look at each piece."""
    texts: list[str] = []
    for name, value in data.items():
        if isinstance(value, str):
            if name not in _UNTOUCHED:
                texts.append(value)
        elif isinstance(value, dict) and name not in _OF_SCRIPTS:
            within = _free_texts(value)
            if within is None:
                return None
            texts += within
        elif isinstance(value, dict | list):
            return None
    return texts


def _replaced(scope: Scope, data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    clean: dict[str, JsonValue] = {}
    for name, value in data.items():
        if name in _UNTOUCHED:
            clean[name] = value
        elif isinstance(value, str):
            clean[name] = redacted_text(scope, value)
        elif name == _PARAMETERS:
            clean[name] = scope.parameters(_schema_beside(data), storable.storable_json(value))
        elif name == _SCHEMA:
            clean[name] = scope.parameters_schema(storable.storable_json(value))
        elif isinstance(value, dict):
            clean[name] = _replaced(scope, value)
        elif isinstance(value, list) and name in _WORDS and len(value) <= _MOST_WORDS:
            clean[name] = [redacted_text(scope, word) if isinstance(word, str) else word for word in value]
        elif isinstance(value, list):
            clean[name] = _replaced_rows(scope, value, is_known=name in _ROWS)
        else:
            clean[name] = value
    return clean


def _replaced_rows(scope: Scope, rows: list[JsonValue], *, is_known: bool) -> list[JsonValue]:
    if dict not in set(map(type, rows)):
        return rows
    clean: list[JsonValue] = []
    for row in rows:
        if scope.looks.are_used_up and not is_known:
            break  # no model reads the rest
        clean.append(_replaced(scope, row) if isinstance(row, dict) else row)
    return clean


def redacted_text(scope: Scope, raw: str) -> str:
    """A free text, storable and without its secrets."""
    return scope.text(storable.storable_text(raw))


def swept_data(sweeper: Sweeper, stored: str) -> str:
    """Stored data without the values that have become known as secret since; the same object if it holds none."""
    if "\\" not in stored and sweeper.text(stored) is stored:  # without an escape, texts stand in JSON as they are
        return stored
    before: JsonValue = json.loads(stored)
    after = _swept(before, sweeper.text)
    if after == before:
        return stored
    return json.dumps(after, ensure_ascii=False, separators=(",", ":"))


def _swept(value: JsonValue, sweep: Callable[[str], str], name: str = "") -> JsonValue:
    if isinstance(value, str):
        if name in _PROTOCOL:
            return value
        return sweep(value)[:_LONGEST_ID] if name in _IDS else sweep(value)
    if isinstance(value, dict):
        if name == _PARAMETERS:
            return {sweep(key): _swept_parameter(member, sweep) for key, member in value.items()}
        return {key: _swept(member, sweep, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_swept(member, sweep, name) for member in value]
    return value


def _swept_parameter(value: JsonValue, sweep: Callable[[str], str]) -> JsonValue:
    """A parameter's value may have any names and types. A number whose digits are a known secret becomes a text."""
    if isinstance(value, str):
        return sweep(value)
    if isinstance(value, dict):
        return {sweep(key): _swept_parameter(member, sweep) for key, member in value.items()}
    if isinstance(value, list):
        return [_swept_parameter(member, sweep) for member in value]
    if value is None or isinstance(value, bool):
        return value
    digits = json.dumps(value)
    clean = sweep(digits)
    return value if clean == digits else clean


def _schema_beside(data: dict[str, JsonValue]) -> JsonValue:
    template = data.get(_TEMPLATE)
    return template.get(_SCHEMA) if isinstance(template, dict) else None
