"""Makes texts fit for every store and encoder: U+0000 and lone surrogates become U+FFFD, in parameter names, too."""

import re
from math import isfinite

from pydantic import JsonValue

REPLACEMENT = "\ufffd"
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(raw: str) -> bool:
    return "\x00" not in raw if raw.isascii() else _NOT_STORABLE.search(raw) is None


def storable_text(raw: str) -> str:
    """The text, storable; the same object if nothing has to be replaced."""
    return raw if is_storable(raw) else _NOT_STORABLE.sub(REPLACEMENT, raw)


def storable_json(value: JsonValue) -> JsonValue:
    """A JSON value with all its texts and names storable. Its depth is bounded by the decoder (64 levels)."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable_text(name): storable_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [storable_json(member) for member in value]
    if isinstance(value, float) and not isfinite(value):  # 1e400 is legal JSON, but is read as infinity
        return str(value)
    return value
