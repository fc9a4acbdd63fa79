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


class _Item(NamedTuple):
    """A number of a list behind its first name, with the number before it."""

    prefix: str
    before: str
    number: str
    ends_range: bool

    @property
    def name(self) -> str:
        return self.prefix + self.number


def elided(text: str) -> Iterator[Elision]:
    """The numbers that stand for a name, and the ranges with the names of their two ends."""
    for item in _items(text):
        yield Elision(item.number, (item.name,))
        if item.ends_range:
            first = item.prefix + item.before
            yield Elision(f"{first}-{item.name}", (first, item.name))
            yield Elision(f"{first}-{item.number}", (first, item.name))


def spelled_out(text: str) -> Iterator[str]:
    """Every name that the lists and ranges of a text stand for; of a long range its ends alone."""
    for item in _items(text):
        between = range(int(item.before) + 1, int(item.number)) if item.ends_range else range(0)
        if len(between) <= _LONGEST_RANGE:
            yield from (f"{item.prefix}{str(each).zfill(len(item.before))}" for each in between)
        yield item.name


def _items(text: str) -> Iterator[_Item]:
    for match in _LIST.finditer(text):
        before = match["first"]
        for item in _ITEM.finditer(match["rest"]):
            yield _Item(match["prefix"], before, item["number"], item["range"] is not None)
            before = item["number"]
