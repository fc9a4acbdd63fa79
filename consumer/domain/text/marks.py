"""What changed between two texts: line by line and, within a line, word by word.

Time is bounded whatever the texts are: where an exact comparison would take too long, everything between the equal
beginning and the equal end counts as replaced.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import NamedTuple

MOST_STEPS = 1_000_000
"""Of one exact comparison: some tenths of a second at worst, and milliseconds for texts of people."""
_ALIKE = 0.5
"""The share of equal words from which a line counts as another one's new wording."""

_WORD = re.compile(r"\s*(?:\w[\w.:/\\@-]*\w|\w|[^\w\s])|\s+")
"""A word, a name of a host or a path, or a sign, each with the blanks before it."""


class Mark(StrEnum):
    """What became of a piece of text."""

    KEPT = "kept"
    ADDED = "added"
    REMOVED = "removed"


class Span(NamedTuple):
    """A piece of a line."""

    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """A line of either text, or one of each that are alike. Neighbouring spans have different marks."""

    spans: tuple[Span, ...]

    @property
    def change(self) -> str:
        """`kept`, `added`, `removed`, or `changed` for an old line with its new wording."""
        marks = {span.mark for span in self.spans}
        return marks.pop().value if len(marks) == 1 else "changed"

    def side(self, gone: Mark) -> str:
        """The line without what has this mark: the new one without what was removed."""
        return "".join(span.text for span in self.spans if span.mark is not gone)


class _Stretch(NamedTuple):
    equal: bool
    before: Sequence[str]
    after: Sequence[str]


def compare_lines(before: Sequence[str], after: Sequence[str]) -> tuple[MarkedLine, ...]:
    """The lines of both texts in one order that keeps that of each."""
    return tuple(_marked(before, after))


def _marked(before: Sequence[str], after: Sequence[str]) -> Iterator[MarkedLine]:
    for stretch in _stretches(before, after):
        if stretch.equal:
            yield from (_whole(Mark.KEPT, line) for line in stretch.after)
        else:
            yield from _replaced(stretch.before, stretch.after)


def _replaced(before: Sequence[str], after: Sequence[str]) -> Iterator[MarkedLine]:
    """Pairs the lines that are alike, in order; linear in their words."""
    old, new = [_words(line) for line in before], [_words(line) for line in after]
    old_counts, new_counts = [Counter(words) for words in old], [Counter(words) for words in new]
    i = j = 0
    while i < len(old) and j < len(new):
        if _alike(old_counts[i], new_counts[j]):
            yield _reworded(old[i], new[j])
            i, j = i + 1, j + 1
            continue
        surplus = (len(old) - i) - (len(new) - j)
        if surplus >= 0:
            yield _whole(Mark.REMOVED, before[i])
            i += 1
        if surplus <= 0:
            yield _whole(Mark.ADDED, after[j])
            j += 1
    yield from (_whole(Mark.REMOVED, line) for line in before[i:])
    yield from (_whole(Mark.ADDED, line) for line in after[j:])


def _reworded(old: Sequence[str], new: Sequence[str]) -> MarkedLine:
    spans: list[Span] = []
    for stretch in _stretches(old, new):
        if stretch.equal:
            spans.append(Span(Mark.KEPT, "".join(stretch.after)))
        else:
            spans += [
                Span(mark, "".join(words))
                for mark, words in ((Mark.REMOVED, stretch.before), (Mark.ADDED, stretch.after))
                if words
            ]
    return MarkedLine(tuple(spans))


def _whole(mark: Mark, line: str) -> MarkedLine:
    return MarkedLine((Span(mark, line),))


def _words(line: str) -> list[str]:
    return _WORD.findall(line)


def _alike(left: Counter[str], right: Counter[str]) -> bool:
    small, large = sorted((left, right), key=len)
    common = sum(min(count, large[word]) for word, count in small.items())
    return common >= _ALIKE * max(small.total(), large.total(), 1)


def _stretches(before: Sequence[str], after: Sequence[str]) -> Iterator[_Stretch]:
    """Equal and unequal stretches, in order; none is empty on both sides."""
    head = _equal_at_start(zip(before, after, strict=False))
    before_rest, after_rest = before[head:], after[head:]
    tail = _equal_at_start(zip(reversed(before_rest), reversed(after_rest), strict=False))
    old, new = before_rest[: len(before_rest) - tail], after_rest[: len(after_rest) - tail]
    if head:
        yield _Stretch(True, before[:head], after[:head])
    if _steps(old, new) > MOST_STEPS:
        yield _Stretch(False, old, new)
    elif old or new:
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            yield _Stretch(tag == "equal", old[i1:i2], new[j1:j2])
    if tail:
        yield _Stretch(True, before[len(before) - tail :], after[len(after) - tail :])


def _equal_at_start(pairs: Iterable[tuple[str, str]]) -> int:
    count = 0
    for old, new in pairs:
        if old != new:
            break
        count += 1
    return count


def _steps(old: Sequence[str], new: Sequence[str]) -> int:
    """The most steps of an exact comparison: each split looks at all pairs of equal items that are left."""
    counts = Counter(new)
    pairs = sum(counts[item] for item in old)
    return (pairs + len(old)) * min(len(old), len(new))
