"""The text as a reader sees it: without characters that nobody sees, and with look-alikes as plain letters.

A label such as ``pass<zero-width space>word``, or one with a Cyrillic letter in it, is read by every reader, but by no
rule. Letters of full width are plain ones everywhere; a Cyrillic or Greek one is, where it stands in a Latin word.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence

from consumer.domain.redaction.detectors.rule import Detection, TextSpan

INVISIBLE = "\u00ad\u034f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
FULL_WIDTH = "\uff01-\uff5e"
MOST_RUNS = 5_000
"""Runs of invisible characters that are taken out of a text."""
_TWINS = str.maketrans(
    "аеорсухіјѕԁһӏԛԝкмтвнАВЕКМНОРСТУХІЈЅԚԜαοιυνκρτΑΒΕΖΗΙΚΜΝΟΡΤΥΧϲ",
    "aeopcyxijsdhlqwkmtbhABEKMHOPCTYXIJSQWaoiuvkptABEZHIKMNOPTYXc",
)
"""Letters of other scripts, and the Latin ones for which readers take them."""
TWINS = "".join(map(chr, _TWINS))
_MIXED = re.compile(f"[A-Za-z](?:(?<=[{TWINS}].)|[{TWINS}])")
"""Begins with the Latin letter, which a text in another script has few of: a third of the time."""
_WORD = re.compile(f"[A-Za-z{TWINS}]{{2,64}}")
_ODD = re.compile(f"[{INVISIBLE}{FULL_WIDTH}]")
_SUSPECT = re.compile(f"[{INVISIBLE}{FULL_WIDTH}{TWINS}]")
_UNSEEN = re.compile(f"[{INVISIBLE}]+")
_AS_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


class PlainView:
    """A text as it is seen. Places in it can be told as places of the text itself."""

    __slots__ = ("_at", "_shift", "text")

    def __init__(self, text: str) -> None:
        self._at = [0]
        self._shift = [0]
        pieces: list[str] = []
        end = shift = 0
        for number, run in enumerate(_UNSEEN.finditer(text)):
            if number == MOST_RUNS:
                break
            pieces.append(text[end : run.start()])
            shift += run.end() - run.start()
            end = run.end()
            self._at.append(end - shift)
            self._shift.append(shift)
        pieces.append(text[end:])
        plain = "".join(pieces).translate(_AS_PLAIN)
        self.text = _WORD.sub(_latin, plain) if _MIXED.search(plain) else plain

    def original(self, detection: Detection) -> Detection:
        """The same place in the text itself: what is unseen within it belongs to it."""
        start = detection.start + self._shift_at(detection.start)
        stop = detection.stop - 1 + self._shift_at(detection.stop - 1) + 1
        return Detection(start=start, stop=stop, kind=detection.kind, known=detection.known)

    def seen(self, spans: Sequence[TextSpan]) -> list[TextSpan]:
        """Places of the text itself as places of what is seen."""
        ends = [at + shift for at, shift in zip(self._at, self._shift, strict=True)]

        def place(at: int) -> int:
            return max(0, at - self._shift[bisect_right(ends, at) - 1])

        return [(place(start), place(stop)) for start, stop in spans]

    def _shift_at(self, at: int) -> int:
        return self._shift[bisect_right(self._at, at) - 1]


def _latin(word: re.Match[str]) -> str:
    return word[0].translate(_TWINS) if _MIXED.search(word[0]) else word[0]


def is_odd(text: str) -> bool:
    """Whether the text looks otherwise than it is written."""
    if text.isascii() or _SUSPECT.search(text) is None:
        return False  # nearly every text
    return _ODD.search(text) is not None or _MIXED.search(text) is not None
