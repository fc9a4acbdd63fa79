"""Defines what a detector is, and the functions that build one.

A rule names *anchors*: literal lower-case strings without which it cannot match (a case-sensitive anchor contains an
upper-case letter). Until an anchor is found, only a substring search runs. Then the rule looks at that place only, with
patterns whose repetitions are all bounded. So the time is linear in the length of the text, whatever the text contains.
Where a text has anchors without end, `looks` ends it.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from consumer.domain.redaction.detectors.values import VALUE, Demand, Value, trimmed
from consumer.domain.redaction.placeholders import SecretKind

FARTHEST = 4_096
"""Characters behind an anchor that decide what a rule finds there, unless the rule is far; only blanks can be more."""
NEAREST = 256
"""Characters before an anchor that decide what a rule finds there."""

TextSpan: TypeAlias = tuple[int, int]
Finder: TypeAlias = Callable[[str, int], Iterable[TextSpan]]
"""Takes a text and the place of an anchor in it. Returns the spans of secrets."""
NOTHING: tuple[TextSpan, ...] = ()
FREE = r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))"
"""Before a token: nothing of a word, or a line's end that is escaped."""
END = r"(?![A-Za-z0-9])"
"""Behind a token."""


class Family(StrEnum):
    """The families of the labelled cases. Results are reported for each family."""

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
    """A rule that finds secrets of one kind at its anchors."""

    family: Family
    kind: SecretKind
    anchors: tuple[str, ...]
    look: Finder
    telling: bool = True
    """Whether a value that this rule finds is looked for in the rest of the session (a six-digit code is not)."""
    far: bool = False
    """Whether what it looks at may end more than `FARTHEST` characters behind the anchor."""
    looks: int = 1
    """How many looks a look of this rule counts for."""
    decoded: Callable[[str], str | None] | None = None
    """Decodes what was found, which then is a secret only if a secret stands in the decoded text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The place of a secret in a text."""

    start: int
    stop: int
    kind: SecretKind
    known: bool
    """Whether the value is telling enough to be looked for in the rest of the session."""


def pattern(source: str, *, case: bool = False) -> re.Pattern[str]:
    """Compiles a pattern in verbose notation, case-insensitive unless ``case``. A blank is written ``[ ]``."""
    return re.compile(source, re.VERBOSE | (re.NOFLAG if case else re.IGNORECASE))


def shape(source: str, *, back: int = 0, case: bool = False) -> Finder:
    """Finds a secret that has a shape of its own: group ``s``, or the whole match.

    ``back`` is the number of characters between the start of the match and the anchor.
    """
    compiled = pattern(source, case=case)
    group: str | int = "s" if "s" in compiled.groupindex else 0

    def look(text: str, at: int) -> Iterable[TextSpan]:
        match = compiled.match(text, at - back) if at >= back else None
        return (match.span(group),) if match else NOTHING

    return look


REACH = 340
"""Characters of a command line that a context may span."""


def after(context: str, demand: Demand, value: re.Pattern[str] = VALUE, *, needs: str = "") -> Finder:
    """Finds a secret after a context that begins with the anchor.

    ``needs`` is a string that a long context always contains. It is searched first, because that is cheap.
    """
    compiled = pattern(context)

    def look(text: str, at: int) -> Iterable[TextSpan]:
        if needs and text.find(needs, at, at + REACH) < 0:
            return NOTHING
        match = compiled.match(text, at)
        return value_after(text, match.end(), demand, value) if match else NOTHING

    return look


def value_after(text: str, at: int, demand: Demand, value: re.Pattern[str] = VALUE) -> tuple[TextSpan, ...]:
    """The span of the value that begins at this place, if the value satisfies the demand."""
    match = value.match(text, at)
    if match is None:
        return NOTHING
    group = match.lastgroup or 0
    quoted = group != "bare"
    start, stop = match.span(group)
    if not quoted:
        stop = trimmed(text, start, stop)
    if stop <= start:
        return NOTHING
    return ((start, stop),) if demand(Value(text, start, stop, quoted)) else NOTHING


def near(find: Finder, is_said: Callable[[str], object], *, before: int, behind: int = 0) -> Finder:
    """Finds what the finder does where something is said in so many characters before and behind the anchor."""

    def look(text: str, at: int) -> Iterable[TextSpan]:
        spans = tuple(find(text, at))
        return spans if spans and is_said(text[max(0, at - before) : at + behind]) else NOTHING

    return look


def before(context: str, demand: Demand, *, reach: int = 160) -> Finder:
    """Finds a secret (group ``s``) before the anchor. The pattern ends where the anchor begins.

    ``reach`` is the number of characters before the anchor that are searched.
    """
    compiled = pattern(context + r"\Z")

    def look(text: str, at: int) -> Iterable[TextSpan]:
        floor = max(0, at - reach)
        match = compiled.search(text[floor:at])
        if match is None:
            return NOTHING
        start, stop = match.span("s")
        value = Value(text, floor + start, floor + stop, False)
        return ((floor + start, floor + stop),) if demand(value) else NOTHING

    return look
