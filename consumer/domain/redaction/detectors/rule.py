"""What a detector is, and the ways to write one.

A rule names *anchors*: literal lower-case strings (case-sensitive ones hold an upper-case letter) without which it cannot
match. Nothing but a substring search happens until an anchor is seen; then the rule looks at that place only, with
patterns whose repetitions are all bounded. That makes the whole linear in the text, whatever it holds.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from consumer.domain.redaction.detectors.values import VALUE, Demand, Value, trimmed
from consumer.domain.redaction.placeholders import SecretKind

TextSpan: TypeAlias = tuple[int, int]
Finder: TypeAlias = Callable[[str, int], Iterable[TextSpan]]
"""Text and the place of an anchor to the places of secrets."""
NOTHING: tuple[TextSpan, ...] = ()


class Family(StrEnum):
    """The families of the labelled cases; reported one by one."""

    POWERSHELL = "powershell"
    WINDOWS_COMMANDS = "windows_commands"
    WINDOWS_OUTPUT = "windows_output"
    CONNECTIONS = "connections"
    CLOUD = "cloud"
    TOKENS = "tokens"
    KEYS = "keys"
    NETWORK = "network"
    PROSE = "prose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    family: Family
    kind: SecretKind
    anchors: tuple[str, ...]
    look: Finder
    telling: bool = True
    """Whether a value of this rule is worth looking for in the rest of the session (a six-digit code is not)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """A secret's place in a text."""

    start: int
    stop: int
    kind: SecretKind
    known: bool
    """Whether the value is telling enough to be looked for in the rest of the session."""


def pattern(source: str, *, case: bool = False) -> re.Pattern[str]:
    """A pattern in verbose notation, case-insensitive unless ``case``; a blank is written ``[ ]``."""
    return re.compile(source, re.VERBOSE | (re.NOFLAG if case else re.IGNORECASE))


def shape(source: str, *, back: int = 0, case: bool = False) -> Finder:
    """The secret has a shape of its own: group ``s``, or the whole match. ``back``: characters before the anchor."""
    compiled = pattern(source, case=case)
    group: str | int = "s" if "s" in compiled.groupindex else 0

    def look(text: str, at: int) -> Iterable[TextSpan]:
        found = compiled.match(text, at - back) if at >= back else None
        return (found.span(group),) if found else NOTHING

    return look


REACH = 340
"""Characters of a command line that a context may span."""


def after(context: str, demand: Demand, value: re.Pattern[str] = VALUE, *, needs: str = "") -> Finder:
    """The secret stands after a context that begins with the anchor; ``needs``: what a long context always holds."""
    compiled = pattern(context)

    def look(text: str, at: int) -> Iterable[TextSpan]:
        if needs and text.find(needs, at, at + REACH) < 0:
            return NOTHING
        found = compiled.match(text, at)
        return value_after(text, found.end(), demand, value) if found else NOTHING

    return look


def value_after(text: str, at: int, demand: Demand, value: re.Pattern[str] = VALUE) -> tuple[TextSpan, ...]:
    """The value that begins at this place, where it satisfies the demand."""
    found = value.match(text, at)
    if found is None:
        return NOTHING
    group = found.lastgroup or 0
    quoted = group != "bare"
    start, stop = found.span(group)
    if not quoted:
        stop = trimmed(text, start, stop)
    if stop <= start:
        return NOTHING
    return ((start, stop),) if demand(Value(text, start, stop, quoted)) else NOTHING


def before(context: str, demand: Demand, *, reach: int = 160) -> Finder:
    """The secret (group ``s``) stands before the anchor; the pattern ends where the anchor begins."""
    compiled = pattern(context + r"\Z")

    def look(text: str, at: int) -> Iterable[TextSpan]:
        floor = max(0, at - reach)
        found = compiled.search(text[floor:at])
        if found is None:
            return NOTHING
        start, stop = found.span("s")
        value = Value(text, floor + start, floor + stop, False)
        return ((floor + start, floor + stop),) if demand(value) else NOTHING

    return look
