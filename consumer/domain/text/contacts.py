"""How to reach who reported a problem, in the words of an intake: English, German, French, Italian, Spanish, Dutch.

A sentence is given only where nothing but calling back is asked in it.
"""

import re
from collections.abc import Iterator

from consumer.domain.text import orders, sentences
from consumer.domain.text.sanitize import clean

_LONGEST_SENTENCE = 140
_NUMBER = re.compile(
    r"(?<![\w.,/:-])(?:\+?\d[\d ()/.\u00a0-]{4,18}\d)"
    r"(?:[\s,]*(?:extn?|extension|x|app|dw|durchwahl|poste)\.?\s*\d{1,5})?(?![\w])",
    re.IGNORECASE,
)
_EXTENSION = re.compile(
    r"\b(?:extn?|extension|extensi\u00f3n|interno|anexo|toestel|dect|bleep|pager|durchwahl|dw|klappe|nst"
    r"|nebenstelle|poste)\.?\s*\d{2,5}\b",
    re.IGNORECASE,
)
WRITTEN_DAY = re.compile(r"\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})(?!\d)|\d{4}-\d{2}-\d{2}")
"""A day in figures: it looks like a telephone number and is none."""
_TRUNK = re.compile(r"(?:\+\d|0)\d*[ ()/.-]")
"""How a number begins that is a telephone number whatever stands beside it."""
_NEAR = re.compile(
    r"""\b(?:call(?:\s*-?back|ing)?|phone[ds]?|mobile|cell|tel|telephone|reach|ring|text|number|ext|dial|handy|rufnummer
    |r\u00fcckruf|mobil|telefon\w*|durchwahl|anruf\w*|erreichbar|unter|t\u00e9l|portable|joindre|joignable|rappel\w*|i['\u2019]m\s+(?:on|at)
    |contact|kontakt|caller|extension|me)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_FEWEST_DIGITS, _TRUNK_DIGITS = 7, 9
_LABEL = 8
"""The most characters beside a number that is all a sentence says."""
_CALLING = re.compile(
    r"""\b(?:please|pls|bitte|merci\s+de|veuillez)?\s*(?:ring|call(?:\s+back)?|text|phone|reach|use\s+(?:my|the|this)|rappeler|appeler|anrufen
    |zur\u00fcckrufen|r\u00fcckruf|llamen|llamar|bellen)\b|\bask\s+for\b|\bdemander\b""",
    re.VERBOSE | re.IGNORECASE,
)
"""What one asks who wants to be called back."""
_ASKED_FOR = re.compile(
    r"(?:[^:\n\d]{0,30}\b)?(?:reach|phone|call|contact|tel|mobile|telefon|r\u00fcckruf)\b[^:\n\d]{0,20}:(?!\d)\s*",
    re.IGNORECASE,
)
"""How a line of a form begins that asks how to reach somebody."""
_DIGITS = re.compile(r"\d{3}")
_WAY = re.compile(r"\b(?:landline|reach\s+me|i['\u2019]m\s+on|my\s+(?:cell|mobile)|mobile\s+only)\b", re.IGNORECASE)
"""A way to reach somebody, without a number."""


_OF_ANOTHER = re.compile(
    r"\b(?:ring|call|phone|text|reach|contact)\s+(?:him|her|them)\b|\b(?:he|she|they)(?:['\u2019](?:s|re)|\s+is|\s+are)\s+(?:at|on)\b",
    re.IGNORECASE,
)
"""Whose number it is only the sentence tells: a number of the writer's own comes first."""


def callback(intake: str) -> str | None:
    """The sentence with the number to call back; the number alone where the sentence is long or asks for more.

    Without a number: the sentence that names a way.
    """
    lines = [line.lstrip() for line in intake.splitlines()]
    said = [sentence for line in lines for sentence in sentences.sentences_of(line)]
    numbered = [
        (sentence, number) for sentence in said if (number := _number(sentence)) and not _only_forbids(sentence)
    ]
    for sentence, number in sorted(numbered, key=lambda each: _OF_ANOTHER.search(each[0]) is not None):
        if whole := _asking_no_more(clean(sentence)):
            return whole
        if _OF_ANOTHER.search(sentence) is None:
            return clean(number)
    for line in lines:
        form = _ASKED_FOR.match(line)
        if form is not None and _DIGITS.search(filled_in := clean(line[form.end() :])):
            return _asking_no_more(filled_in) or filled_in[:_LONGEST_SENTENCE]
    return next((way for way in map(clean, said) if _WAY.search(way) and _asking_no_more(way)), None)


def _only_forbids(sentence: str) -> bool:
    """A number in it may be one that nobody shall touch."""
    return orders.restricts(sentence) and _CALLING.search(sentence) is None


def _asking_no_more(sentence: str) -> str | None:
    rest = _CALLING.sub("", sentence).lstrip(" ,;:")
    fits = len(sentence) <= _LONGEST_SENTENCE and not orders.addresses_reader(rest)
    return sentence if fits else None


def _number(sentence: str) -> str | None:
    for match in _numbers(sentence):
        near = sentence[max(match.start() - 40, 0) : match.end() + 14]
        digits = sum(char.isdigit() for char in match[0])
        if digits >= _FEWEST_DIGITS and _NEAR.search(near):
            return match[0]
        if digits >= _TRUNK_DIGITS and (_TRUNK.match(match[0]) or len(sentence) - len(match[0]) <= _LABEL):
            return match[0]
    extension = _EXTENSION.search(sentence)
    return extension[0] if extension else None


def _numbers(sentence: str) -> Iterator[re.Match[str]]:
    return (match for match in _NUMBER.finditer(sentence) if WRITTEN_DAY.search(match[0]) is None)
