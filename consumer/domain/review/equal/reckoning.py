"""What a text reckons itself: a weekday's day, what lies between two times, a sum, the rest of a telephone number."""

import re
from collections.abc import Iterator
from typing import Protocol

from consumer.domain.review.equal import moments, telephones
from consumer.domain.text import number_words, quantities

_TIME = re.compile(r"\d{1,2}[:.]\d\d")
_INTEGERS = re.compile(r"(?<![\w.,:/-])\d{1,6}(?![\w:/-]|[.,]\d)")


class Reckonable(moments.Texts, Protocol):
    """What a text can reckon with."""

    @property
    def times_of_day(self) -> frozenset[int]:
        """In seconds."""

    @property
    def telephones(self) -> frozenset[str]:
        """The figures of each telephone number."""

    @property
    def integers(self) -> frozenset[str]:
        """The whole numbers, without leading zeros."""


def is_reckoned(name: str, text: str, records: Reckonable) -> bool:
    """Whether what else a text in normal form says makes the name in it one of the records."""
    return (
        moments.is_weekdays_day(name, text, records)
        or quantities.is_between(name, quantities.times_of_day(text), records.times_of_day)
        or telephones.is_part_of_one(name, text, records.telephones)
        or _is_sum(name, text, records)
        or _is_later(name, text, records)
    )


def _is_sum(name: str, text: str, records: Reckonable) -> bool:
    """Whether it is the sum of two other numbers of the text, or what is left of one without another."""
    if not name.isdigit():
        return False
    others = [number for number in _numbers(text, records) if number != int(name)]
    return any(
        first + second == int(name) or first - second == int(name)
        for place, first in enumerate(others)
        for second in (*others[:place], *others[place + 1 :])
    )


def _is_later(name: str, text: str, records: Reckonable) -> bool:
    """Whether it is a time that is so much before or after another of the text as a duration of the text says."""
    said = moments.clock_of(name)
    if _TIME.fullmatch(name) is None or not said:
        return False
    others = (moments.clock_of(text) - said) & records.clock
    apart = {round(each.value / 60) for each in quantities.recorded(text) if each.kind == "time" and each.unit}
    return any(
        (time + sign * minutes) % moments.DAY in said for time in others for minutes in apart for sign in (1, -1)
    )


def _numbers(text: str, records: Reckonable) -> Iterator[int]:
    """The whole numbers of a text that the records hold, and those that it says in words."""
    yield from (int(number) for number in _INTEGERS.findall(text) if (number.lstrip("0") or "0") in records.integers)
    yield from number_words.values_in(text)
