"""How people say a time of day: "half seven", "Viertel vor acht", "las siete y media"."""

from functools import lru_cache
from typing import NamedTuple

from consumer.domain.text import number_words

HOURS = 12


class _Way(NamedTuple):
    language: str
    own: str
    """The first hours, where they are called otherwise than the numbers."""
    said: dict[int, str]
    """By the minutes: a pattern with ``{now}`` for the hour that has begun and ``{next}`` for the one that comes."""
    whole: dict[int, str]
    """What 0 and 12 o'clock are called besides."""


_WAYS = (
    _Way(
        "en", "",
        {
            0: r"{now} o['\u2019]?clock|(?:at|by|until|till|from|before|after|around|about) {now}",
            5: "(?:five|5) past {now}", 10: "(?:ten|10) past {now}",
            15: "quarter (?:past|after) {now}|{now}[ -]fifteen", 20: "(?:twenty|20) past {now}",
            25: "(?:twenty[ -]?five|25) past {now}", 30: "half(?: past|-past|-)? ?{now}|{now}[ -]thirty",
            35: "(?:twenty[ -]?five|25) to {next}", 40: "(?:twenty|20) to {next}",
            45: "quarter (?:to|of) {next}|{now}[ -]forty[ -]?five", 50: "(?:ten|10) to {next}",
            55: "(?:five|5) to {next}",
        },
        {0: "midnight", 12: "noon|midday"},
    ),
    _Way(
        "de", "ein(?:s)? zwei",
        {
            0: "{now} uhr|(?:um|bis|gegen|ab|vor|nach) {now}", 5: "fünf nach {now}", 10: "zehn nach {now}",
            15: "viertel nach {now}", 20: "zwanzig nach {now}", 30: "halb {next}|{now} uhr dreißig",
            40: "zwanzig vor {next}",
            45: "(?:viertel vor|dreiviertel) {next}", 50: "zehn vor {next}", 55: "fünf vor {next}",
        },
        {0: "mitternacht", 12: "mittag|mittags"},
    ),
    _Way(
        "fr", "une",
        {
            0: "{now} (?:heures?|h)", 10: "{now} (?:heures?|h) dix", 15: "{now} (?:heures?|h) et quart",
            20: "{now} (?:heures?|h) vingt", 30: "{now} (?:heures?|h) (?:et demie?|trente)",
            45: "{next} (?:heures?|h) moins le quart",
            50: "{next} (?:heures?|h) moins dix",
        },
        {0: "minuit", 12: "midi"},
    ),
    _Way(
        "es", "una",
        {
            0: "las? {now}", 15: "{now} y cuarto", 30: "{now} y media", 45: "{next} menos cuarto",
            50: "{next} menos diez",
        },
        {0: "medianoche", 12: "mediodía"},
    ),
    _Way(
        "it", "una",
        {
            0: r"(?:alle|dalle|le|all['\u2019]) ?{now}", 15: "{now} e un quarto", 30: "{now} e mezz[ao]",
            45: "{next} meno un quarto|{now} e tre quarti",
        },
        {0: "mezzanotte", 12: "mezzogiorno"},
    ),
    _Way(
        "nl", "",
        {
            0: "{now} uur|(?:om|tot|rond|vanaf) {now}", 5: "vijf over {now}", 10: "tien over {now}",
            15: "kwart over {now}", 20: "tien voor half {next}", 25: "vijf voor half {next}", 30: "half {next}",
            35: "vijf over half {next}", 40: "tien over half {next}", 45: "kwart voor {next}", 50: "tien voor {next}",
            55: "vijf voor {next}",
        },
        {0: "middernacht", 12: "twaalf uur 's middags"},
    ),
    _Way(
        "pt", "uma duas",
        {0: "[àa]s? {now}", 15: "{now} e (?:um )?quarto", 30: "{now} e meia", 45: "um quarto para as {next}"},
        {0: "meia-noite", 12: "meio-dia"},
    ),
)  # fmt: skip


@lru_cache(maxsize=512)
def spoken(hour: int, minute: int) -> str | None:
    """A pattern for what is said of a time, in lower case; None for one that nobody says so.

    The half of the day is not said: what is said of 7:30 is said of 19:30.
    """
    forms = []
    for way in _WAYS:
        if minute in way.said:
            forms.append(way.said[minute].format(now=_named(way, hour), next=_named(way, hour + 1)))
        if minute == 0 and hour in way.whole:
            forms.append(way.whole[hour])
    return rf"\b(?:{'|'.join(forms)})\b".replace(" ", r"\s") if forms else None


def _named(way: _Way, hour: int) -> str:
    number = (hour - 1) % HOURS
    own = way.own.split()
    hours = [*own, *number_words.to_twelve(way.language)[len(own) :]]
    return rf"(?:{hours[number]}|0?{number + 1}(?![.:]?\d|h\d|\s?[ap]\.?m))"
