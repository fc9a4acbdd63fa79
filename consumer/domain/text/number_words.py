"""How numbers are said: "forty-two", "zweiundvierzig", "quatre-vingt-dix-huit", "ventiquattro"."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

GREATEST = 99_999


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
    thousand: str
    """As `hundred`."""
    hundreds: str = ""
    """100, 200, … 900, where they have names of their own."""


_WAYS: Mapping[str, _Way] = {
    "en": _Way(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
        " eighteen nineteen",
        "twenty thirty forty fifty sixty seventy eighty ninety", "{tens}[ -]?{ones}", "hundred(?:[ ]and)?",
        "thousand(?:[ ]and)?",
    ),
    "de": _Way(
        "ein(?:e[mnrs]?|s)? zw(?:ei|o) drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn"
        " sechzehn siebzehn achtzehn neunzehn",
        "zwanzig drei(?:ß|ss)ig vierzig fünfzig sechzig siebzig achtzig neunzig", "{ones}und{tens}", "hundert",
        "tausend",
    ),
    "fr": _Way(  # also as in Belgium and Switzerland
        "une? deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix[-]sept"
        " dix[-]huit dix[-]neuf",
        "vingt trente quarante cinquante soixante (?:septante|soixante[-]dix) (?:huitante|octante|quatre[-]vingts?)"
        " (?:nonante|quatre[-]vingt[-]dix)", "{tens}[ -](?:et[ -])?{ones}", "cents?", "mille",
    ),
    "es": _Way(
        "un[oa]? dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince diecis[ée]is"
        " diecisiete dieciocho diecinueve",
        "veint[ei] treinta cuarenta cincuenta sesenta setenta ochenta noventa", "{tens}(?:[ ]y[ ])?{ones}",
        "cientos", "mil",
        "cien(?:to)? doscient[oa]s trescient[oa]s cuatrocient[oa]s quinient[oa]s seiscient[oa]s setecient[oa]s"
        " ochocient[oa]s novecient[oa]s",
    ),
    "it": _Way(
        "un[oa]? due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici"
        " diciassette diciotto diciannove",
        "venti? trenta? quaranta? cinquanta? sessanta? settanta? ottanta? novanta?", "{tens}{ones}", "cento",
        "mil(?:le|a)",
    ),
    "nl": _Way(
        "(?:een|één) twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien"
        " zeventien achttien negentien",
        "twintig dertig veertig vijftig zestig zeventig tachtig negentig", "{ones}(?:en|ën){tens}", "honderd",
        "duizend",
    ),
    "pt": _Way(
        "uma? d(?:ois|uas) três quatro cinco seis sete oito nove dez onze doze treze (?:qu|c)atorze quinze dez[ea]sseis"
        " dez[ea]ss?ete dezoito dez[ea]nove",
        "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa", "{tens}[ ]e[ ]{ones}",
        "(?:cem|centos?)", "mil(?:[ ]e)?",
        "(?:cem|cento) duzent[oa]s trezent[oa]s quatrocent[oa]s quinhent[oa]s seiscent[oa]s setecent[oa]s"
        " oitocent[oa]s novecent[oa]s",
    ),
    "sv": _Way(
        "ett?|en två tre fyra fem sex sju åtta nio tio elva tolv tretton fjorton femton sexton sjutton arton nitton",
        "tjugo trettio fyrtio femtio sextio sjuttio åttio nittio", "{tens}{ones}", "hundra", "(?:ett)?tusen",
    ),
    "da": _Way(  # and Norwegian
        "en|et to tre fire fem seks syv|sju otte|åtte ni ti elleve tolv tretten fjorten femten seksten sytten|søtten"
        " atten nitten",
        "tyve|tjue tredive|tretti fyrre|førti halvtreds|femti tres|seksti halvfjerds|sytti firs|åtti halvfems|nitti",
        "{ones}og{tens}|{tens}{ones}", "hundrede?", "tus(?:ind|en)",
    ),
    "pl": _Way(
        "jed(?:en|n[aoąe]) dw(?:a|ie|óch) trzy cztery pięć sześć siedem osiem dziewięć dziesięć jedenaście dwanaście"
        " trzynaście czternaście piętnaście szesnaście siedemnaście osiemnaście dziewiętnaście",
        "dwadzieścia trzydzieści czterdzieści pięćdziesiąt sześćdziesiąt siedemdziesiąt osiemdziesiąt dziewięćdziesiąt",
        "{tens}[ ]{ones}", "sto", "tysi(?:ąc|ące|ęcy)",
        "sto dwieście trzysta czterysta pięćset sześćset siedemset osiemset dziewięćset",
    ),
}  # fmt: skip
"""By the language's tag."""
_FRENCH = _WAYS["fr"]
_ZERO = "(?:zero|oh|null|zéro|cero|nul|noll)"
_HUNDRED, _THOUSAND = 100, 1_000
_REPEATED = (
    (re.compile(r"\bdouble[ -](\w+)"), r"\1 \1"),
    (re.compile(r"\btriple[ -](\w+)"), r"\1 \1 \1"),
    (re.compile(r"\b(\w+) hundred\b"), r"\1 oh oh"),
)
"""How figures that come more than once are said: "double oh", "nine hundred"."""
_FEWEST_TOGETHER = 4
"""Numbers in words one after the other that are read as one number's figures."""


@lru_cache(maxsize=1_000)
def said(number: int) -> str | None:
    """A pattern for a number in words, in lower case; None for 0 and for numbers over `GREATEST`.

    One of three digits may be said digit by digit, as in a telephone number.
    """
    if not 0 < number <= GREATEST:
        return None
    forms = [_whole(way, number) for way in _WAYS.values()]
    if _HUNDRED <= number < _THOUSAND:
        forms += [_digit_by_digit(way, number) for way in _WAYS.values()]
    return "|".join(forms)


def to_twelve(language: str) -> list[str]:
    """The patterns of 1 to 12 in one of the languages, by its tag. In English they are the words themselves."""
    return _WAYS[language].small.split()[:12]


def figures_of(text: str) -> list[str]:
    """The figures of each number that a text in lower case spells out part by part, as a telephone number."""
    any_number, run = _parts()
    for often, repeated in _REPEATED:
        text = often.sub(repeated, text)
    return [
        "".join(str(part.lastgroup).removeprefix("n") for part in any_number.finditer(several[0]))
        for several in run.finditer(text)
    ]


def values_in(text: str) -> Iterator[int]:
    """The numbers from two to 99 that a text in lower case says in words."""
    any_number, _ = _parts()
    for match in any_number.finditer(text):
        before, after = text[max(match.start() - 1, 0) : match.start()], text[match.end() : match.end() + 1]
        value = int(str(match.lastgroup).removeprefix("n"))
        if value > 1 and not (before.isalnum() or after.isalnum()):
            yield value


@lru_cache(maxsize=1)
def _parts() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """One number in words, its group named after it, and several one after the other. The longest come first."""
    forms = [
        f"(?P<n{number}>{'|'.join(_under_hundred(way, number) for way in _WAYS.values())})"
        for number in range(99, 0, -1)
    ]
    any_number = "|".join((*forms, f"(?P<n0>{_ZERO})"))
    plain = re.sub(r"\?P<n\d+>", "?:", any_number)
    return re.compile(any_number), re.compile(
        rf"(?<![\w-])(?:{plain})(?:[ ,.-]{{1,3}}(?:{plain})){{{_FEWEST_TOGETHER - 1},}}(?![\w-])"
    )


def _digit_by_digit(way: _Way, number: int) -> str:
    words = [_ZERO, *way.small.split()]
    return "[ ,-]{1,2}".join(f"(?:{words[int(digit)]})" for digit in str(number))


def _whole(way: _Way, number: int) -> str:
    if number < _HUNDRED:
        return _under_hundred(way, number)
    by_thousands = _multiple(way, number, _THOUSAND, way.thousand)
    by_hundreds = _multiple(way, number, _HUNDRED, way.hundred)  # "sixty-five hundred"
    return f"{by_thousands}|{by_hundreds}" if _THOUSAND <= number < 10 * _THOUSAND else by_thousands or by_hundreds


def _multiple(way: _Way, number: int, unit: int, called: str) -> str:
    """How many hundreds or thousands, and the rest; empty where there is not one of them."""
    many, rest = divmod(number, unit)
    if not many:
        return ""
    if way.hundreds and unit == _HUNDRED and many < 10:
        named = way.hundreds.split()[many - 1]
        return f"(?:{named})" + (f"(?:[ ](?:e[ ]|y[ ])?)?(?:{_whole(way, rest)})" if rest else "")
    how_many = f"(?:(?:{_whole(way, many)})[ ]?)" + ("?" if many == 1 else "")
    return f"{how_many}{called}" + (f"[ ]?(?:{_whole(way, rest)})" if rest else "")


def _under_hundred(way: _Way, number: int) -> str:
    small = ["", *(f"(?:{word})" for word in way.small.split())]
    tens = ["", "", *(f"(?:{word})" for word in way.tens.split())]
    if number < len(small):
        return small[number]
    ten, ones = divmod(number, 10)
    if not ones:
        return tens[ten]
    joined = way.joined.format(tens=tens[ten], ones=small[ones])
    if way is _FRENCH and ten in {7, 9}:  # soixante et onze, quatre-vingt-dix-huit
        joined += "|" + way.joined.format(tens=tens[ten - 1], ones=small[10 + ones])
    return joined
