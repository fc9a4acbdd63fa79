"""Rewrites dates, numbers, titles and compounds of another language as records are looked up: in the English way.

Without it every "3. März", "2,5 GB" and "HBR-FS01-Freigabe" would be a name that no record holds. What the records hold
as it is written stays so, and so do quotations. Nothing here turns a name into another one that a record might hold.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from consumer.domain.language.en import ENGLISH
from consumer.domain.language.spelling import Spelling
from consumer.domain.review.grounding import Lexicon
from consumer.domain.text.names import normal
from consumer.domain.text.sentences import QUOTED

_THOUSANDS = re.compile(r"(?<![\w.,-])\d{1,3}(?:[.\u00a0\u202f]\d{3}){1,2}(?!\w|\.\w)")
_NO_DIGIT = re.compile(r"\D")
_DECIMAL = re.compile(r"(?<![\w.,])(\d+),(\d{1,2})(?!\d|,\d)")
_COMPOUND = re.compile(r"(?<![\w.-])[\w.]+(?:-[\w.]+)+")
_PART = re.compile(r"-(?=[A-Z\u00c4\u00d6\u00dc][a-z\u00e4\u00f6\u00fc\u00df])")
"""The hyphen before a part that is a word."""
_CMDLET = re.compile(
    r"[A-Z][a-z]+-(?:[A-Z][a-z]*[A-Z]\w*|Service|Process|Computer|Item|Content|Mailbox|Module|Acl|Disk|Volume)$"
)
"""A verb with a noun that is a name by its capitals, or is none of a compound."""
_NUMBERED = re.compile(r"\b([A-Z\u00c4\u00d6\u00dc][a-z\u00e4\u00f6\u00fc\u00df]+)(?=\s\d{1,2}\b)")


class _Patterns(NamedTuple):
    """What is looked for in texts of one spelling."""

    date: re.Pattern[str]
    figures: re.Pattern[str]
    hour: re.Pattern[str]
    person: re.Pattern[str]
    borrowed: re.Pattern[str]
    suspended: re.Pattern[str]


@lru_cache(maxsize=8)  # a language's spelling is one object
def _patterns(spelling: Spelling) -> _Patterns:
    after = "|".join(spelling.dated_after)
    return _Patterns(
        date=re.compile(rf"(?<![\d.,])(\d{{1,2}})\.\s?({'|'.join(spelling.months)})\b"),
        figures=re.compile(
            rf"(?:\b({after})\s|(?<![\d.]))(0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])\.(?(1)(20\d\d\b)?|(20\d\d\b))(?!\d)",
            re.IGNORECASE,
        ),
        hour=re.compile(rf"(?<![\d.,:])(\d{{1,2}})(?:[.:](\d\d))?\s?{spelling.clock}\b"),
        person=re.compile(rf"\b({'|'.join(spelling.persons)})\s([A-Z\u00c4\u00d6\u00dc][\w-]+)"),
        borrowed=re.compile(rf"\b({'|'.join(spelling.borrowed)})\s(?=[A-Z\u00c4\u00d6\u00dc])"),
        suspended=re.compile(rf"(?<=\s)({'|'.join(map(re.escape, spelling.suspended_after))})\s-(?=[^\W\d_])"),
    )


def as_recorded(text: str, spelling: Spelling | None, lexicon: Lexicon) -> str:
    """The text with its spelling replaced by the one of the records; unchanged for a spelling of None."""
    if spelling is None:
        return text
    respelled: list[str] = []
    at = 0
    for quotation in QUOTED.finditer(text):
        respelled += (_respelled(text[at : quotation.start()], spelling, lexicon), quotation[0])
        at = quotation.end()
    return "".join((*respelled, _respelled(text[at:], spelling, lexicon)))


def _respelled(text: str, spelling: Spelling, lexicon: Lexicon) -> str:
    patterns = _patterns(spelling)
    text = patterns.date.sub(lambda date: f"{date[1]} {spelling.months[date[2]]}", text)
    text = patterns.figures.sub(lambda figures: _dated(figures, lexicon), text)
    text = patterns.hour.sub(lambda hour: f"{hour[1]}:{hour[2] or '00'}", text)
    text = patterns.suspended.sub(r"\1 ", text)
    text = _COMPOUND.sub(lambda name: _parted(name[0], lexicon), text)
    text = _THOUSANDS.sub(lambda number: _unless_held(number[0], _NO_DIGIT.sub("", number[0]), lexicon), text)
    text = _DECIMAL.sub(lambda number: _unless_held(number[0], f"{number[1]}.{number[2]}", lexicon), text)
    text = _NUMBERED.sub(lambda noun: _noun(noun[1], spelling, lexicon), text)
    # Two blanks: the look for persons takes only words that one blank parts, and here any noun may follow.
    text = patterns.borrowed.sub(r"\1  ", text)
    return patterns.person.sub(lambda person: f"{spelling.persons[person[1]]} {person[2]} ", text)


def _dated(figures: re.Match[str], lexicon: Lexicon) -> str:
    before, day, month, *years = figures.groups("")
    if lexicon.holds(f"{day}.{month}"):
        return figures[0]
    return " ".join(filter(None, (before, day, ENGLISH.months[int(month) - 1], *years)))


def _unless_held(written: str, otherwise: str, lexicon: Lexicon) -> str:
    return written if lexicon.holds(normal(written)) else otherwise


def _parted(name: str, lexicon: Lexicon) -> str:
    """A compound in its parts: a name and the words that this language ties to it."""
    if _CMDLET.match(name) or lexicon.holds(normal(name)):
        return name
    return _PART.sub(" ", name)


def _noun(noun: str, spelling: Spelling, lexicon: Lexicon) -> str:
    """A noun before a small number: the records' own, or the English one for it, or no name at all."""
    folded = normal(noun)
    if lexicon.holds(folded):
        return noun
    return spelling.nouns.get(folded, noun.lower())
