"""A text as a sweep reads it, and as it is written again.

A secret can stand inside a longer one. Its placeholder then stands inside the longer one's occurrence, and would hide
it. So each placeholder is read as the value it stands for where that is at hand, and else as a few bytes that are in no
UTF-8: the same for the same secret, whatever its kind. The longer value, swept the same way, then reads the same.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from consumer.domain.redaction.fingerprints import SHORTEST_KNOWN, encoded
from consumer.domain.redaction.placeholders import PLACEHOLDER

MOST_OPENED_BYTES = 1 << 20
"""Of values in one text: no record is longer than 1 MiB, so beyond it placeholders were given, not made from values."""
BEGINNING = "[REDACTED:"
"""Of every placeholder: a text without it is read as it is."""
_PLACEHOLDER = re.compile(PLACEHOLDER.pattern.encode())
_NAMED, _NUMBERED = b"\xff", b"\xfe"
_NAME_BYTES = 8
_CLOSED = re.compile(_NAMED + b".{%d}" % _NAME_BYTES, re.DOTALL)


class Occurrence(NamedTuple):
    """A secret's place in what is read. Sorted by its beginning, the longer ones first, of equal ones what stood there."""

    start: int
    minus_stop: int
    is_found: bool
    """Found by this sweep; else its placeholder stood in the text."""
    identity: str
    """Empty for a numbered placeholder."""
    placeholder: bytes


def opened(text: str, values: Mapping[str, bytes]) -> tuple[bytes, list[Occurrence]]:
    """What a sweep reads, and where in it placeholders stand. ``values``: those at hand, by identity."""
    plain = encoded(text)
    parts: list[bytes] = []
    standing: list[Occurrence] = []
    end = at = spent = 0
    for found in _PLACEHOLDER.finditer(plain):
        identity = (found[2] or b"").decode()
        value = values.get(identity, b"")
        if value and spent + len(value) <= MOST_OPENED_BYTES:
            spent += len(value)
        else:
            value = _NAMED + bytes.fromhex(identity) if identity else _NUMBERED
        start = at + found.start() - end
        at = start + len(value)
        standing.append(Occurrence(start, -at, False, identity, found[0]))
        parts += plain[end : found.start()], value
        end = found.end()
    parts.append(plain[end:])
    return b"".join(parts), standing


def closed(text: str) -> tuple[bytes, ...]:
    """How a text that holds placeholders reads where no value is at hand: as it is stored, and numbered as in a package.

    Not numbered where little else would tell it apart.
    """
    named, standing = opened(text, {})
    numbered = _CLOSED.sub(_NUMBERED, named)
    return (named, numbered) if len(numbered) - len(standing) >= SHORTEST_KNOWN else (named,)


def written(plain: bytes, places: Iterable[Occurrence]) -> str | None:
    """The text with a placeholder at each place that is not within another one; None where nothing was found.

    Of places that overlap in part each is named, in the order of their beginnings, and a secret that overlaps itself once.
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
