"""Decides whether the records hold a text's names: hosts, addresses, users, paths, commands, codes, versions, numbers.

Harmless differences are allowed: case, quotation marks, thousands separators, spellings of a unit, punctuation after a
name. Ordinary words, small counts and ordinals are never looked up ("step 2", "three users").
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import FactRecord
from consumer.domain.review.equal import amounts, foreign_names, moments, reckoning, telephones
from consumer.domain.text import elisions, language, names, number_words, quantities, words
from consumer.domain.text.names import GENERIC, TRAILING, Name, normal
from consumer.domain.text.quantities import Quantity
from consumer.domain.writing import fence

_THOUSANDS = re.compile(r"(?<=\d)[,'](?=\d{3}(?!\d))")
_THOUSANDS_POINT = re.compile(r"(?<![\d.,-])\d{1,3}(?:[.\u00a0\u202f ]\d{3})+(?!\d)")
_NO_DIGIT = re.compile(r"\D")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d{1,2}(?!\d))|(?<=(?<![\d.,])0),(?=\d)")
_INTEGERS = re.compile(r"\d+")
_LISTED = re.compile(r"(,|\band\b|\bund\b)?\s?0*(?=\d)(\d+)")
_LONG_INTEGERS = re.compile(r"\d{4,}")
_TOKENS = re.compile(r"\w(?:[\w.:/%-]*[\w%])?")
_COUNTED = re.compile(r"[a-z]?\d+(?:[:/-]\d+)*-?[a-z%]{0,12}|\d{4}-\d\d-\d\dt[\d:.+-]+z?")
_GOES_ON_BEFORE = re.compile(r"[^\W_][^\W_]$|\d\.\d$")
_GOES_ON_AFTER = re.compile(r"^[^\W_][^\W_]|^\d\.\d")
SMALL = 10
"""A whole number up to this may be the writer's own count: two users, step 3."""
_STEM, _ENDING_LETTERS = 4, 5
"""Letters of a name that other languages inflect, and of what they put behind it."""
_NEAR = 40
"""The most characters between a noun and its number in the records: "error codes 5, 7 and 9"."""
_DOTTED = re.compile(r"\d+(?:\.\d+)+")
_CALENDAR = re.compile(r"(?<![\w.])(\d{1,2})\.(?:\s?[/-]\s?(\d{1,2})\.)?(\d{1,2})\.?(?:20\d\d)?(?![\d.]*\d)")
"""Days and months as in "23.11." and "22./23.11."."""
_BARE = re.compile(r"#?\d+(?:[.:/-]\d+)*(?:st|nd|rd|th|[ap]m|x)?")
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
_WORD = re.compile(r"\s(?!(?:true|false|yes|no|on|off|enabled|disabled|none|null|auto)$)[a-z]+")
"""What may stand after a sign of equality that means "is" in a sentence."""
_HEAD = re.compile(r"[a-z]+")
_COUNTED_UNITS = words.listed("day week month")
"""Units that a writer counts in small numbers."""
_COUNTS = words.listed("step steps tier level line phase option part day week stage round item point attempt")
"""Nouns that the writer may number without a record: "step 2"."""
_ENDS_COMPOUNDS = words.listed("code error")
"""Nouns that records also write as the end of a longer word: "lpExitCode 0", "Fehlercode 5". Not "port": "report"."""


@dataclass(frozen=True)
class Lexicon:
    """The texts of the records, in which names are looked up."""

    text: str
    """In normal form."""
    times: tuple[datetime, ...] = ()
    """When the records were made."""
    translated: bool = False
    """Whether some records are in another language than what is said of them: a number may count any word there."""

    @classmethod
    def of(cls, texts: Iterable[str], times: Iterable[datetime] = (), *, translated: bool = False) -> "Lexicon":
        whole = " \n ".join(normal(text) for text in texts)
        # "ports 80,443" are two numbers, "4,128 bytes" are one, "56.320 MB" in German are as many: all readings count
        joined = _THOUSANDS.sub("", whole)
        grouped = _THOUSANDS_POINT.sub(lambda number: _NO_DIGIT.sub("", number[0]), whole)
        continental = _DECIMAL_COMMA.sub(".", grouped)
        listed = " ".join(elisions.spelled_out(whole))
        return cls(" \n ".join(dict.fromkeys((whole, joined, continental, listed))), tuple(times), translated)

    @cached_property
    def integers(self) -> frozenset[str]:
        """The whole numbers, without leading zeros. Inside a name only those of four digits or more count."""
        numbers: set[str] = set()
        for token in _TOKENS.findall(self.text):
            if _COUNTED.fullmatch(token):
                numbers.update(_INTEGERS.findall(token))
            else:
                numbers.update(_LONG_INTEGERS.findall(token))
        for days in _CALENDAR.findall(self.text):
            numbers.update(filter(None, days))
        return frozenset(number.lstrip("0") or "0" for number in numbers)

    @cached_property
    def quantities(self) -> frozenset[Quantity]:
        """What is measured in the records, for a look at other units."""
        return frozenset().union(*(quantities.recorded(line) for line in self.text.split("\n")))

    @cached_property
    def times_of_day(self) -> frozenset[int]:
        """In seconds."""
        return quantities.times_of_day(self.text)

    @cached_property
    def clock(self) -> frozenset[int]:
        """The times of day in figures, in minutes."""
        return moments.clock_of(self.text)

    @cached_property
    def telephones(self) -> frozenset[str]:
        """The figures of each telephone number."""
        return telephones.recorded_in(self.text)

    def holds(self, name: str) -> bool:
        """Whether a name in normal form stands in the records, and not as part of a longer name."""
        at = self.text.find(name)
        while at >= 0:
            before, after = self.text[max(at - 2, 0) : at], self.text[at + len(name) : at + len(name) + 2]
            if not (_GOES_ON_BEFORE.search(before + name[0]) or _GOES_ON_AFTER.search(name[-1] + after)):
                return True
            at = self.text.find(name, at + 1)
        return False

    def foreign(self, text: str) -> list[str]:
        """The names in a text that the records do not hold."""
        foreign = [name.text for name in names.within(text) if not self._grounded(name)]
        if not foreign:
            return foreign
        listed, said = {each.written: each.names for each in elisions.elided(names.plain(text))}, normal(text)
        return [
            name
            for name in foreign
            if not (self._all_held(listed.get(name, ())) or reckoning.is_reckoned(normal(name), said, self))
        ]

    def _all_held(self, listed: Sequence[str]) -> bool:
        return bool(listed) and all(self.holds(normal(name)) for name in listed)

    def _grounded(self, name: Name) -> bool:
        wanted = normal(name.text)
        if name.kind == "quoted":
            inside = wanted[1:-1].strip(" " + TRAILING)
            return inside in self.text
        if wanted in GENERIC or not wanted or self.holds(wanted) or self.holds(_THOUSANDS.sub("", wanted)):
            return True
        return self._otherwise(name.kind, _THOUSANDS.sub("", wanted))

    def _otherwise(self, kind: str, name: str) -> bool:
        """Whether the records hold the name in another form that its kind allows."""
        return (kind in _SPELT and any(self.holds(form) for form in _forms(name))) or self._in_its_way(kind, name)

    def _in_its_way(self, kind: str, name: str) -> bool:  # noqa: PLR0911 - one case per kind, as a table
        match kind:
            case "setting":
                return self._setting(name)
            case "url" | "email":
                return name.removeprefix("mailto:") in self.text
            case "person":  # each part, in any order
                return all(self._is_named(part) for part in re.split(r"[ -]", name) if part not in _TITLES)
            case "mixed":
                return self._version(name)
            case "product":  # "firmware 1.14" is whatever has that version: a record may say "fw 1.14"
                head, _, version = name.rpartition(" ")
                return head in _VERSIONED and (self.holds(version) or self.holds(version.removeprefix("v")))
            case "date":
                return moments.holds_date(name, self)
            case "coded":
                return self._coded(name)
            case "numbered":
                return name.partition(" ")[0] in _COUNTS or self._coded(name)
            case "number":
                return self._number(name)
            case _:
                return False

    def _setting(self, name: str) -> bool:
        left, _, right = name.partition("=")
        if left.endswith(" ") and left.strip().isalpha() and self.holds(f"={right}"):
            return True  # "screen = 14" for "\u00e9cran = 14": the word before the sign is translated
        is_prose = right.startswith(" ") and _WORD.fullmatch(right) is not None
        return self.holds(left.strip()) and (is_prose or self.holds(right.strip()))

    def _is_named(self, part: str) -> bool:
        """Whether the records hold a part of a name, or another language's word or ending for it: "Prismaan"."""
        if self.holds(part) or any(self.holds(name) for name in foreign_names.RECORDED.get(part, ())):
            return True
        begins = len(part) >= _STEM and re.search(rf"\b{re.escape(part[:-1])}\w{{0,{_ENDING_LETTERS}}}\b", self.text)
        return self.translated and bool(begins)

    def _version(self, name: str) -> bool:
        """Whether the records hold a name such as "smb2" with its number set off: "SMB v2", "SMBv1/v2"."""
        parts = _LETTERS_THEN_DIGITS.fullmatch(name)
        if parts is None:
            return False
        letters, digits = re.escape(parts[1]), parts[2]
        return (
            re.search(rf"\b{letters}[\s_-]?(?:v?\d+(?:\s?[/,]\s?|\s(?:and|or|und|et)\s))*v?{digits}(?!\d)", self.text)
            is not None
        )

    def _coded(self, name: str) -> bool:
        """Whether the records hold the numbers of a name such as "error 5": a small number only beside its noun."""
        head = _HEAD.match(name)
        noun = head[0].removesuffix("s") if head else ""
        lists = re.search(r"s\s#?\d", name)  # "codes 5 and 9"; but "VLAN 140, 5 hosts", "code 5 and 9 laptops"
        return all(  # in a translation the noun before a number is another word
            (int(number) > SMALL and number in self.integers)
            or self._beside(noun, number)
            or (self.translated and re.search(rf"[^\W\d_]{{3,}}\s0*{number}(?!\w|[.,:]\d)", self.text))
            or (int(number) <= SMALL and (sign == "," or (sign and not lists)))  # which may count something else
            for sign, number in _LISTED.findall(name)
        )

    def _beside(self, noun: str, number: str) -> bool:
        near, alone = rf"[^.!?\n]{{0,{_NEAR}}}?", rf"(?<![\d.])0*{number}(?![\d]|\.\d)"
        begins = r"\b\w*" if noun in _ENDS_COMPOUNDS else r"\b"
        return re.search(rf"{begins}{noun}\w*{near}{alone}|{alone}{near}{begins}{noun}", self.text) is not None

    def _number(self, name: str) -> bool:
        measured = quantities.measures(name)
        if measured is not None and measured[1] in _COUNTED_UNITS and name[:1].isalpha():
            return True  # "all three days": a count in words
        if measured is not None:
            numbers, unit = measured
            return all(
                quantities.is_measured(number, unit, self.text)
                or quantities.is_converted(number, unit, self.quantities)
                or (self.translated and self._is_counted(number, unit))
                for number in numbers
            )
        parts = [part.lstrip("0") or "0" for part in _INTEGERS.findall(name)]
        bare = name.isdigit() or _ORDINAL.fullmatch(name) is not None
        if bare and len(parts) == 1 and int(parts[0]) <= SMALL:
            return True
        if moments.holds_times(name, self) or moments.holds_figures(name, self):
            return True
        if name.startswith("#") and int(parts[0]) <= SMALL:  # a ticket's number is no count, and it was not found
            return False
        if _BARE.fullmatch(name) is None:  # letters among digits: a name, and it was not found
            return False
        dotted = _DOTTED.search(name)  # a version, a fraction or an address is one name: its parts prove nothing
        if dotted is not None:
            rest = _INTEGERS.findall(name.replace(dotted[0], ""))
            held = self.holds(dotted[0]) or moments.holds_day(dotted[0], self)
            return held and all(part in self.integers for part in rest)
        return all(part in self.integers or self._says(part) for part in parts)

    def _is_counted(self, number: str, unit: str) -> bool:
        """Whether a number may be what records in another language hold, in figures or words: "12 graden".

        Small numbers of hours or days may be words there that are not known here.
        """
        held = quantities.is_without_unit(number, self.text) or (number.isdigit() and self._says(number))
        return held or (quantities.is_of_time(unit) and number.isdigit() and int(number) <= SMALL)

    def _says(self, number: str) -> bool:
        """Whether the records hold a whole number in words, or a telephone's number otherwise than in its figures."""
        words = number_words.said(int(number))
        if words is not None and re.search(rf"(?<![\w-])(?:{words})(?!\w|-(?!odd|some|ish))", self.text) is not None:
            return True
        if amounts.are_counted(int(number), self.text):
            return True
        return telephones.are_of_one(number, self.telephones, self.integers)


_SPELT = frozenset({"capitals", "camel", "device", "mixed", "identifier", "product", "cmdlet", "dotted", "coded"})
"""Kinds of names that are also written with a plural s, and with a blank for a hyphen."""
_VERSIONED = words.listed("version release build firmware")
_TITLES = words.listed("mr mrs ms dr prof herr herrn frau hr fr m mme mlle monsieur madame")
_LETTERS_THEN_DIGITS = re.compile(r"([a-z]{2,})v?(\d+)")


def _forms(name: str) -> Iterator[str]:
    singular = name.removesuffix("s")
    for form in (singular, f"{name}s"):
        yield form
        yield form.replace("-", " ")
        yield form.replace(" ", "-")
        yield form.replace(" ", "")
        yield form.replace("-", "")


def of_bundle(bundle: Bundle) -> Lexicon:
    """The lexicon of all records of a bundle, also of those for which the prompt had no room."""
    texts = tuple(_texts(bundle))
    translated = not all(language.is_written_in(bundle.language.words, text) for text in texts)
    return Lexicon.of(texts, bundle.records.times, translated=translated)


def of_records(facts: Sequence[FactRecord], *, translated: bool) -> Lexicon:
    """The lexicon of these facts alone. `translated` as of the bundle: a short text does not tell its language."""
    times = [fact.recorded_at for fact in facts if fact.recorded_at is not None]
    texts = (*chain.from_iterable(fact.texts() for fact in facts), *map(fence.shown_time, times))
    return Lexicon.of(texts, times, translated=translated)


def _texts(bundle: Bundle) -> Iterator[str]:
    described = (
        bundle.records.title,
        bundle.records.problem_summary,
        bundle.records.problem_domain,
        bundle.records.intake_text,
        bundle.records.reason,
    )
    yield from (text for text in described if text)
    if ticket := bundle.records.psa_ticket:
        yield from (ticket.system, f"ticket #{ticket.ticket_id}", ticket.connection_id or "", ticket.record_type or "")
    yield from chain.from_iterable(fact.texts() for fact in bundle.records.facts)
    yield from chain.from_iterable(script.texts() for script in bundle.records.scripts)
    yield from chain.from_iterable(fix.texts() for fix in bundle.records.fixes)
    for script in bundle.records.scripts:
        yield from (f"{parameter.name}={parameter.text}" for parameter in script.parameters)
    for fix in bundle.records.fixes:
        yield f"{fix.confidence_pct}%"
    yield from map(fence.shown_time, bundle.records.times)
