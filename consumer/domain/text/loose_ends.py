"""What a text says was not checked, not answered or not done.

The words are English, German, French, Italian and Spanish. What somebody wished for and did not get is not open.
"""

import re
from collections.abc import Iterable

from consumer.domain.text import sentences, words
from consumer.domain.text.sentences import QUOTED

_DONE = (
    r"(?:checked(?!\s+in\b)|tested|verified|confirmed|tried|asked|answered|compared|looked(?:\s+at)?|measured|counted|reproduced|sent"
    r"|done|decided|ordered|restored|cleared|signed(?!\s+(?:in|on|out|off)\b)|known|seen|proved|proven|searched|set\s+up|explained|said|excluded|ruled\s+out)"
)
_GETAN = (
    r"(?:gepr\u00fcft|\u00fcberpr\u00fcft|getestet|best\u00e4tigt|gekl\u00e4rt|gemessen|versucht|gefragt|verglichen|bestellt"
    r"|erledigt|gez\u00e4hlt|nachgesehen|bekannt|entschieden|gesendet|verschickt)"
)
_FAIT = (
    r"(?:v\u00e9rifi\u00e9|test\u00e9|contr\u00f4l\u00e9|confirm\u00e9|essay\u00e9|compar\u00e9|mesur\u00e9|demand\u00e9|envoy\u00e9|fait"
    r"|command\u00e9|d\u00e9cid\u00e9)(?:e?s?)"
)
_OPEN = re.compile(
    rf"""
      \b(?:not|never)\s+(?:(?:yet|been|be|could|properly|fully)\s+){{0,3}}{_DONE}\b
    | \bnot\s+(?:yet\s+(?:been\s+)?changed|changed\s+yet)\b
    | \b(?:has|have|had|is|are|was|were|did|do)n['\u2019]?t\s+(?:(?:yet|been)\s+){{0,2}}{_DONE}\b
    | \b(?:did\s+not|didn['\u2019]?t|could\s+not|couldn['\u2019]?t)\s+(?:yet\s+)?
      (?:check|test|verify|confirm|look\s+it\s+up|ask|measure|reproduce|clear)\b
    | \b(?:nobody|no\s+one|none\s+of\s+us|noone)\b.{{0,20}}?\b(?!answered){_DONE}\b
    | \bun(?:checked|tested|verified|confirmed|clear|answered|resolved)\b
    | \bstill\s+(?:missing|to\s+(?:do|check|test|ask|be\s+\w+))\b
    | \bto\s+be\s+(?:checked|tested|verified|decided)\b
    | \b(?:remains|still|left)\s+open\b | \b(?:don['\u2019]?t|do\s+not)\s+know\b | \b(?:is|are)\s+not\s+clear\b
    | \b(?:noch\s+)?(?:nicht|nie|keiner|niemand)\s+(?:\w+\s+)?{_GETAN}\b
    | \b(?:ungepr\u00fcft|ungekl\u00e4rt|unklar)\b
    | \bnoch\s+(?:zu\s+(?:pr\u00fcfen|kl\u00e4ren|testen)|unbekannt)\b | \bsteht\s+(?:noch\s+)?aus\b
    | \b(?:n['\u2019]a|n['\u2019]ont|pas|jamais)\s+(?:pas\s+)?(?:encore\s+)?(?:\u00e9t\u00e9\s+)?{_FAIT}\b
    | \bnon\s+{_FAIT}\b
    | \bnon\s+(?:\w+\s+){{0,3}}?(?:controllat|verificat|testat|provat|confermat|chiarit|ordinat|guardat)[aoei]\b
    | \b(?:no|sin)\s+(?:\w+\s+){{0,3}}?(?:comprobad|verificad|probad|confirmad|revisad|mirad)[ao]s?\b
    | \bpersonne\s+n['\u2019]a\s+(?:encore\s+)?\w+ | \breste\s+\u00e0\s+\w+ | \b\u00e0\s+v\u00e9rifier\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_WISH = re.compile(
    r"""\b(?:asks?|asked|wants?|wanted|requests?|requested|demands?|demanded|insists?|wishes)\s+(?:again\s+)?
    (?:for|to|us|me|that)\b|\b(?:verlangt|m\u00f6chte|bittet|fordert|demande|veut|exige|chiede|vuole|pide|quiere)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_TELLING = 3
"""Content words from which a sentence says what it is about."""
_ANSWERED = 0.6
"""The share of an open sentence's words that a later text has which answers it."""


def loose_end(text: str) -> str | None:
    """The sentences of a cleaned text that call something open, with the one before the first; None without such.

    A first sentence that hardly says what is open ("Not sent.") stands with the one after it.
    """
    parts = sentences.sentences_of(text)
    at = [number for number, part in enumerate(parts) if _is_open(part)]
    left = " ".join(parts[max(at[0] - 1, 0) : at[-1] + 1]) if at else ""
    if at == [0] and len(words.content(left)) < _TELLING:
        left = " ".join(parts[:2])
    return left if left and _WISH.search(left) is None else None


def is_answered(text: str, later: Iterable[str]) -> bool:
    """Whether a later text speaks of what is open in this one, and calls none of it open."""
    left = " ".join(part for part in sentences.sentences_of(text) if _is_open(part))
    about = words.content(_OPEN.sub(" ", left))
    needed = max(2, round(len(about) * _ANSWERED))
    return any(len(about & words.content(other)) >= needed and not _is_open(other) for other in later)


def _is_open(sentence: str) -> bool:
    return _OPEN.search(QUOTED.sub(" ", sentence)) is not None
