"""Telephone numbers: grouped otherwise, with the code of a country or without, said figure by figure."""

import re
from collections.abc import Iterator

from consumer.domain.text import number_words
from consumer.domain.text.contacts import WRITTEN_DAY

_NUMBER = re.compile(r"(?<![\w.,/:-])(?:\+|00)?\(?\d[\d ()/.-]{4,20}\d(?!\w)")
_OTHER = re.compile(
    rf"{WRITTEN_DAY.pattern}|\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\d.])"  # days and addresses
)
"""What looks like a telephone number and is none."""
_PART = re.compile(r"\d[\d/.-]*")
_NO_FIGURE = re.compile(r"\D")
_ABROAD = re.compile(r"\+|00")
_FEWEST_FIGURES = 6
"""Of a number, without the code of its country and the 0 before the code of its town."""
_FEWEST_TOGETHER, _ENDING = 5, 3
"""Figures that only a telephone's number has together, and of its end."""
_LONGEST_COUNTRY = 3


def recorded_in(text: str) -> frozenset[str]:
    """The figures of each telephone number that a text in normal form holds, in figures or in words."""
    written = (_NO_FIGURE.sub("", number) for number in _numbers(text))
    return frozenset((*written, *number_words.figures_of(text)))


def are_of_one(number: str, recorded: frozenset[str], integers: frozenset[str]) -> bool:
    """Whether figures stand in a recorded number, or in a whole number with another's end: "same number ending 356"."""
    if len(number) < _FEWEST_TOGETHER:
        return False
    begins, end = number[:-_ENDING], number[-_ENDING:]
    ends_another = end in integers and any(len(each) == len(number) and each.startswith(begins) for each in integers)
    return ends_another or any(number in figures for figures in recorded)


def is_part_of_one(number: str, text: str, recorded: frozenset[str]) -> bool:
    """Whether figures are part of a telephone number in a text, in normal form, that is one of the recorded."""
    return _PART.fullmatch(number) is not None and any(
        number in each and any(held.endswith(own) for own in _without_country(each) for held in recorded)
        for each in _numbers(text)
    )


def _numbers(text: str) -> Iterator[str]:
    return (match[0] for match in _NUMBER.finditer(text) if _OTHER.search(match[0]) is None)


def _without_country(number: str) -> Iterator[str]:
    """The figures without a leading 0, and for a number as from abroad without each code that a country may have."""
    figures = _NO_FIGURE.sub("", number).lstrip("0")
    codes = _LONGEST_COUNTRY if _ABROAD.match(number) else 0
    for length in range(codes + 1):
        own = figures[length:].lstrip("0")
        if len(own) >= _FEWEST_FIGURES:
            yield own
