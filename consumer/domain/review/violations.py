"""What an answer says, what can be wrong with it, and what it is checked against."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import FactRecord
from consumer.domain.review import grounding
from consumer.domain.review.grounding import Lexicon
from consumer.domain.writing import prompt


class Rule(StrEnum):
    """What can be wrong with an answer."""

    UNREADABLE = "unreadable"
    """Neither the JSON that was asked for nor five sections."""
    CANARY = "canary"
    """Recites the instructions."""
    SECRET = "secret"  # noqa: S105 - the name of a rule
    """Holds what looks like a secret."""
    LANGUAGE = "language"
    """Not in English."""
    EMPTY = "empty"
    """Says nothing."""
    LENGTH = "length"
    """Too long for its place."""
    MARKUP = "markup"
    """Headings, lists, HTML, images, links, several lines."""
    INVISIBLE = "invisible"
    """Zero-width, bidirectional or control characters."""
    LINK = "link"
    """An address that the record does not hold."""
    PLACEHOLDER = "placeholder"
    """Something left to be filled in."""
    RECORD_ID = "record_id"
    """A record's id in a text for people."""
    SELF = "self"
    """Names the model, or speaks as one."""
    INTAKE_QUOTED = "intake_quoted"
    """Copies a long passage of the intake."""
    FOREIGN = "foreign"
    """Names something that the record does not hold."""
    CLOSURE = "closure"
    """Calls something over that the record does not call so."""
    OUTCOME = "outcome"
    """Calls a fix failed, applied or undone that the record does not call so."""
    HEDGED = "hedged"
    """A problem description that guesses."""
    TENSE = "tense"
    """A problem description that is not in the past tense."""
    CITATION = "citation"
    """Rests on no record, on an unknown one, or on one that cannot carry it."""
    REPEATED_FIX = "repeated_fix"
    """Asks for a failed fix as if it were new."""
    FIRST_STEP = "first_step"
    """Not what the active fix's outcome demands first."""
    STEP_COUNT = "step_count"
    """Fewer than two next steps, or more than four."""


class Part(StrEnum):
    """Where a statement stands; the field of the answer."""

    PROBLEM = "problem"
    CONFIRMED = "confirmed"
    NOTES = "notes"
    HYPOTHESIS = "hypothesis"
    NEXT_STEPS = "next_steps"


class StatementRef(NamedTuple):
    """A statement of an answer."""

    part: Part
    number: int = 0
    """Among the statements of its part, from 0."""

    def __str__(self) -> str:
        return f"{self.part}[{self.number}]" if self.part in _LISTS else str(self.part)


_LISTS = frozenset({Part.CONFIRMED, Part.NOTES, Part.NEXT_STEPS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken rule."""

    rule: Rule
    detail: str
    """For the model and the log: one line."""
    place: StatementRef | None = None
    """None when the whole answer is concerned."""

    def __str__(self) -> str:
        return f"{self.place}: {self.detail}" if self.place else self.detail


def named(violations: Iterable[Violation]) -> tuple[str, ...]:
    """Each broken rule and how often, as words for a package's warnings: ``violated:foreign:2``."""
    times = Counter(violation.rule for violation in violations)
    return tuple(f"violated:{rule}:{times[rule]}" for rule in Rule if times[rule])


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One statement of an answer."""

    place: StatementRef
    text: str
    records: tuple[str, ...]
    cites: bool
    """Whether the answer's form cites records at all."""

    @property
    def part(self) -> Part:
        return self.place.part


@dataclass(frozen=True)
class Evidence:
    """What statements are checked against."""

    bundle: Bundle

    @cached_property
    def lexicon(self) -> Lexicon:
        return grounding.of_bundle(self.bundle)

    @cached_property
    def ids(self) -> frozenset[str]:
        return prompt.ids(self.bundle)

    @cached_property
    def facts(self) -> Mapping[str, FactRecord]:
        return {fact.id: fact for fact in self.bundle.records.facts}
