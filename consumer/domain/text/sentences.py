"""Splits a paragraph into its sentences."""

import re

_END = re.compile(r"(?<=[.!?…])[\"')\]]?\s+(?=[^\W\d_a-z]|[\"'(\[\d])")
_ABBREVIATED = re.compile(
    r"""(?<![\w'\u2019])(?:mr|mrs|ms|dr|prof|st|hr|fr|no|nr|approx|ca|incl|resp|vs|e\.g|i\.e|z\.b|d\.h|bzw|etc|inc|ltd|ltg|mio|mrd
    |tel|t\u00e9l|ext|extn|dw|str|dept|jr|sr|sra|mme|mlle|sig|dott|dhr|mevr|n\u00fam|bijv|[a-z]|\d{1,2}\.\d{1,2})\.$""",
    re.VERBOSE | re.IGNORECASE,
)
"""A full stop after these, and after a day and a month, ends no sentence."""
_BEFORE_NAMES = re.compile(
    r"(?<![\w'\u2019-])(?:mnr|mev|rev|cllr|capt|sgt|lt|col|maj|messrs|hra|dra|eng|ing|in\u017c|mgr|mag|dipl|dott\.ssa|avv|rag|geom|arch)\.$",
    re.IGNORECASE,
)
"""Titles of other languages."""
_DOUBLED = re.compile(r"(?<!\w)([A-Z])\1\.$")
"""Half of a plural: "RR. HH."."""
_BEFORE_NUMBERS = re.compile(
    r"(?<![\w'\u2019-])(?:kl|klo|godz|wewn|tlf|tfno|mob|cel|sel|kom|pok|ul|art|ziff|lok|puh|int|anexo)\.$",
    re.IGNORECASE,
)
_MONTH = re.compile(r"(?:j[a\u00e4]n|feb|m\u00e4r|apr|mai|jun|jul|aug|sep|okt|nov|dez)[a-z\u00e4]*\b", re.IGNORECASE)
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
    if any(pattern.search(text, start, end.start()) for pattern in (_ABBREVIATED, _BEFORE_NAMES)):
        return True
    if _DOUBLED.search(text, start, end.start()) and _DOUBLED.search(text[end.end() : end.end() + 3]):
        return True
    after = text[end.end()]
    if after.isdigit() and _BEFORE_NUMBERS.search(text, start, end.start()) is not None:
        return True
    if after in "([" and text.endswith(("...", "\u2026"), 0, end.start()):  # what was left out, and why
        return True
    return _MONTH.match(text, end.end()) is not None and _DAY.search(text, start, end.start()) is not None
