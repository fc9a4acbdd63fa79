"""What an intake says of its impact (who, how many, by when, a number to call back), and what a fact leaves open.

Sentences of the intake are quoted word for word; one that asks or orders something is left out. English, German and
French words are known; a sentence that has none of them is not quoted.
"""

import re
from collections.abc import Iterator

from consumer.domain.text import orders, sentences, words
from consumer.domain.text.sanitize import clean
from consumer.domain.writing.outcome_table import quoted

MOST_CHARACTERS = 240
"""Of the quoted sentences together: below the contract's 300 characters of the intake."""
_WHO = re.compile(
    r"""
      \b(?:all|every|everyone|everybody|nobody|no\s+one|none|both|half|\d+|two|three|four|five|six|seven|eight|nine|ten
      |eleven|twelve)\b.{0,40}\b(?:users?|people|staff|colleagues?|sites?|branch(?:es)?|offices?|machines?|pcs?|laptops?
      |tills?|rooms?|stations?|printers?|phones?|mailbox(?:es)?|clients?|teams?|departments?|orders?|patients?|pl\u00e4tze?
      |nutzer|mitarbeiter\w*|kolleg\w+|rechner|filialen?|standorte?|postes?|utilisateurs?|salari\u00e9s|agences?)\b
    | \b(?:can(?:no|['\u2019])t|cannot|unable|not\s+able|stands?\s+still|stopped|down|blocked|lost|nix|nichts|steht
      |stehen|bloqu\u00e9\w*|impossible|plus\s+rien)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_WHEN = re.compile(
    r"""
      \b(?:by|before|until|till|deadline|due|at\s+the\s+latest)\b.{0,30}(?:\d|day\b|noon|night|morning|week|month|close|audit)
    | \b(?:bis|vor|sp\u00e4testens|frist)\b.{0,30}(?:\d|tag|uhr|woche|monat|freitag|montag|inventur|abschluss)
    | \b(?:avant|d'ici|jusqu)\b.{0,30}(?:\d|lundi|mardi|mercredi|jeudi|vendredi|midi|cl\u00f4ture|semaine)
    | \b(?:since|seit|depuis)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?<![\w.,/:-])(?:\+?\d[\d ()/.\u00a0-]{6,18}\d)(?:\s*(?:ext|x|app|dw)\.?\s*\d{1,5})?(?![\w])", re.IGNORECASE
)
_PHONE_WORD = re.compile(
    r"\b(?:call|phone|mobile|cell|tel|telephone|reach|number|ext|r\u00fcckruf|mobil|telefon|durchwahl|anruf\w*|t\u00e9l"
    r"|portable|joindre)\b",
    re.IGNORECASE,
)
_FEWEST_DIGITS = 7
_OPEN = re.compile(
    r"""
      \b(?:not\s+(?:yet\s+)?(?:been\s+)?(?:checked|tested|verified|confirmed|tried|asked|compared|looked\s+at|known)
      |un(?:checked|tested|verified|confirmed|known|clear)|still\s+(?:open|to\s+(?:do|check|test|ask))|to\s+be\s+(?:checked|tested)
      |haven['\u2019]t\s+(?:yet\s+)?(?:checked|tested|tried)
      |nicht\s+(?:gepr\u00fcft|getestet|best\u00e4tigt)|ungepr\u00fcft|unklar|noch\s+(?:offen|zu\s+pr\u00fcfen|nicht\s+gepr\u00fcft)
      |pas\s+(?:encore\s+)?(?:v\u00e9rifi\u00e9|test\u00e9|contr\u00f4l\u00e9)|reste\s+\u00e0|non\s+v\u00e9rifi\u00e9)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)


def impact_of(intake: str | None, *, known: str) -> Iterator[str]:
    """Sentences about an intake's impact, those that `known` does not tell already; then the number to call back."""
    if not intake:
        return
    chosen: list[str] = []
    room = MOST_CHARACTERS
    for said in _sentences(intake):
        weight = bool(_WHO.search(said)) + bool(_WHEN.search(said))
        if weight and len(said) <= room and words.share(said, known) < 0.8 and not orders.addresses_reader(said):
            chosen.append(said)
            room -= len(said) + 1
    first = next(_sentences(intake), "")
    if chosen:
        yield f"The intake said: {quoted(' '.join(chosen), MOST_CHARACTERS)}."
    elif first and not known.strip() and not orders.addresses_reader(first):
        yield f"The intake began: {quoted(first, MOST_CHARACTERS)}."
    if number := _callback(intake):
        yield f"A number to call back was left: {number}."


def is_open(text: str) -> bool:
    """Whether a fact says that something was not checked, or is not known."""
    return _OPEN.search(text) is not None


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from (clean(said) for said in sentences.sentences_of(line.strip()))


def _callback(intake: str) -> str | None:
    for line in intake.splitlines():
        for match in _PHONE.finditer(line):
            near = line[max(match.start() - 40, 0) : match.end() + 10]
            if sum(char.isdigit() for char in match[0]) >= _FEWEST_DIGITS and _PHONE_WORD.search(near):
                return clean(match[0])
    return None
