"""Reads a text for a sweep, and writes it again with placeholders.

A secret can stand inside a longer one. The inner secret's placeholder would then hide the longer one. So a placeholder
is read as the value that it stands for, where that value is at hand. Otherwise it is read as a few bytes that no UTF-8
contains: the same bytes for the same secret, whatever its kind. The longer value, swept the same way, reads the same.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from consumer.domain.redaction.fingerprints import SHORTEST_KNOWN, encoded
from consumer.domain.redaction.placeholders import PLACEHOLDER

MOST_OPENED_BYTES = 1 << 20
"""Bytes of values that replace placeholders in one text. No record is longer than 1 MiB: a text that needs more came
with placeholders that were not made from values."""
BEGINNING = "[REDACTED:"
"""How every placeholder begins. A text without it is read as it is."""
_PLACEHOLDER = re.compile(PLACEHOLDER.pattern.encode())
_NAMED, _NUMBERED = b"\xff", b"\xfe"
_NAME_BYTES = 8
_CLOSED = re.compile(_NAMED + b".{%d}" % _NAME_BYTES, re.DOTALL)


class Occurrence(NamedTuple):
    """The place of a secret in the bytes that a sweep reads.

    Sorts by its start, then the longer first; of equal ones, the placeholder that stood in the text comes first.
    """

    start: int
    minus_stop: int
    """The end, negated, so that the longer sorts first."""
    is_found: bool
    """True if this sweep found the secret, False if its placeholder stood in the text."""
    identity: str
    """Empty for a numbered placeholder."""
    placeholder: bytes


def opened(text: str, values: Mapping[str, bytes]) -> tuple[bytes, list[Occurrence]]:
    """Returns the bytes that a sweep reads, and where placeholders stand in them.

    ``values`` are the secret values at hand, by identity.
    """
    plain = encoded(text)
    parts: list[bytes] = []
    placeholders: list[Occurrence] = []
    end = at = spent = 0
    for match in _PLACEHOLDER.finditer(plain):
        identity = (match[2] or b"").decode()
        value = values.get(identity, b"")
        if value and spent + len(value) <= MOST_OPENED_BYTES:
            spent += len(value)
        else:
            value = _NAMED + bytes.fromhex(identity) if identity else _NUMBERED
        start = at + match.start() - end
        at = start + len(value)
        placeholders.append(Occurrence(start, -at, False, identity, match[0]))
        parts += plain[end : match.start()], value
        end = match.end()
    parts.append(plain[end:])
    return b"".join(parts), placeholders


def closed(text: str) -> tuple[bytes, ...]:
    """How a text with placeholders reads where no value is at hand: as it is stored, and numbered as in a package.

    Leaves out the numbered reading if fewer than `SHORTEST_KNOWN` bytes stand beside the placeholders: too few to tell.
    """
    named, placeholders = opened(text, {})
    numbered = _CLOSED.sub(_NUMBERED, named)
    return (named, numbered) if len(numbered) - len(placeholders) >= SHORTEST_KNOWN else (named,)


def written(plain: bytes, places: Iterable[Occurrence]) -> str | None:
    """The text with a placeholder at each place that is not within another one; None if this sweep changes nothing.

    Places that overlap in part are each named, in the order of their starts; a secret that overlaps itself, only once.
    """
    parts: list[bytes] = []
    end, last, changed = 0, "", False
    for start, minus_stop, is_found, identity, placeholder in sorted(places):
        if -minus_stop <= end:
            continue
        if start >= end:
            parts += plain[end:start], placeholder
        elif identity != last:
            parts.append(placeholder)
        end, last, changed = -minus_stop, identity, changed or is_found
    if not changed:
        return None
    parts.append(plain[end:])
    return b"".join(parts).decode("utf-8", "surrogatepass")
