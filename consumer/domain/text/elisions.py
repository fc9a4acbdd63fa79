"""Numbered names in a list or a range that gives their beginning once: "LT02, 05 and 08", "T1-T4", "TILL01-06"."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_RANGE = r"-|\u2013|to|through|bis|\u00e0"
_LIST = re.compile(
    rf"""(?<![\w.])(?P<prefix>[A-Za-z][A-Za-z_-]*)(?P<first>\d{{1,4}})
    (?P<rest>(?:\s?(?:,|/|&|{_RANGE}|and|or|und|et|,\sand)\s?(?:(?P=prefix))?\d{{1,4}}(?![\w.:%]\w|\w))+)""",
    re.VERBOSE,
)
_ITEM = re.compile(rf"(?:(?P<range>{_RANGE})|[,/&\w\s])*?(?P<number>\d{{1,4}})(?!\d)")
_LONGEST_RANGE = 100


class Elision(NamedTuple):
    """A part of a text, and the names that it stands for."""

    written: str
    names: tuple[str, ...]


def elided(text: str) -> Iterator[Elision]:
    """The numbers that stand for a name, and the ranges with the names of their two ends."""
    for match in _LIST.finditer(text):
        prefix, last = match["prefix"], match["first"]
        for item in _ITEM.finditer(match["rest"]):
            number = item["number"]
            yield Elision(number, (prefix + number,))
            if item["range"]:
                ends = (prefix + last, prefix + number)
                yield Elision(f"{ends[0]}-{ends[1]}", ends)
                yield Elision(f"{ends[0]}-{number}", ends)
            last = number


def spelled_out(text: str) -> Iterator[str]:
    """Every name that the lists and ranges of a text stand for; of a long range its ends alone."""
    for match in _LIST.finditer(text):
        prefix, last = match["prefix"], match["first"]
        for item in _ITEM.finditer(match["rest"]):
            number = item["number"]
            between = range(int(last) + 1, int(number)) if item["range"] else range(0)
            if len(between) <= _LONGEST_RANGE:
                yield from (f"{prefix}{str(each).zfill(len(last))}" for each in between)
            yield prefix + number
            last = number
