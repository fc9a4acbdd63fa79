"""Numbers and their units: how they are written, and whether a text contains the same quantity.

Equal are: two spellings of one unit ("38 ms", "38 milliseconds"); a blank, a hyphen or nothing between number and unit;
a number up to twelve and its word ("two hours"); a quantity and the setting that has it ("keep_days=30" for "30 days").
"""

import re
from collections.abc import Mapping

_UNITS: Mapping[str, str] = {
    "percent": r"%|percent|per\scent|pct",
    "millisecond": r"ms|msec|milliseconds?",
    "second": r"s|secs?|seconds?",
    "minute": r"mins?|minutes?",
    "hour": r"h|hrs?|hours?",
    "day": r"days?",
    "week": r"weeks?",
    "month": r"months?",
    "year": r"years?|yrs?",
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
    "page": r"pages?",
}
"""How each unit is written, in lower case."""
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_ANY_UNIT = "|".join(_UNITS.values())
_NUMBER = r"\#?(?:\d{1,3}(?:[,'\u00a0\u202f]\d{3})+(?!\d)|\d+(?:[.:/-]\d+)*)"
MEASURED = (
    rf"(?<![\w.]){_NUMBER}(?:(?:\s|-)?(?:{_ANY_UNIT})(?!\w)|\w*)"
    rf"|\b(?:{'|'.join(_WORDS[1:])})(?:\s|-)(?:{_ANY_UNIT})(?!\w)"
)
"""A number, with its unit if it has one. Part of a pattern in verbose mode that ignores case."""
_SPLIT = re.compile(
    rf"(?P<number>\d+(?:\.\d+)?(?:[/-]\d+(?:\.\d+)?)*|{'|'.join(_WORDS[1:])})(?:\s|-)?(?P<unit>{_ANY_UNIT})"
)
_PARTS = re.compile(r"\d+(?:\.\d+)?|[a-z]+")


def measures(name: str) -> tuple[tuple[str, ...], str] | None:
    """The numbers and the unit of a measured quantity. None if the name, in normal form, is no measured quantity."""
    match = _SPLIT.fullmatch(name)
    if match is None:
        return None
    unit = next(unit for unit, written in _UNITS.items() if re.fullmatch(written, match["unit"]))
    return tuple(_digits(part) for part in _PARTS.findall(match["number"])), unit


def is_measured(number: str, unit: str, text: str) -> bool:
    """Whether a text in normal form contains the number with this unit, alone or in a range or a list."""
    written = _UNITS[unit]
    spelled = rf"|(?<!\w){_WORDS[int(number)]}" if number.isdigit() and 0 < int(number) < len(_WORDS) else ""
    quantity = (
        rf"(?:(?<![\d.])0*{re.escape(number)}(?:\.0+)?{spelled})(?:\s?(?:-|/|to|and|or|,)\s?\d+(?:\.\d+)?){{0,4}}"
    )
    after = rf"{quantity}(?:\s|-)?(?:{written})(?![a-z])"
    before = rf"(?<![a-z])(?:{written})\W{{1,3}}0*{re.escape(number)}(?![\d.]*\d)"
    return re.search(f"{after}|{before}", text) is not None


def _digits(part: str) -> str:
    if part in _WORDS:
        return str(_WORDS.index(part))
    whole, dot, fraction = part.partition(".")
    return (whole.lstrip("0") or "0") + dot + fraction
