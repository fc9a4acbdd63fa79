"""Finds secrets in free text.

``RULES`` is the one table of detectors, by family; ``find_secrets`` applies it in linear time, see ``rule``.
A gate comes before all rules, see ``anchors``: most texts contain no anchor and cost two microseconds. What may be a
secret at all is in ``values``. The families: cloud, connections, keys, network, nouns, powershell, prose, tokens, windows.
"""

from collections import defaultdict

from consumer.domain.redaction.detectors import cloud, connections, keys, network, powershell, prose, tokens, windows
from consumer.domain.redaction.detectors.anchors import Anchors
from consumer.domain.redaction.detectors.rule import Detection, Detector, Family
from consumer.domain.redaction.detectors.values import COMMON
from consumer.domain.redaction.placeholders import PLACEHOLDER, SecretKind

SHORTEST_TELLING = 6
"""Characters. Shorter values are not looked for elsewhere in any case."""


def find_secrets(text: str) -> list[Detection]:
    """The secrets of a text, in order. They overlap neither each other nor a placeholder. Never raises."""
    spans: set[tuple[int, int, int]] = set()
    for anchor, at in _ANCHORS.within(text):
        for number in _BY_ANCHOR[anchor]:
            for start, stop in RULES[number].look(text, at):
                spans.add((start, -stop, number))
    if not spans:
        return []
    placeholders = [match.span() for match in PLACEHOLDER.finditer(text)] if "[REDACTED:" in text else []
    return _merged(text, sorted(spans), placeholders)


def is_clean(text: str) -> bool:
    """Whether it is certain that no detector finds anything in the text or in a part of it.

    Fast, and True for nearly every text. Expects a storable text.
    """
    return not _ANCHORS.may_stand_in(text)


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


def _holds_secret(text: str) -> bool:
    return bool(find_secrets(text))


RULES: tuple[Detector, ...] = (
    *keys.RULES,
    *tokens.RULES,
    *connections.RULES,
    *powershell.rules(_holds_secret),
    *windows.OUTPUT,
    *windows.COMMANDS,
    *cloud.RULES,
    *network.RULES,
    *prose.RULES,
)


def _indexed() -> dict[str, tuple[int, ...]]:
    by_anchor: defaultdict[str, list[int]] = defaultdict(list)
    for number, rule in enumerate(RULES):
        for anchor in rule.anchors:
            by_anchor[anchor].append(number)
    return {anchor: tuple(numbers) for anchor, numbers in by_anchor.items()}


_BY_ANCHOR = _indexed()
_ANCHORS = Anchors(_BY_ANCHOR)

__all__ = ["RULES", "Detection", "Family", "SecretKind", "find_secrets", "is_clean"]
