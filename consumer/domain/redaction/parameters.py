"""Decides which script parameters are secret: by their schema, or by suspicion without a usable schema entry."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue
from pydantic_core import to_json

from consumer.domain.redaction.parameter_names import suspected_kind
from consumer.domain.redaction.placeholders import SecretKind
from consumer.domain.redaction.stand_ins import is_stand_in

SECRET_FIELD_TYPES = frozenset({"password", "secret", "securestring", "secure_string", "secure-string"})
"""The contract names ``password``; the other types cannot mean anything else."""
VALUE_FIELDS = frozenset({"default", "default_value", "value", "example", "examples"})
"""Fields of a schema entry that may hold a value of the parameter."""
CARRIER_NAMES = frozenset({"value", "values", "text", "data", "plain", "plaintext", "current", "new", "old"})
"""Names under which an object with a suspicious name holds its value."""

_CONTAINERS = frozenset({dict, list})
MOST_DECIMAL_BITS = 10_000
"""Integers of fewer bits than this are written in decimal. Python writes no integer of more than 4,300 digits."""

_TRUE_WORDS = frozenset({"true", "1", "yes", "y", "on"})


class Marking(StrEnum):
    """What a schema says about one parameter."""

    SECRET = "secret"
    PLAIN = "plain"
    """A usable schema has an entry for the parameter, and the entry does not mark it."""
    UNKNOWN = "unknown"
    """There is no usable entry: suspicion decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """What a schema says about parameters, by name. Names are compared without case, outer blanks and leading ``$``."""

    marked: Mapping[str, SecretKind] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()

    def verdict(self, name: str) -> Marking:
        folded = _folded(name)
        if folded in self.marked:
            return Marking.SECRET
        return Marking.PLAIN if folded in self.plain else Marking.UNKNOWN

    def kind(self, name: str) -> SecretKind:
        """Raises ``KeyError`` for a parameter that is not marked."""
        return self.marked[_folded(name)]


_NO_ENTRIES = Entries()


def entries(schema: object) -> Entries:
    """Reads a schema of any shape. Never raises.

    A malformed schema is unusable: it clears no parameter of suspicion, but what it still marks is secret. Of several
    entries for one name, one that marks it is enough.
    """
    if schema is None:
        return _NO_ENTRIES
    listed = schema.get("parameters") if isinstance(schema, dict) else schema
    if not isinstance(listed, list):
        return _NO_ENTRIES
    usable = isinstance(schema, dict)
    marked: dict[str, SecretKind] = {}
    plain: set[str] = set()
    for entry in listed:
        if not isinstance(entry, dict):
            usable = False
            continue
        names = [_folded(name) for name in (entry.get("key"), entry.get("variable_name")) if isinstance(name, str)]
        if not any(names):
            usable = False
        elif is_marked(entry):
            marked.update((name, kind_of(entry)) for name in names if name)
        else:
            usable = usable and isinstance(entry.get("field_type", ""), str | None)
            plain.update(name for name in names if name)
    return Entries(marked=marked, plain=frozenset(plain) if usable else frozenset())


def schema_beside(around: Mapping[str, JsonValue]) -> JsonValue:
    """The schema for the ``parameters_used`` of an object: the object's own, or the one in its ``template``."""
    beside = around.get("parameters_schema")
    if beside is not None:
        return beside
    template = around.get("template")
    return template.get("parameters_schema") if isinstance(template, dict) else None


def is_marked(entry: Mapping[str, JsonValue]) -> bool:
    """Whether a schema entry marks its parameter as secret: by its ``field_type``, or by a true ``sensitive``."""
    field_type, sensitive = entry.get("field_type"), entry.get("sensitive")
    if isinstance(field_type, str) and field_type.strip().casefold() in SECRET_FIELD_TYPES:
        return True
    if isinstance(sensitive, str):
        return sensitive.strip().casefold() in _TRUE_WORDS
    return sensitive is True or (isinstance(sensitive, int | float) and sensitive == 1)


def kind_of(entry: Mapping[str, JsonValue]) -> SecretKind:
    """The kind of a marked entry: by its field type, else by its name, else ``secret``."""
    field_type = entry.get("field_type")
    if isinstance(field_type, str) and field_type.strip().casefold() == "password":
        return SecretKind.PASSWORD
    for name in (entry.get("key"), entry.get("variable_name")):
        kind = suspected_kind(name) if isinstance(name, str) else None
        if kind is not None:
            return kind
    return SecretKind.SECRET


def is_suspect_value(value: str) -> bool:
    """Whether the text of a suspiciously named parameter can be a secret at all: it is no stand-in."""
    return not is_stand_in(value.strip())


def is_suspect_number(value: float) -> bool:
    """Whether the number of a suspiciously named parameter can be a secret: not a truth value, 0, 1 or -1."""
    return not isinstance(value, bool) and value not in (0, 1, -1)


def has_secret_shape(value: str) -> bool:
    """Whether a value looks like a made-up password: one word, letters, digits and a sign that no name or path has."""
    return (
        8 <= len(value) <= 64
        and _PASSWORD_SHAPE.fullmatch(value) is not None
        and not _EMAIL.fullmatch(value)
        and not is_stand_in(value)
    )


_PASSWORD_SHAPE = re.compile(
    r"(?=[^A-Za-z]*[A-Za-z])(?=[^0-9]*[0-9])(?=[^!#$%^&*?+~@]*[!#$%^&*?+~@])[^\s/\\:,;|<>(){}\[\]\"']+"
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")


def canonical_text(value: JsonValue) -> str:
    """The text from which a value's fingerprint is made: a text itself, for all else its JSON. Never raises."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except (RecursionError, ValueError):
        # The value is nested too deeply, or an integer has more digits than Python prints: its scalars represent it.
        return "\x1f".join(leaves(value))


def any_text(value: JsonValue) -> str:
    """A text that stands for a value, in a fifth of the time that `canonical_text` takes. Never raises."""
    try:
        return to_json(value).decode()
    except ValueError:  # a lone surrogate, or an integer of too many digits
        return canonical_text(value)


def leaves(value: JsonValue) -> Iterator[str]:
    """Yields the texts of all scalars in a value but null and booleans. Texts with outer blanks come without them, too.

    Iterative, so any depth is allowed. An integer of too many digits for Python to print is written in hexadecimal.
    """
    waiting: list[JsonValue] = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
                if text != text.strip():
                    yield text.strip()
            case dict() as members:
                waiting.extend([member for member in members.values() if member or type(member) not in _CONTAINERS])
            case list() as members:
                waiting.extend([member for member in members if member or type(member) not in _CONTAINERS])
            case bool() | None:
                pass
            case int() as number:
                yield str(number) if number.bit_length() < MOST_DECIMAL_BITS else hex(number)
            case number:
                yield repr(number)


def _folded(name: str) -> str:
    return name.strip().lstrip("$").casefold()
