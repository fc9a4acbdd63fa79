"""Labelled statements, and what code and the second reader make of them: the measure of the gate.

A set is a folder with sessions (`*.jsonl`, one each) and `statements.jsonl`: honest statements and untruths of named
kinds. A statement may keep the verdict that a reader gave it, so that a set is measured without a model.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.reader import question
from consumer.domain.review import checks
from consumer.domain.review.violations import Evidence, Part, Rule, Said, StatementRef
from consumer.domain.writing.draft import StepAction

HONEST = "honest"


class LabelledStatement(BaseModel):
    """One line of `statements.jsonl`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    session: str
    """The name of the session's file, without its ending."""
    part: Part
    text: str
    records: tuple[str, ...]
    fix: str = ""
    action: StepAction = StepAction.NONE
    kind: str | None = None
    """The kind of untruth; None for an honest statement."""
    reader: str | None = None
    """The verdict of a reader, or `repeats_failed_fix`; None where nobody was asked."""

    def said(self, number: int = 0) -> Said:
        tries = self.fix if self.action is StepAction.TRY else ""
        place = StatementRef(self.part, number)
        return Said(place=place, text=self.text, records=self.records, cites=True, tries=tries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A labelled statement, the rules of code that it breaks, and whether a reader flagged it."""

    statement: LabelledStatement
    refused_for: tuple[Rule, ...]
    flagged: bool | None
    """None where no reader was asked."""

    @property
    def refused(self) -> bool:
        return bool(self.refused_for)

    @property
    def stopped(self) -> bool:
        return self.refused or bool(self.flagged)


def examine(statements: Iterable[LabelledStatement], bundles: dict[str, Bundle]) -> Iterator[Examined]:
    """Holds each statement against the rules of code. Raises KeyError for a session that is not there."""
    cases = {name: Evidence(bundle) for name, bundle in bundles.items()}
    for statement in statements:
        broken = checks.statement(statement.said(), cases[statement.session])
        yield Examined(
            statement=statement,
            refused_for=tuple(dict.fromkeys(violation.rule for violation in broken)),
            flagged=None if statement.reader is None else statement.reader != question.SUPPORTED,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KindTally:
    """The counts of one kind of statements: `honest`, or a kind of untruth."""

    kind: str
    statements: int
    refused: int
    """By code."""
    read: int
    """Statements that a reader judged."""
    flagged: int
    """By the reader."""
    stopped: int
    """By either."""
    rules: dict[str, int]
    """How many statements broke each rule of code."""


def tallies(examined: Iterable[Examined]) -> list[KindTally]:
    """One for honest statements, then one for each kind of untruth, by name."""
    by_kind: dict[str, list[Examined]] = {HONEST: []}
    for item in examined:
        by_kind.setdefault(item.statement.kind or HONEST, []).append(item)
    kinds = (HONEST, *sorted(by_kind.keys() - {HONEST}))
    return [_tally(kind, by_kind[kind]) for kind in kinds if by_kind[kind]]


def _tally(kind: str, items: list[Examined]) -> KindTally:
    return KindTally(
        kind=kind,
        statements=len(items),
        refused=sum(item.refused for item in items),
        read=sum(item.flagged is not None for item in items),
        flagged=sum(bool(item.flagged) for item in items),
        stopped=sum(item.stopped for item in items),
        rules=dict(Counter(rule.value for item in items for rule in item.refused_for)),
    )
