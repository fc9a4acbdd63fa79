"""How much of the intake a text quotes: the contract bounds it, whatever a text was copied from."""

import re

from consumer.domain.sections import LONGEST_QUOTE

_BLANKS = re.compile(r"\s+")
_BLOCK = (LONGEST_QUOTE + 1) // 2
"""Any run longer than the bound holds a whole block that begins at a multiple of this."""


def folded(text: str) -> str:
    return _BLANKS.sub(" ", text)


def longest(intake: str | None, *texts: str) -> int:
    """The longest run of the intake in the texts where one is over the bound, else 0. Whitespace runs count as one."""
    source = folded(intake or "")
    if len(source) <= LONGEST_QUOTE:
        return 0
    return max((_longest_in(source, folded(text)) for text in texts), default=0)


def _longest_in(source: str, text: str) -> int:
    longest = 0
    for start in range(0, len(source) - _BLOCK + 1, _BLOCK):
        block = source[start : start + _BLOCK]
        at = text.find(block)
        while at >= 0:
            run = _run_around(source, start, text, at)
            longest = max(longest, run)
            at = text.find(block, at + 1)
    return longest if longest > LONGEST_QUOTE else 0


def _run_around(source: str, start: int, text: str, at: int) -> int:
    before = 0
    while before < min(start, at) and source[start - before - 1] == text[at - before - 1]:
        before += 1
    after = _BLOCK
    while start + after < len(source) and at + after < len(text) and source[start + after] == text[at + after]:
        after += 1
    return before + after
