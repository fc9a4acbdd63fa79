"""What every store and encoder takes: U+0000 and lone surrogates become U+FFFD, in texts and in parameter names."""

import re
from math import isfinite

from pydantic import JsonValue

REPLACEMENT = "\ufffd"
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(raw: str) -> bool:
    return "\x00" not in raw if raw.isascii() else _NOT_STORABLE.search(raw) is None


def storable_text(raw: str) -> str:
    """The same object where nothing had to be replaced."""
    return raw if is_storable(raw) else _NOT_STORABLE.sub(REPLACEMENT, raw)


def storable_json(value: JsonValue) -> JsonValue:
    """A whole JSON value, names included; its depth is bounded by the decoder (64 levels)."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable_text(name): storable_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [storable_json(member) for member in value]
    if isinstance(value, float) and not isfinite(value):  # 1e400 is legal JSON, yet no number that JSON can carry on
        return str(value)
    return value
