"""Times of day: how a text says one that records hold in another form."""

import re
from typing import Protocol

NOON = 12
_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_TIMES_OF_DAY = re.compile(rf"{_TIME_OF_DAY.pattern}(?:[-/]{_TIME_OF_DAY.pattern})?")
_CLOCK = re.compile(r"\d{1,2}:\d\d:\d\d")


class Texts(Protocol):
    """The texts in which a time is looked for."""

    @property
    def text(self) -> str: ...

    def holds(self, name: str) -> bool:
        """Whether it stands there as it is."""


def holds_times(name: str, texts: Texts) -> bool:
    """Whether it is times of day that the texts hold, or a log's time without its fraction of a second."""
    if _CLOCK.fullmatch(name) is not None:
        return re.search(rf"(?<![\d:]){name}[.,]\d", texts.text) is not None
    times = _TIMES_OF_DAY.fullmatch(name)
    return times is not None and all(
        _holds_time(int(hour), minute, texts) for hour, minute in _TIME_OF_DAY.findall(times[0])
    )


def _holds_time(hour: int, minute: str, texts: Texts) -> bool:
    """Whether the records hold a time as it is written elsewhere: 14 Uhr, 14h30, 2 pm, 2.30pm."""
    minutes, after_h = (rf"[:.]?{minute}", minute) if minute != "00" else (r"(?:[:.]?00)?", "(?:00)?")
    half = "a" if hour < NOON else "p"
    forms = (
        rf"0?{hour}{minutes}\s?(?:uhr|h\b)",
        rf"0?{hour}h{after_h}(?!\d)",
        rf"0?{hour % NOON or NOON}{minutes}\s?{half}\.?m",
    )
    return texts.holds(f"{hour}:{minute}") or any(re.search(rf"(?<!\d){form}", texts.text) for form in forms)
