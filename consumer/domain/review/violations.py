"""The rules for an answer, its statements and their violations, and the evidence for checking them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import FactRecord
from consumer.domain.review import grounding
from consumer.domain.review.grounding import Lexicon
from consumer.domain.writing import fence

Scan = Callable[[str], str]
"""The redactor: returns a text with its secrets replaced."""


class Rule(StrEnum):
    """A rule for an answer. Each note says what breaks the rule."""

    UNREADABLE = "unreadable"
    """Neither the JSON that was asked for nor five sections."""
    CANARY = "canary"
    """Recites the instructions."""
    SECRET = "secret"  # noqa: S105 - the name of a rule
    """Holds what looks like a secret."""
    LANGUAGE = "language"
    """Not in the language of the package."""
    EMPTY = "empty"
    """Says nothing."""
    LENGTH = "length"
    """Too long for its part."""
    MARKUP = "markup"
    """Headings, lists, HTML, images, links, several lines."""
    INVISIBLE = "invisible"
    """Zero-width, bidirectional or control characters."""
    LINK = "link"
    """An address that no record holds."""
    PLACEHOLDER = "placeholder"
    """Something left to be filled in."""
    RECORD_ID = "record_id"
    """A record's id in a text for people."""
    SELF = "self"
    """Names the model, or speaks as one."""
    INTAKE_QUOTED = "intake_quoted"
    """Copies a long passage of the intake."""
    FOREIGN = "foreign"
    """Names something that no record holds."""
    OUTCOME = "outcome"
    """Says that the whole case is over where no fix was applied and verified."""
    CITATION = "citation"
    """Rests on no record that exists, or is a note on what no list shows."""
    REPEATED_FIX = "repeated_fix"
    """Asks for a fix that was applied and failed."""
    STEP_COUNT = "step_count"
    """Fewer than two next steps."""
    UNSUPPORTED = "unsupported"
    """The second reader: no record says it."""
    CONTRADICTED = "contradicted"
    """The second reader: a record says otherwise."""
    OVERCLAIMED = "overclaimed"
    """The second reader: more certain, or more complete, than the records."""


OF_READER = frozenset({Rule.UNSUPPORTED, Rule.CONTRADICTED, Rule.OVERCLAIMED})
"""Rules that code cannot judge."""


class Part(StrEnum):
    """The part of an answer in which a statement stands: the field's name."""

    PROBLEM = "problem"
    CONFIRMED = "confirmed"
    NOTES = "notes"
    HYPOTHESIS = "hypothesis"
    NEXT_STEPS = "next_steps"


class StatementRef(NamedTuple):
    """The position of a statement in an answer."""

    part: Part
    number: int = 0
    """The number of the statement in its part, from 0. Statements of a paragraph are its sentences."""

    def __str__(self) -> str:
        return f"{self.part}[{self.number}]" if self.part in _LISTS else f"{self.part}, sentence {self.number + 1}"


_LISTS = frozenset({Part.CONFIRMED, Part.NOTES, Part.NEXT_STEPS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken rule."""

    rule: Rule
    detail: str
    """One line, for the model and the log."""
    place: StatementRef | None = None
    """None when it concerns the whole answer."""

    def __str__(self) -> str:
        return f"{self.place}: {self.detail}" if self.place else self.detail


def named(violations: Iterable[Violation]) -> tuple[str, ...]:
    """Each broken rule and the number of its violations, as a word for the package's warnings: `violated:foreign:2`."""
    times = Counter(violation.rule for violation in violations)
    return tuple(f"violated:{rule}:{times[rule]}" for rule in Rule if times[rule])


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One statement of an answer."""

    place: StatementRef
    text: str
    records: tuple[str, ...]
    cites: bool
    """Whether the form of the answer can cite records; only JSON can."""
    tries: str = ""
    """For a next step that is to apply a fix: the fix's id."""

    @property
    def part(self) -> Part:
        return self.place.part


@dataclass(frozen=True)
class Evidence:
    """The bundle that statements are checked against, and what the checks derive from it."""

    bundle: Bundle
    scan: Scan = str
    """Without one, no text holds a secret."""
    _clean: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def is_clean(self, text: str) -> bool:
        """Whether a text holds no secret. A part of a text that was found clean is not looked at again."""
        if any(text in known for known in self._clean):
            return True
        is_clean = self.scan(text) == text
        if is_clean:
            self._clean.append(text)
        return is_clean

    @cached_property
    def lexicon(self) -> Lexicon:
        return grounding.of_bundle(self.bundle)

    @cached_property
    def ids(self) -> frozenset[str]:
        return fence.ids(self.bundle)

    @cached_property
    def facts(self) -> Mapping[str, FactRecord]:
        return {fact.id: fact for fact in self.bundle.records.facts}

    @cached_property
    def listed(self) -> frozenset[str]:
        """The ids of what stands in the lists of what was confirmed and tried."""
        records = self.bundle.records
        return frozenset(record.id for record in (*records.facts, *records.steps, *records.applied_fixes))

    def lexicon_of(self, record: str) -> Lexicon:
        """The lexicon of one fact; an empty one for another id."""
        fact = self.facts.get(record)
        return grounding.of_records(() if fact is None else (fact,), translated=self.lexicon.translated)
