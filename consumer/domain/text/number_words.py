"""How numbers are said: "forty-two", "zweiundvierzig", "quatre-vingt-dix-huit", "ventiquattro"."""

from functools import lru_cache
from typing import NamedTuple

GREATEST = 999


class _Way(NamedTuple):
    """A language. All parts are patterns, parted by blanks."""

    small: str
    """From 1 to 19."""
    tens: str
    """20, 30, … 90."""
    joined: str
    """How ``{ones}`` and ``{tens}`` are put together."""
    hundred: str
    """What a hundred is called; how many stands before it, from two on."""


_WAYS = (
    _Way(  # English
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
        " eighteen nineteen",
        "twenty thirty forty fifty sixty seventy eighty ninety", "{tens}[ -]?{ones}", "hundred(?:[ ]and)?",
    ),
    _Way(  # German
        "ein(?:e[mnrs]?|s)? zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn"
        " sechzehn siebzehn achtzehn neunzehn",
        "zwanzig drei(?:ß|ss)ig vierzig fünfzig sechzig siebzig achtzig neunzig", "{ones}und{tens}", "hundert",
    ),
    _Way(  # French, also as in Belgium and Switzerland
        "une? deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix[-]sept"
        " dix[-]huit dix[-]neuf",
        "vingt trente quarante cinquante soixante (?:septante|soixante[-]dix) (?:huitante|octante|quatre[-]vingts?)"
        " (?:nonante|quatre[-]vingt[-]dix)", "{tens}[ -](?:et[ -])?{ones}", "cents?",
    ),
    _Way(  # Spanish
        "un[oa]? dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince diecis[ée]is"
        " diecisiete dieciocho diecinueve",
        "veint[ei] treinta cuarenta cincuenta sesenta setenta ochenta noventa", "{tens}(?:[ ]y[ ])?{ones}", "cientos",
    ),
    _Way(  # Italian
        "un[oa]? due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici"
        " diciassette diciotto diciannove",
        "venti? trenta? quaranta? cinquanta? sessanta? settanta? ottanta? novanta?", "{tens}{ones}", "cento",
    ),
    _Way(  # Dutch
        "(?:een|één) twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien"
        " zeventien achttien negentien",
        "twintig dertig veertig vijftig zestig zeventig tachtig negentig", "{ones}(?:en|ën){tens}", "honderd",
    ),
)  # fmt: skip
_FRENCH = _WAYS[2]
_ZERO = "(?:zero|oh|null|zéro|cero|nul)"


@lru_cache(maxsize=1_000)
def said(number: int) -> str | None:
    """A pattern for a number in words, in lower case; None for 0 and for numbers over `GREATEST`.

    One of three digits may be said digit by digit, as in a telephone number.
    """
    if not 0 < number <= GREATEST:
        return None
    forms = [_whole(way, number) for way in _WAYS]
    if number >= 100:
        forms += [_digit_by_digit(way, number) for way in _WAYS]
    return "|".join(forms)


def _digit_by_digit(way: _Way, number: int) -> str:
    words = [_ZERO, *way.small.split()]
    return "[ ,-]{1,2}".join(f"(?:{words[int(digit)]})" for digit in str(number))


def _whole(way: _Way, number: int) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _under_hundred(way, rest)
    many = f"(?:(?:{_under_hundred(way, hundreds)})[ ]?)" + ("?" if hundreds == 1 else "")
    return f"{many}{way.hundred}" + (f"[ ]?(?:{_under_hundred(way, rest)})" if rest else "")


def _under_hundred(way: _Way, number: int) -> str:
    small, tens = ["", *way.small.split()], ["", "", *way.tens.split()]
    if number < len(small):
        return small[number]
    ten, ones = divmod(number, 10)
    if not ones:
        return tens[ten]
    joined = way.joined.format(tens=tens[ten], ones=small[ones])
    if way is _FRENCH and ten in {7, 9}:  # soixante et onze, quatre-vingt-dix-huit
        joined += "|" + way.joined.format(tens=tens[ten - 1], ones=small[10 + ones])
    return joined
