"""Finding secrets in free text.

``RULES`` is the one table of detectors, by family; ``find`` goes through it. See ``rule`` for why that is linear.
Before any rule comes a gate, see ``anchors``: most texts hold no anchor and cost two microseconds.
"""

from collections import defaultdict

from consumer.domain.redaction.detectors import cloud, connections, keys, network, powershell, prose, tokens, windows
from consumer.domain.redaction.detectors.anchors import Anchors
from consumer.domain.redaction.detectors.rule import Detection, Detector, Family
from consumer.domain.redaction.detectors.values import COMMON
from consumer.domain.redaction.placeholders import PLACEHOLDER, SecretKind

SHORTEST_TELLING = 6
"""Characters; shorter values are not looked for elsewhere anyway."""


def find_secrets(text: str) -> list[Detection]:
    """The secrets of a text, in order, apart from each other and from placeholders. Never raises."""
    spans: set[tuple[int, int, int]] = set()
    for anchor, at in _ANCHORS.within(text):
        for number in _BY_ANCHOR[anchor]:
            for start, stop in RULES[number].look(text, at):
                spans.add((start, -stop, number))
    if not spans:
        return []
    taken = [found.span() for found in PLACEHOLDER.finditer(text)] if "[REDACTED:" in text else []
    return _apart(text, sorted(spans), taken)


def is_clean(text: str) -> bool:
    """A quick yes for nearly every text: no detector would find anything, in it or in a part of it. Storable texts only."""
    return not _ANCHORS.may_stand_in(text)


def _apart(text: str, spans: list[tuple[int, int, int]], taken: list[tuple[int, int]]) -> list[Detection]:
    """Overlapping places become one, under the kind of the first; what touches a placeholder falls out."""
    apart: list[tuple[int, int, Detector]] = []
    placeholder = iter([*taken, (len(text) + 1, len(text) + 2)])
    left, right = next(placeholder)
    for start, minus_stop, number in spans:
        stop = -minus_stop
        while right <= start:
            left, right = next(placeholder)
        if left < stop:
            continue
        if apart and start < apart[-1][1]:
            first, before, rule = apart[-1]
            apart[-1] = (first, max(before, stop), rule)
        else:
            apart.append((start, stop, RULES[number]))
    return [
        Detection(start=start, stop=stop, kind=rule.kind, known=rule.telling and _tells(text, start, stop))
        for start, stop, rule in apart
    ]


def _tells(text: str, start: int, stop: int) -> bool:
    """Whether removing the value elsewhere does more good than harm: not for words that every ticket holds."""
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
