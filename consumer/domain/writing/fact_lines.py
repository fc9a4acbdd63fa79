"""What a fact's bullet says beside its text: whose word it is, whether it is a finding, how often and when recorded."""

import re
from collections.abc import Sequence

from consumer.domain.bundle.records import FactRecord
from consumer.domain.language.language import Language
from consumer.domain.text import orders, sentences, words
from consumer.domain.text.sanitize import clean, shorten

_OWN = re.compile(r"check|observ|engineer|technician|measure|test", re.IGNORECASE)
"""Kinds of sources that are a check or an engineer's own observation (the vocabulary is open)."""
_MACHINE = re.compile(r"log|monitor|alert|alarm|event|telemetry", re.IGNORECASE)
"""Kinds of sources that nobody speaks in: their polite words ("please retry") ask nothing of the reader."""
_LONGEST_SOURCE = 60
_FLOATING = re.compile(
    r"\b(?:today|tonight|yesterday|tomorrow|this\s+(?:morning|afternoon|evening)|last\s+night"
    r"|heute|gestern|(?-i:morgen)|aujourd['\u2019]hui|(?-i:hier)(?!\s+(?:ist|sind|nicht))|demain|ce\s+(?:matin|soir))\b",
    re.IGNORECASE,
)
"""Words for a day that only the day of the record gives a meaning."""
_DATED = re.compile(
    r"\b\d{1,2}(?:st|nd|rd|th|\.)?\s*(?:of\s+)?(?:jan|feb|m[a\u00e4]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz]|janv|f\u00e9v|avr"
    r"|juin|juil|ao\u00fbt|d\u00e9c)|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s\d{1,2}\b"
    r"|\d{4}-\d\d-\d\d|\b\d{1,2}[./](?:0\d|1[0-2])(?:[./]\d{2,4}|\.)(?![\d.])",
    re.IGNORECASE,
)
_FEWEST_WORDS = 4
"""Of a sentence that says something beside what a text asks."""


def merged(facts: Sequence[FactRecord]) -> list[tuple[FactRecord, ...]]:
    """The facts, those with equal texts together, at the place of the first."""
    groups: dict[str, list[FactRecord]] = {}
    for fact in facts:
        groups.setdefault(clean(fact.text), []).append(fact)
    return [tuple(same) for same in groups.values()]


def speaker(same: Sequence[FactRecord]) -> FactRecord:
    """The fact whose source stands for all with this text: a check or an own observation, if one is among them."""
    return next((fact for fact in same if _is_own(fact)), same[0])


def source(fact: FactRecord, language: Language) -> str:
    """The source in words: its kind, and its summary where there is one."""
    recorded = clean(fact.source_type)
    kind = language.sources.get(recorded) or shorten(recorded.replace("_", " ").capitalize(), 40) or language.recorded
    summary = shorten(clean(fact.source_summary), _LONGEST_SOURCE) if fact.source_summary else ""
    return f"{kind} ({summary})" if summary else kind


def _is_own(fact: FactRecord) -> bool:
    return _OWN.search(fact.source_type) is not None


def whose_word(fact: FactRecord, language: Language) -> str | None:
    """The source of what is neither a check nor an engineer's own observation."""
    return None if _is_own(fact) else source(fact, language)


def is_output(fact: FactRecord) -> bool:
    """Whether a machine wrote the text, so that nothing in it is somebody's word."""
    return _MACHINE.search(fact.source_type) is not None


def is_address(fact: FactRecord) -> bool:
    """Whether the text asks or orders something. An engineer's own notes may be brief orders."""
    if _is_own(fact) or is_output(fact):
        return orders.to_the_machine(fact.text)
    return orders.addresses_reader(fact.text)


def address_label(fact: FactRecord, language: Language) -> str:
    """What is said of a text that asks something: it is no finding, or what it asks is none beside what it reports."""
    reports = any(
        words.count(part) >= _FEWEST_WORDS and not orders.addresses_reader(part)
        for part in sentences.sentences_of(fact.text)
    )
    return language.asked_beside_report if reports else language.asked_only


def when_recorded(same: Sequence[FactRecord], language: Language, *, several_days: bool) -> str:
    """How often equal facts were recorded, and when last.

    Of a single one the day: where the text speaks of a floating day, or where the facts are of several days and the
    text names none.
    """
    last = max((fact.recorded_at for fact in same if fact.recorded_at is not None), default=None)
    if len(same) > 1 and last is not None:
        return language.recorded_times_last.format(number=len(same), moment=language.shown_moment(last))
    if len(same) > 1:
        return language.recorded_times.format(number=len(same))
    text = same[0].text
    if last is None:
        return ""
    if several_days and _DATED.search(text) is None:
        return language.recorded_at.format(time=language.shown_day_and_time(last))
    return language.recorded_on.format(day=language.shown_day(last)) if _FLOATING.search(text) is not None else ""


def are_of_several_days(facts: Sequence[FactRecord]) -> bool:
    """Whether the facts were recorded on more than one day, in the session's local time."""
    return len({fact.recorded_at.date() for fact in facts if fact.recorded_at is not None}) > 1
