"""Who reported a problem, and how to reach them, in the words of an intake. English, German and French words are known.

A sentence is given only where nothing but calling back is asked in it.
"""

import re
from collections.abc import Iterator

from consumer.domain.text import orders, sentences
from consumer.domain.text.sanitize import clean

_LONGEST_SENTENCE = 140
_LONGEST_NAME = 80
_NUMBER = re.compile(
    r"(?<![\w.,/:-])(?:\+?\d[\d ()/.\u00a0-]{4,18}\d)"
    r"(?:[\s,]*(?:extn?|extension|x|app|dw|durchwahl|poste)\.?\s*\d{1,5})?(?![\w])",
    re.IGNORECASE,
)
_EXTENSION = re.compile(
    r"\b(?:extn?|extension|extensi\u00f3n|interno|anexo|toestel|dect|bleep|pager|durchwahl|dw|poste)\.?\s*\d{2,5}\b",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})(?!\d)|\d{4}-\d{2}-\d{2}")
_TRUNK = re.compile(r"(?:\+\d|0)\d*[ ()/.-]")
"""How a number begins that is a telephone number whatever stands beside it."""
_NEAR = re.compile(
    r"""\b(?:call(?:\s*-?back|ing)?|phone[ds]?|mobile|cell|tel|telephone|reach|ring|text|number|ext|dial|handy|rufnummer
    |r\u00fcckruf|mobil|telefon\w*|durchwahl|anruf\w*|erreichbar|unter|t\u00e9l|portable|joindre|joignable|rappel\w*|i['\u2019]m\s+on
    |contact|kontakt|caller|extension|me)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_FEWEST_DIGITS, _TRUNK_DIGITS = 7, 9
_CALLING = re.compile(
    r"""\b(?:please|pls|bitte|merci\s+de|veuillez)?\s*(?:ring|call(?:\s+back)?|text|phone|reach|rappeler|appeler|anrufen
    |zur\u00fcckrufen|r\u00fcckruf|llamen|llamar|bellen)\b|\bask\s+for\b|\bdemander\b""",
    re.VERBOSE | re.IGNORECASE,
)
"""What one asks who wants to be called back."""
_NAME = (
    r"(?-i:[^\W\d_][\w.'\u2019-]*"
    r"(?:\s+(?:(?:della|del|de|von|van|of)\b|&|[A-Z\u00c0-\u00dd][\w.'\u2019-]*|\([^)]{1,30}\))){0,5})"
)
_GREETING = (
    r"\b(?:salve|ciao|buon(?:giorno|asera)|hola|buen[oa]s(?:\s+(?:d[i\u00ed]as|tardes))?|bon(?:jour|soir)|hallo|tach|moin|servus"
    r"|gr\u00fcezi|guten\s+(?:tag|morgen|abend)|goede(?:morgen|middag)|dag)[\s,.!]+"
)
_REPORTED = re.compile(
    rf"""
      ^(?:from|von|de)\s*:\s*(?P<header>[^\n<]{{3,{_LONGEST_NAME}}})
    | \b(?:(?:call|mail|e-?mail|ticket|chat|voicemail|note)\s+(?:from|of)|caller:?|contact:?|reported\s+by
      |phoned\s+in\s+by|(?:\A|["\u201c]|\b(?:hi|hello|hey|morning|afternoon|evening|there|all)[\s,.!-]+)(?:this\s+is|it['\u2019]s)
      |anruf(?:\s+von)?|mail\s+von|appel\s+de|courriel\s+de|{_GREETING}(?:sono|soy|ici|je\s+suis|hier\s+spricht|ik\s+ben|u\s+spreekt\s+met))
      \s+(?P<name>(?=(?-i:[A-Z\u00c0-\u00dd])){_NAME}(?:,\s*[^,.:;\n\u00ab"]{{3,40}})?)
    | {_GREETING}(?P<here>(?=(?-i:[A-Z\u00c0-\u00dd])){_NAME})\s+hier\b
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_AFTER_NAME = re.compile(
    r",\s*(?:i|we|ich|wir|je|nous|io|yo|ik)\b|,\s*(?:\u00e0\s+)?\d|\s+\d{1,2}[:.h]\d|(?<=\w{4})\.\s|\s+(?:by|at|on)\s",
    re.IGNORECASE,
)
_DATED = re.compile(
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|yesterday|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch",
    re.IGNORECASE,
)
_PARTICLE = re.compile(r"\s+(?:della|del|de|von|van|of)$")
_LOWER = re.compile(r"[a-z\u00df-\u00ff]")
_PHONED = re.compile(r"^phone\s+\d{1,2}[:.]\d{2},\s*(?P<name>[^.:\n\d]{3,70})", re.IGNORECASE)


def reporter(intake: str) -> str | None:
    """Who reported it, as the intake names them: perhaps with a role or a firm."""
    head = intake[:400]
    match = _REPORTED.search(head) or _PHONED.search(head)
    if match is None:
        return None
    name = _AFTER_NAME.split(clean(next(group for group in match.groups() if group)), maxsplit=1)[0].rstrip(" ,;:")
    name = _PARTICLE.sub("", name)
    is_name = _LOWER.search(name) is not None and not name.endswith(("'s", "\u2019s")) and not _DATED.match(name)
    return name[:_LONGEST_NAME] if is_name and not orders.addresses_reader(name) else None


def callback(intake: str) -> str | None:
    """The sentence with the number to call back; the number alone where the sentence is long or asks for more."""
    for line in intake.splitlines():
        for sentence in sentences.sentences_of(line):
            if _only_forbids(sentence):
                continue
            if (number := _number(sentence)) is not None:
                return _asking_no_more(clean(sentence)) or clean(number)
    return None


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
        if digits >= _TRUNK_DIGITS and _TRUNK.match(match[0]):
            return match[0]
    extension = _EXTENSION.search(sentence)
    return extension[0] if extension else None


def _numbers(sentence: str) -> Iterator[re.Match[str]]:
    return (match for match in _NUMBER.finditer(sentence) if _DATE.search(match[0]) is None)
