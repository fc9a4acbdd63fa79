"""Splits a paragraph into its sentences."""

import re

_END = re.compile(r"(?<=[.!?…])[\"')\]]?\s+(?=[^\W\d_a-z]|[\"'(\[\d])")
_ABBREVIATED = re.compile(
    r"""(?<![\w'\u2019])(?:mr|mrs|ms|dr|prof|st|hr|fr|no|nr|approx|ca|incl|resp|vs|e\.g|i\.e|z\.b|d\.h|bzw|etc|inc|ltd|ltg|mio|mrd
    |tel|t\u00e9l|ext|extn|dw|str|dept|jr|sr|sra|mme|mlle|sig|dott|dhr|mevr|n\u00fam|bijv|[a-z]|\d{1,2}\.\d{1,2})\.$""",
    re.VERBOSE | re.IGNORECASE,
)
"""A full stop after these, and after a day and a month, ends no sentence."""
_MONTH = re.compile(r"(?:jan|feb|m\u00e4r|apr|mai|jun|jul|aug|sep|okt|nov|dez)[a-z\u00e4]*\b", re.IGNORECASE)
_DAY = re.compile(r"(?<!\d)\d{1,2}\.$")
"""In German, a full stop stands between a day and its month."""
QUOTED = re.compile(r"\"[^\"]*\"|\u201e[^\u201c\u201d]*[\u201c\u201d]|\u201c[^\u201d]*\u201d|(?<!\w)'[^']*'(?!\w)")
"""What a text quotes: it is somebody else's word, and says nothing of the text's own."""


def sentences_of(text: str) -> list[str]:
    """The sentences in order, blanks around them removed. Joined with one blank they give the text, but for blanks."""
    sentences: list[str] = []
    start = 0
    for end in _END.finditer(text):
        if not _goes_on(text, max(start, end.start() - 12), end):
            sentences.append(text[start : end.end()].strip())
            start = end.end()
    return [sentence for sentence in (*sentences, text[start:].strip()) if sentence]


def _goes_on(text: str, start: int, end: re.Match[str]) -> bool:
    """Whether the full stop before `end` ends no sentence; looked at from `start` on."""
    if _ABBREVIATED.search(text, start, end.start()) is not None:
        return True
    return _MONTH.match(text, end.end()) is not None and _DAY.search(text, start, end.start()) is not None
