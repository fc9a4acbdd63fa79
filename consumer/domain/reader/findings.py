"""Reads the second reader's answer into violations. Never raises, whatever the answer holds.

The reader's own words go to the drafter as the reason of a repair, shortened and in quotation marks, and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from consumer.domain.reader import question
from consumer.domain.review.violations import Part, Rule, Said, Violation
from consumer.domain.text.sanitize import clean, shorten
from consumer.domain.writing import frames

MOST_WORDS = 15
"""Of a reason."""
_MOST_CHARACTERS = 160
_ACCEPTED: Mapping[Rule, str] = {
    Rule.UNSUPPORTED: "say only what a record says, or leave it out",
    Rule.CONTRADICTED: "say what the record says, or leave it out",
    Rule.OVERCLAIMED: "say it as surely as the record does and no surer",
    Rule.REPEATED_FIX: "take another path",
}
"""What would be accepted in place of a flagged statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the reader flagged."""

    flagged: tuple[Violation, ...]
    unread: int
    """Statements on which it gave no verdict."""


def read(answer: str, statements: Sequence[Said]) -> Findings | None:
    """The findings on these statements, as they were asked about; None for an answer that cannot be read."""
    value = frames.json_object(answer) or frames.json_object_within(answer)
    entries = None if value is None else value.get("verdicts")
    if not isinstance(entries, list):
        return None
    by_number = {entry["n"]: entry for entry in entries if isinstance(entry, dict) and _is_number(entry.get("n"))}
    flagged: list[Violation] = []
    unread = 0
    for number, said in enumerate(statements, 1):
        entry = by_number.get(number, {})
        if entry.get("verdict") not in question.VERDICTS:
            unread += 1
        elif (rule := _broken(entry, said)) is not None:
            flagged.append(Violation(rule=rule, detail=_detail(rule, entry), place=said.place))
    return Findings(flagged=tuple(flagged), unread=unread) if unread < len(statements) else None


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _broken(entry: Mapping[str, JsonValue], said: Said) -> Rule | None:
    if entry.get("repeats_failed_fix") is True and said.part is Part.NEXT_STEPS:
        return Rule.REPEATED_FIX
    return None if entry["verdict"] == question.SUPPORTED else Rule(str(entry["verdict"]))


def _detail(rule: Rule, entry: Mapping[str, JsonValue]) -> str:
    words = clean(str(entry.get("reason") or "")).replace('"', "'").split()[:MOST_WORDS]
    reason = f' ("{shorten(" ".join(words), _MOST_CHARACTERS)}")' if words else ""
    called = "asks again for what failed" if rule is Rule.REPEATED_FIX else f"is {rule.value} by the records"
    return f"{called}{reason}; {_ACCEPTED[rule]}"
