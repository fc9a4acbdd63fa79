"""Times of day and days: how a text says one that records hold in another form."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

from consumer.domain.review.equal.spoken_times import spoken

_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)")
_TIMES_OF_DAY = re.compile(rf"{_TIME_OF_DAY.pattern}(?:[-/]{_TIME_OF_DAY.pattern})?")
_IN_FIGURES = re.compile(
    r"""(?<![\d.,:])(?:(?P<hour>\d{1,2})(?:\s?[:.hu]\s?(?P<minute>[0-5]\d)(?::\d\d)?)?\s?
      (?:(?P<half>[ap])\.?m\b|(?P<unit>uhr|h(?:rs|ours|eures?)?|u(?:ur)?|o['\u2019]clock)\b)?
    |(?P<hours>0\d|[12]\d(?=\d\d\s?h))(?P<minutes>[0-5]\d)(?:\s?h(?:rs|ours)?\b)?)(?!\d)""",
    re.VERBOSE,
)
_CLOCK = re.compile(r"\d{1,2}:\d\d:\d\d")
_DAY_AND_MONTH = re.compile(r"(\d{1,2})\.(\d{1,2})")
_DATES = (
    re.compile(r"(?P<day>\d{1,2})[./-](?P<month>\d{1,2})[./-](?P<year>20\d\d)"),
    re.compile(r"(?P<month>\d{1,2})[/-](?P<day>\d{1,2})[/-](?P<year>20\d\d)"),
    re.compile(r"(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)"),
)
"""Whole dates in figures. Which of the first two it is only the records can tell."""
DAY = 24 * 60
"""Minutes."""
_NOON = DAY // 2
_BEFORE, _AFTER = timedelta(days=13), timedelta(days=7)
"""How far a day may be from the records: "last Wednesday", "next Tuesday"."""
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_RECORDED_MONTHS = (
    "jan|gen|ene", "feb|f\u00e9v|fev", "mar|m\u00e4r|maa", "apr|avr|abr", "ma[yigj]|mei", "jun|juin|giu",
    "jul|juil|lug", "aug|ao\u00fbt|ago", "sep|set", "oct|okt|ott|out", "nov", "dec|dez|d\u00e9c|dic",
)  # fmt: skip
"""How months begin in records, in English, German, French, Italian, Spanish, Dutch and Portuguese."""


class Texts(Protocol):
    """The texts in which a time is looked for."""

    @property
    def text(self) -> str: ...

    @property
    def times(self) -> Sequence[datetime]:
        """When the records were made."""

    def holds(self, name: str) -> bool:
        """Whether it stands there as it is."""

    @property
    def clock(self) -> frozenset[int]:
        """The times of day in figures, as `clock_of` has them."""

    @property
    def translated(self) -> bool:
        """Whether some are in another language than what is said of them."""


def clock_of(text: str) -> frozenset[int]:
    """The times of day that a text in normal form has in figures, in minutes.

    They are written in many ways: 14:30, 14h30, 9u21, 9.30, 2.30pm, 2 pm, 14 Uhr, 0600, 1430 hrs. One without its half
    of the day may be of both, but for one with a leading zero.
    """
    minutes: set[int] = set()
    for match in _IN_FIGURES.finditer(text):
        written, half = match["hour"] or match["hours"], match["half"]
        if not (match["minute"] or half or match["unit"] or match["hours"]):
            continue  # a number
        at = 60 * int(written) + int(match["minute"] or match["minutes"] or 0)
        if half:
            minutes.add(at % _NOON + _NOON * (half == "p"))
        elif written.startswith("0") or at > _NOON + 59:
            minutes.add(at)
        else:
            minutes.update((at, (at + _NOON) % DAY))
    return frozenset(minutes)


def holds_times(name: str, texts: Texts) -> bool:
    """Whether it is times of day that the texts hold, or a log's time without its fraction of a second."""
    if _CLOCK.fullmatch(name) is not None:
        return re.search(rf"(?<![\d:]){name}[.,]\d", texts.text) is not None
    times = _TIMES_OF_DAY.fullmatch(name)
    return times is not None and all(
        60 * hour + minute in texts.clock or _holds_shifted(hour, minute, texts) or _is_said(hour, minute, texts)
        for hour, minute in ((int(hour), int(minute)) for hour, minute in _TIME_OF_DAY.findall(times[0]))
    )


def holds_date(name: str, texts: Texts) -> bool:
    """Whether the records hold a day beside its month, or both as numbers, or are of its week."""
    day = int("".join(re.findall(r"\d+", name)))
    month = next(number for number, begins in enumerate(_MONTHS, 1) if re.search(rf"\b{begins}", name))
    return (
        any(_is_near(year, month, day, texts) for year in {at.year for at in texts.times})
        or _tells(month, day, texts)
        or (texts.translated and texts.holds(str(day)))  # a month may have any name there
    )


def holds_figures(name: str, texts: Texts) -> bool:
    """As `holds_date`, of a whole date in figures."""
    for whole in (written.fullmatch(name) for written in _DATES):
        if whole is not None and 1 <= int(whole["month"]) <= len(_MONTHS):
            year, month, day = int(whole["year"]), int(whole["month"]), int(whole["day"])
            if _is_near(year, month, day, texts) or _tells(month, day, texts):
                return True
    return False


def holds_day(name: str, texts: Texts) -> bool:
    """Whether a text is a day and a month with points, and the records hold it, with or without a year."""
    match = _DAY_AND_MONTH.fullmatch(name)
    if match is None:
        return False
    day, month = int(match[1]), int(match[2])
    return re.search(rf"(?<![\d.])0?{day}\.0?{month}\.(?:\d{{2,4}})?(?!\d)", texts.text) is not None


def is_weekdays_day(name: str, text: str, texts: Texts) -> bool:
    """Whether a number is the day of a weekday before it in a text, as in "Thursday 16", near the records' times."""
    if not name.isdigit() or not texts.times:
        return False
    weekdays = re.findall(rf"\b({'|'.join(_WEEKDAYS)}),?\s(?:the\s)?0?{int(name)}(?:st|nd|rd|th)?\b", text.casefold())
    first, last = min(texts.times) - _BEFORE, max(texts.times) + _AFTER
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    near = {_WEEKDAYS[each.weekday()] for each in days if each.day == int(name)}
    return bool(near & set(weekdays))


def _holds_shifted(hour: int, minute: int, texts: Texts) -> bool:
    """Whether the records hold a time in UTC that is this one where they were made, or the other way round."""
    offsets = {at.utcoffset() for at in texts.times} - {None, timedelta()}
    minutes = (offset // timedelta(minutes=1) for offset in offsets if offset is not None)
    return any((60 * hour + minute + sign * offset) % DAY in texts.clock for offset in minutes for sign in (1, -1))


def _is_said(hour: int, minute: int, texts: Texts) -> bool:
    said = spoken(hour, minute)
    return said is not None and re.search(said, texts.text) is not None


def _tells(number: int, day: int, texts: Texts) -> bool:
    """Whether the records name the day and its month."""
    month = f"(?:{_RECORDED_MONTHS[number - 1]})"
    alone, near = rf"(?<!\d)0?{day}\.?(?!\d)", r"[^.!?\n]{0,20}?"
    written = rf"{alone}{near}\b{month}|\b{month}[a-z]*{near}{alone}"
    ordinal = rf"\bthe\s{day}(?:st|nd|rd|th)\b(?!\s(?:of\s)?[a-z]{{3,9}}\s\d)"
    figures = rf"{ordinal}|-{number:02}-{day:02}(?!\d)|(?<!\d)0?(?:{day}[./-]0?{number}|{number}/0?{day})(?!\d)"
    return re.search(f"{written}|{figures}", texts.text) is not None


def _is_near(year: int, month: int, day: int, texts: Texts) -> bool:
    """Whether a day is near the records' own times."""
    try:
        said = date(year, month, day)
    except ValueError:
        return False
    return bool(texts.times) and min(texts.times).date() - _BEFORE <= said <= max(texts.times).date() + _AFTER
