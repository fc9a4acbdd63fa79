"""Splits a paragraph into its sentences."""

import re

_END = re.compile(r"(?<=[.!?…])[\"')\]]?\s+(?=[^\W\d_a-z]|[\"'(\[\d])")
_ABBREVIATED = re.compile(
    r"""(?<!\w)(?:mr|mrs|ms|dr|prof|st|hr|fr|no|nr|approx|ca|incl|resp|vs|e\.g|i\.e|z\.b|d\.h|bzw|etc|inc|ltd|ltg|mio|mrd
    |tel|str|[a-z]|\d{1,2}\.\d{1,2})\.$""",
    re.VERBOSE | re.IGNORECASE,
)
"""A full stop after these, and after a day and a month, ends no sentence."""


def sentences_of(text: str) -> list[str]:
    """The sentences in order, blanks around them removed. Joined with one blank they give the text, but for blanks."""
    sentences: list[str] = []
    start = 0
    for end in _END.finditer(text):
        if _ABBREVIATED.search(text, max(start, end.start() - 12), end.start()) is None:
            sentences.append(text[start : end.end()].strip())
            start = end.end()
    return [sentence for sentence in (*sentences, text[start:].strip()) if sentence]
