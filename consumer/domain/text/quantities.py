"""Numbers and their units: how they are written, and whether a text contains the same quantity.

Equal are: two spellings of one unit ("38 ms", "38 milliseconds"); a blank, a hyphen or nothing between number and unit;
a number up to twelve and its word ("two hours"); a quantity and the setting that has it ("keep_days=30" for "30 days");
a quantity and the same one in another unit, rounded ("eight hours" for "28800 s", "41 minutes" for "00:41:12").
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from consumer.domain.text import number_words

_UNITS: Mapping[str, str] = {
    "percent": r"%|percent|per\scent|pct|prozent|pour\scent",
    "millisecond": r"ms|msec|milliseconds?",
    "second": r"s|secs?|seconds?|sekunden?|sek|secondes?",
    "minute": r"mins?|minutes?|minuten|mn",
    "hour": r"h|hrs?|hours?|stunden?|std|heures?",
    "day": r"days?|tage?n?|jours?",
    "week": r"weeks?|wochen?|semaines?",
    "month": r"months?|monate?n?|mois",
    "year": r"years?|yrs?|jahre?n?|ans",
    "kilobit": r"kbps|kbit/s|kb/s",
    "megabit": r"mbps|mbit/s|mb/s",
    "gigabit": r"gbps|gbit/s|gb/s",
    "byte": r"bytes?",
    "kilobyte": r"ki?b|kilobytes?",
    "megabyte": r"mi?b|megabytes?",
    "gigabyte": r"gi?b|gigabytes?",
    "terabyte": r"ti?b|terabytes?",
    "hertz": r"hz",
    "megahertz": r"mhz",
    "gigahertz": r"ghz",
    "decibel": r"dbm?",
    "volt": r"volts?",
    "watt": r"watts?",
    "celsius": r"°c|degrees?",
}
"""How each unit is written, in lower case."""
_ALSO: Mapping[str, str] = {
    "percent": r"procent|por\sciento|por\scento|per\scento",
    "second": r"seconden|segundos?|second[oi]|sekund[aey]?|sekunder",
    "minute": r"minuut|minutos?|minut[oiay]?|minutter|minuter",
    "hour": r"uur|uren|horas?|or[ae]|godzin[aey\u0119]?|godz|timer|timmar|hodin[ay]?",
    "day": r"dag(?:en|e|ar)?|d[i\u00ed]as?|giorn[oi]|dni|dzie\u0144|dnia|dn[\u00ed\u016f]",
    "week": r"we+ken?|semanas?|settiman[ae]|tygodni[ae]?|tydzie\u0144|uger|veckor",
    "month": r"maand(?:en)?|mes(?:es)?|mes[ei]|m\u00eas|miesi\u0105ce?|miesi\u0119cy|m\u00e5n[ea]d(?:er)?",
    "year": r"jaar|jaren|a\u00f1os?|anos?|ann[oi]|lata?|roku?|\u00e5r",
    "kilobyte": "ki?o",
    "megabyte": "mi?o",
    "gigabyte": "gi?o",
    "terabyte": r"ti?o(?!\s?\d)",
}
"""How French, Dutch, Spanish, Italian, Portuguese, Polish, Czech and Nordic records write a unit. In English prose some
of these are other words, so they are looked for in records only."""
_WORDS = ("zero", *number_words.to_twelve("en"))
_ANY_UNIT = "|".join(_UNITS.values())
_NUMBER = r"\#?(?:\d{1,3}(?:[,'\u00a0\u202f]\d{3})+(?!\d)|\d+(?:[.:/-]\d+)*)"
MEASURED = (
    rf"(?<![\w.]){_NUMBER}(?:(?<!:\d\d)(?:\s|-)?(?!(?-i:Ms\s[A-Z\u00c0-\u00de]))(?:{_ANY_UNIT})(?!\w)|\w*)"
    rf"|\b(?:{'|'.join(_WORDS[1:])})(?:\s|-)(?:{_ANY_UNIT})(?!\w)"
)
"""A number, with its unit if it has one. Part of a pattern in verbose mode that ignores case."""
UNIT_OR_NUMBER = re.compile(rf"{_ANY_UNIT}|{'|'.join(_WORDS)}")
"""A word that may be part of a quantity."""
_SPLIT = re.compile(
    rf"(?P<number>\d+(?:\.\d+)?(?:[/-]\d+(?:\.\d+)?)*|{'|'.join(_WORDS[1:])})(?:\s|-)?(?P<unit>{_ANY_UNIT})"
)
_PARTS = re.compile(r"\d+(?:\.\d+)?|[a-z]+")


def measures(name: str) -> tuple[tuple[str, ...], str] | None:
    """The numbers and the unit of a measured quantity. None if the name, in normal form, is no measured quantity."""
    match = _SPLIT.fullmatch(name)
    if match is None:
        return None
    unit = _unit_of(match["unit"])
    return tuple(_digits(part) for part in _PARTS.findall(match["number"])), unit


_FACTORS: Mapping[str, tuple[str, float]] = {
    "millisecond": ("time", 0.001),
    "second": ("time", 1),
    "minute": ("time", 60),
    "hour": ("time", 3_600),
    "day": ("time", 86_400),
    "week": ("time", 604_800),
    "kilobit": ("rate", 1),
    "megabit": ("rate", 1_000),
    "gigabit": ("rate", 1_000_000),
    "byte": ("size", 1),
    "kilobyte": ("size", 1_000),
    "megabyte": ("size", 1_000_000),
    "gigabyte": ("size", 1_000_000_000),
    "terabyte": ("size", 1_000_000_000_000),
    "megahertz": ("frequency", 1),
    "gigahertz": ("frequency", 1_000),
}
"""What is measured in a unit, and how many of the smallest unit of its kind it is."""
_ROUNDED: Mapping[str, float] = {"time": 0.06, "rate": 0.05, "size": 0.11, "frequency": 0.05}
"""How far a rounded quantity may be from the recorded one. Sizes are counted by 1,000 and by 1,024."""
_RECORDED_UNIT = "|".join((_ANY_UNIT, *_ALSO.values()))
_RECORDED = re.compile(rf"(?<![\w.])(?P<number>\d+(?:\.\d+)?)(?:\s|-)?(?P<unit>{_RECORDED_UNIT})(?![a-z])")
_SEVERAL = re.compile(
    r"(?<![\w.])(?:(\d+)\s?d(?:ays?)?,?\s?)?(?:(\d+)\s?h(?:rs?|ours?)?,?\s?)?(\d+)\s?m(?:ins?|inutes?)?,?\s?"
    r"(\d+)\s?s(?:ecs?|econds?)?(?!\w)"
)
"""A duration in several units: "0d 0h 3m 41s"."""
_CLOCK = re.compile(r"(?<![\d:])(\d{1,3}):(\d\d):(\d\d)(?![\d:])")
_TIME_OF_DAY = re.compile(r"(?<![\d:.])([01]?\d|2[0-3])[:h]([0-5]\d)(?::([0-5]\d))?(?![\d:])")
_MOST_TIMES = 20
"""Of one text. Between more of them nearly every duration would be one."""
_MINUTE = 60
_LISTED = r"(?:\s?(?:-|/|to|and|or|,)\s?\d+(?:\.\d+)?){0,4}"
"""What may stand between a number and its unit: the others of a range or a list."""
_TELLING_DIGITS = 3
_OFTEN_LEFT_OUT = {"minute", "hour", "day", "week", "month", "year"}
"""Units of time, which people do not always say: "he's 81", "24 to 48"."""
_HEADED = re.compile(r"(?<![\w%])%[a-z]|[a-z]%(?!\w)")
"""A column or a counter of percentages: "%util", "use%"."""
_SETTING = re.compile(
    r"(?:=|\b(?:lifetime|timeout|ttl|interval|lease|duration|delay|age|after|every)\b\s?[:=]?)\s?(\d{2,9})(?![\w.]*\d|\s?[a-z%])"
)


_QUARTERS: Mapping[int, str] = {
    1: r"quarter of an hour|quarter-hour|viertelstunde|quart d['\u2019]heure|cuarto de hora|quarto d['\u2019]ora"
    r"|kwartier|quarto de hora",
    2: r"half an hour|half-hour|halbe[nr]? stunde|demi-heure|media hora|mezz['\u2019]\s?ora|half ?uur|meia hora"
    r"|halv(?:en)? time|halvtimme|p\u00f3\u0142 godziny",
    3: r"three[ -]quarters of an hour|dreiviertelstunde|trois quarts d['\u2019]heure|tres cuartos de hora"
    r"|tre quarti d['\u2019]ora|drie kwartier|tr\u00eas quartos de hora",
    5: r"an hour and a quarter|(?:eine )?stunde und (?:eine? )?viertel\w*|heure (?:et )?(?:un )?quart|hora y cuarto"
    r"|ora e un quarto|uur en (?:een )?kwartier|hora e (?:um )?quarto",
    1_344: "a fortnight",
    6: r"an hour and a half|anderthalb stunden|eineinhalb stunden|une heure et demie|hora y media|anderhalf uur"
    r"|ora e mezz[ao]|hora e meia|halvanden time|p\u00f3\u0142torej godziny",
}
"""How durations are said without a number, by their quarters of an hour."""
_AND_A_HALF: Mapping[str, str] = {
    "en": "{n} and a half hours",
    "de": "{n}einhalb stunden",
    "fr": "{n} heures et demie",
    "es": "{n} horas y media",
    "it": "{n} ore e mezz[ao]",
    "nl": "{n}(?:e|\u00eb)nhalf uur",
    "pt": "{n} horas e meia",
}
"""How so many hours and a half are said, by the language."""
_QUARTER = 900.0


@lru_cache(maxsize=1)
def _said() -> re.Pattern[str]:
    """Durations in words. The group of each is named after its quarters of an hour."""
    said = dict(_QUARTERS)
    for hours in range(2, 12):
        words = ((way, number_words.to_twelve(tag)[hours - 1]) for tag, way in _AND_A_HALF.items())
        said[4 * hours + 2] = "|".join(way.format(n=rf"(?:{word}|{hours} ?)") for way, word in words)
    return re.compile(r"\b(?:" + "|".join(f"(?P<q{quarters}>{ways})" for quarters, ways in said.items()) + ")")


def _in_words(text: str) -> Iterator[float]:
    """The seconds of the durations that a text says in words."""
    for match in _said().finditer(text):
        yield int(str(match.lastgroup).removeprefix("q")) * _QUARTER


class Quantity(NamedTuple):
    """A measured quantity, in the smallest unit of its kind."""

    kind: str
    value: float
    unit: str
    """As it is written; empty for what names no unit."""


def recorded(text: str) -> frozenset[Quantity]:
    """Every quantity of a text in normal form, and how long it is from one of its times to another.

    The number of a setting may be one of seconds, minutes or milliseconds.
    """
    quantities: set[Quantity] = set()
    for match in _RECORDED.finditer(text):
        unit = _unit_of(match["unit"])
        if unit in _FACTORS:
            kind, factor = _FACTORS[unit]
            quantities.add(Quantity(kind, float(match["number"]) * factor, unit))
    quantities.update(Quantity("time", _seconds(clock), "") for clock in _CLOCK.finditer(text))
    quantities.update(Quantity("time", _parts_of(several), "") for several in _SEVERAL.finditer(text))
    quantities.update(Quantity("time", seconds, "") for seconds in _in_words(text))
    for number in _SETTING.findall(text):
        quantities.update(Quantity("time", float(number) * factor, "") for factor in (0.001, 1, 60))
    times = sorted(times_of_day(text))[:_MOST_TIMES]
    quantities.update(Quantity("time", later - earlier, "") for earlier, later in combinations(times, 2))
    return frozenset(quantities)


def times_of_day(text: str) -> frozenset[int]:
    """The times of day that a text names, in seconds."""
    return frozenset(_seconds(match) for match in _TIME_OF_DAY.finditer(text))


def is_between(name: str, from_times: frozenset[int], to_times: frozenset[int]) -> bool:
    """Whether a duration, in normal form, is that from one time to another, but for rounding."""
    measured = measures(name)
    if measured is None or _FACTORS.get(measured[1], ("", 0))[0] != "time":
        return False
    numbers, unit = measured
    wanted = float(numbers[0]) * _FACTORS[unit][1]
    rounding = max(_MINUTE, _ROUNDED["time"] * wanted)
    apart = {abs(later - earlier) for earlier in from_times for later in to_times if later != earlier}
    return any(abs(seconds - wanted) <= rounding for seconds in apart)


def _parts_of(several: re.Match[str]) -> float:
    days, hours, minutes, seconds = (int(part or 0) for part in several.groups())
    return 86_400 * days + 3_600 * hours + 60 * minutes + seconds


def _seconds(time: re.Match[str]) -> int:
    return int(time[1]) * 3_600 + int(time[2]) * 60 + int(time[3] or 0)


def is_converted(number: str, unit: str, quantities: frozenset[Quantity]) -> bool:
    """Whether one of the `recorded` quantities is this one in another unit, but for rounding."""
    if unit not in _FACTORS:
        return False
    kind, factor = _FACTORS[unit]
    wanted = float(number) * factor
    return any(
        quantity.kind == kind
        and quantity.unit != unit
        and (
            abs(wanted - quantity.value) <= _ROUNDED[kind] * quantity.value
            or (kind == "time" and quantity.value >= factor > abs(wanted - quantity.value) and factor >= _MINUTE)
        )
        for quantity in quantities
    )


def _unit_of(spelling: str) -> str:
    return next(unit for unit in _UNITS if re.fullmatch(_written(unit), spelling))


def _written(unit: str) -> str:
    """How records write a unit."""
    return f"{_UNITS[unit]}|{_ALSO[unit]}" if unit in _ALSO else _UNITS[unit]


def is_measured(number: str, unit: str, text: str) -> bool:
    """Whether a text in normal form contains the number with this unit, alone or in a range or a list."""
    return _in_figures(number, unit, text) or _said_with(number, unit, text)


def _in_figures(number: str, unit: str, text: str) -> bool:
    if number not in text:
        return False
    written = _written(unit)
    after = rf"(?<![\d.])0*{re.escape(number)}(?:\.0+)?(?::[ae])?{_LISTED}(?:\s|-)?(?:{written})(?![a-z])"
    before = rf"(?<![a-z])(?:{written})\W{{1,3}}0*{re.escape(number)}(?![\d.]*\d)"
    if re.search(f"{after}|{before}", text) is not None:
        return True
    if unit in _OFTEN_LEFT_OUT and _stands_alone(number, text):
        return True
    if unit == "celsius" and is_without_unit(number, text):
        return True  # "it's going to be 39 today"
    if sum(char.isdigit() for char in number) >= _TELLING_DIGITS and is_without_unit(number, text):
        return True  # a counter's figure, whose unit its name says
    return unit == "percent" and any(_is_in_column(number, line) for line in text.split("\n"))


def _said_with(number: str, unit: str, text: str) -> bool:
    words = number_words.said(int(number)) if number.isdigit() else None
    return words is not None and (
        re.search(rf"(?<!\w)(?:{words}){_LISTED}(?:\s|-)?(?:{_written(unit)})(?![a-z])", text) is not None
    )


def is_of_time(unit: str) -> bool:
    """Whether people count in it without a figure, and leave it out: minutes to years."""
    return unit in _OFTEN_LEFT_OUT


def _stands_alone(number: str, text: str) -> bool:
    """Whether a text in normal form holds a number and no word after it: "he's 81, so", "up to 24 to 48."."""
    alone = rf"(?<![\w.,:/#-])0*{re.escape(number)}(?=\s(?:to|or|and|-)\s\d|[,;)\]\"']|[.!?](?!\d)|\s[^\w%\u00b0]|\s?$)"
    return re.search(alone, text) is not None


def is_without_unit(number: str, text: str) -> bool:
    """Whether a text in normal form holds a number with no unit that is known here."""
    alone = rf"(?<![\w.,])0*{re.escape(number)}(?![\w.]*\d)(?!\s?(?:{_ANY_UNIT})(?![a-z]))"
    return re.search(alone, text) is not None


def _is_in_column(number: str, line: str) -> bool:
    """Whether a text has a column of percentages, and the number alone."""
    alone = rf"(?<![\w.,:-])0*{re.escape(number)}(?:\.0+)?(?![\w.:-])"
    return _HEADED.search(line) is not None and re.search(alone, line) is not None


def _digits(part: str) -> str:
    if part in _WORDS:
        return str(_WORDS.index(part))
    whole, dot, fraction = part.partition(".")
    return (whole.lstrip("0") or "0") + dot + fraction
