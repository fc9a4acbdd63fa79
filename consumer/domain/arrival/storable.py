"""Makes texts fit for every store and encoder: U+0000 and lone surrogates become U+FFFD, in parameter names, too."""

import json
import re

from pydantic import JsonValue
from pydantic_core import PydanticSerializationError, from_json, to_json

REPLACEMENT = "\ufffd"
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPED = "\\u0000"
_write = json.JSONEncoder(ensure_ascii=False).encode


def is_storable(raw: str) -> bool:
    return "\x00" not in raw if raw.isascii() else _NOT_STORABLE.search(raw) is None


def storable_text(raw: str) -> str:
    """The text, storable; the same object if nothing has to be replaced."""
    return raw if is_storable(raw) else _NOT_STORABLE.sub(REPLACEMENT, raw)


def storable_json(value: JsonValue) -> JsonValue:
    """A JSON value with all its texts and names storable; the same object if nothing has to be replaced.

    Works on the value's text: a walk through a million members would take longer than a record may.
    """
    if not isinstance(value, str | list | dict):
        return value
    try:
        if _ESCAPED.encode() not in to_json(value):
            return value
    except PydanticSerializationError:
        pass  # no encoder takes a lone surrogate
    parts = storable_text(_write(value)).split(_ESCAPED)
    for number, part in enumerate(parts[:-1]):
        is_escaped = (len(part) - len(part.rstrip("\\"))) % 2
        parts[number] = part + (_ESCAPED if is_escaped else REPLACEMENT)
    storable: JsonValue = from_json("".join(parts), cache_strings="keys")
    return storable
