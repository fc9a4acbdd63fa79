"""Finds secrets in free text.

``RULES`` is the one table of detectors, by family; ``find_secrets`` applies it in linear time, see ``rule``.
A gate comes before all rules, see ``anchors``: most texts contain no anchor and cost two microseconds. ``looks`` bounds
what a record may cost. What may be a secret at all is in ``values``, what it may be else in ``things``; ``plain`` is a
text as it is seen. ``noun`` makes the rule for a word that announces a secret, and ``layout`` finds what stands apart
from it. The rules themselves stand in ``families``.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence

from consumer.domain.redaction.detectors.anchors import Anchors
from consumer.domain.redaction.detectors.families import (
    cloud,
    codes,
    connections,
    keys,
    network,
    powershell,
    programs,
    prose,
    shaped,
    tables,
    tokens,
    windows,
)
from consumer.domain.redaction.detectors.families.issued import issuers, prefixes
from consumer.domain.redaction.detectors.looks import Looks
from consumer.domain.redaction.detectors.plain import PlainView, is_odd
from consumer.domain.redaction.detectors.rule import FARTHEST, NEAREST, Detection, Detector, Family, TextSpan
from consumer.domain.redaction.detectors.values import COMMON
from consumer.domain.redaction.placeholders import PLACEHOLDER, SecretKind

_LONGEST_WORD = 32
"""Characters. A token without digits and capitals is longer."""
SHORTEST_TELLING = 6
"""Characters. Shorter values are not looked for elsewhere in any case."""


def find_secrets(text: str, looks: Looks, near: Sequence[TextSpan] | None = None) -> list[Detection]:
    """The secrets of a text, in order. They overlap neither each other nor a placeholder. Never raises.

    With ``near``, sorted, it looks again: only for what these spans can have changed. The last secret may be the whole
    rest of the text, with all placeholders in it: see `Looks`.
    """
    if is_odd(text):
        view = PlainView(text)
        return [
            view.original(detection) for detection in _find(view.text, looks, None if near is None else view.seen(near))
        ]
    return _find(text, looks, near)


def _find(text: str, looks: Looks, near: Sequence[TextSpan] | None) -> list[Detection]:
    spans: set[tuple[int, int, int]] = set()
    placeholders = [match.span() for match in PLACEHOLDER.finditer(text)] if "[REDACTED:" in text else []
    sight = None if near is None else _Sight(near)
    rest = len(text)
    looks.take(1, again=near is not None)  # for the text itself
    held: dict[str, bool] = {}
    for anchor, at in _ANCHORS.within(text):
        if placeholders and _stands_in(at, placeholders):
            continue
        numbers = _BY_ANCHOR[anchor] if sight is None or sight.reaches(at) else _FAR[anchor]
        if not looks.take(_COST[numbers], again=near is not None):
            rest = max(0, at - NEAREST)
            break
        for number in numbers:
            rule = RULES[number]
            for start, stop in rule.look(text, at):
                if rule.decoded is None or _holds_secret(rule.decoded, text[start:stop], held, looks):
                    looks.take(1, again=near is not None)  # what is found costs as much as a look
                    spans.add((start, -stop, number))
    if not spans and rest == len(text):
        return []
    return _with_rest(text, _merged(text, sorted(spans), placeholders), placeholders, rest)


def _stands_in(at: int, placeholders: Sequence[TextSpan]) -> bool:
    """Whether a place is inside a placeholder. The words there announce nothing."""
    number = bisect_right(placeholders, (at, at + 1)) - 1
    return number >= 0 and at < placeholders[number][1]


class _Sight:
    """The places from which a rule can see a span that changed."""

    __slots__ = ("_starts", "_stops")

    def __init__(self, changed: Sequence[TextSpan]) -> None:
        self._starts = [start - FARTHEST for start, _ in changed]
        self._stops = [stop + NEAREST for _, stop in changed]

    def reaches(self, at: int) -> bool:
        return bisect_right(self._starts, at) > bisect_left(self._stops, at)


def _holds_secret(decode: Callable[[str], str | None], value: str, held: dict[str, bool], looks: Looks) -> bool:
    if value not in held:
        decoded = decode(value)
        held[value] = decoded is not None and bool(find_secrets(decoded, looks))
    return held[value]


def _with_rest(text: str, detections: list[Detection], placeholders: Sequence[TextSpan], rest: int) -> list[Detection]:
    """The detections, the last of which is the text from ``rest`` on if that is not its end."""
    if rest == len(text):
        return detections
    for start, stop in reversed(placeholders):
        if start < rest < stop:
            rest = start
    while detections and detections[-1].stop > rest:
        rest = min(rest, detections.pop().start)
    return [*detections, Detection(start=rest, stop=len(text), kind=SecretKind.SECRET, known=False)]


def is_clean(text: str) -> bool:
    """Whether it is certain that no detector finds anything in the text or in a part of it.

    Fast, and True for nearly every text. Expects a storable text.
    """
    return not _ANCHORS.may_stand_in(text) and not is_odd(text)


def is_a_word(text: str) -> bool:
    """Whether the text is one plain word, such as a source type or a parameter's name.

    No detector finds anything in such a word; the sweep reads it all the same.
    """
    return len(text) <= _LONGEST_WORD and text.islower() and text.isascii() and text.replace("_", "").isalpha()


def _merged(text: str, spans: list[tuple[int, int, int]], placeholders: list[tuple[int, int]]) -> list[Detection]:
    """Merges overlapping spans into one, under the kind of the first. Drops spans that overlap a placeholder."""
    merged: list[tuple[int, int, Detector]] = []
    placeholder = iter([*placeholders, (len(text) + 1, len(text) + 2)])
    left, right = next(placeholder)
    for start, minus_stop, number in spans:
        stop = -minus_stop
        while right <= start:
            left, right = next(placeholder)
        if left < stop:
            continue
        if merged and start < merged[-1][1]:
            first, before, rule = merged[-1]
            merged[-1] = (first, max(before, stop), rule)
        else:
            merged.append((start, stop, RULES[number]))
    return [
        Detection(start=start, stop=stop, kind=rule.kind, known=rule.telling and _is_telling(text, start, stop))
        for start, stop, rule in merged
    ]


def _is_telling(text: str, start: int, stop: int) -> bool:
    """Whether it does more good than harm to remove the value elsewhere: not for a word that every ticket contains."""
    return stop - start >= SHORTEST_TELLING and text[start:stop].casefold() not in COMMON


RULES: tuple[Detector, ...] = (
    *keys.RULES,
    *tokens.RULES,
    *connections.RULES,
    *powershell.RULES,
    *windows.OUTPUT,
    *windows.COMMANDS,
    *cloud.RULES,
    *issuers.RULES,
    *prefixes.RULES,
    *network.RULES,
    *codes.RULES,
    *programs.RULES,
    *prose.RULES,
    *tables.RULES,
    *shaped.RULES,
)


def _indexed() -> dict[str, tuple[int, ...]]:
    by_anchor: defaultdict[str, list[int]] = defaultdict(list)
    for number, rule in enumerate(RULES):
        for anchor in rule.anchors:
            by_anchor[anchor].append(number)
    return {anchor: tuple(numbers) for anchor, numbers in by_anchor.items()}


_BY_ANCHOR = _indexed()
_FAR = {anchor: tuple(number for number in numbers if RULES[number].far) for anchor, numbers in _BY_ANCHOR.items()}
_COST = {numbers: sum(RULES[number].looks for number in numbers) for numbers in (*_BY_ANCHOR.values(), *_FAR.values())}
_ANCHORS = Anchors(_BY_ANCHOR)

__all__ = ["RULES", "Detection", "Family", "Looks", "SecretKind", "TextSpan", "find_secrets", "is_a_word", "is_clean"]
