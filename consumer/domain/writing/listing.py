"""What the lists of a package hold: every live fact, everything that was tried, and what leaves when it is too much."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import FactRecord, FixRecord, ScriptRecord
from consumer.domain.text.sanitize import clean, escape, shorten, shown
from consumer.domain.writing import outcome_table, sections
from consumer.domain.writing.draft import Draft
from consumer.domain.writing.outcome_table import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How much of a record its bullet shows, in characters of its texts."""

    fact: int
    check: int
    """In the list of what was tried; the finding stands among the facts as well."""
    fix: int
    last_for_length: bool = False
    """A long session stays here rather than losing more of every record."""
    labelled: bool = False
    """Each fact says where it comes from: parts bullets that together would quote the intake."""


LEVELS = (
    Level(fact=280, check=200, fix=280),
    Level(fact=240, check=140, fix=240),
    Level(fact=180, check=100, fix=240, last_for_length=True),
    Level(fact=140, check=80, fix=140, last_for_length=True, labelled=True),
)
"""From generous to terse; the first that fits is taken. Every text stays under 300 characters: it may be intake."""

_LIST_MARK = re.compile(r"\A\s*[-*\u2022\u00b7]\s+(?=\S)")
_SHORTER_FIXES = (160, 80, 40, 20)
"""Characters of a fix, tried in turn when the fixes alone are too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullet:
    """A bullet: a cleaned line, and its length as markdown with its mark and line break."""

    line: str
    length: int
    kind: type[FactRecord] | type[ScriptRecord] | type[FixRecord]
    record: str
    """The id of the record that it tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Both lists, oldest first, and how many of each kind left them."""

    bundle: Bundle
    facts: tuple[Bullet, ...]
    runs: tuple[Bullet, ...]
    """Checks and scripts."""
    fixes: tuple[Bullet, ...]
    facts_left_out: int = 0
    checks_left_out: int = 0
    scripts_left_out: int = 0
    fixes_left_out: int = 0
    fixes_shortened: int = 0

    @property
    def truncated(self) -> bool:
        left_out = self.facts_left_out + self.checks_left_out + self.scripts_left_out + self.fixes_left_out
        return left_out + self.fixes_shortened > 0

    @property
    def length(self) -> int:
        return sum(item.length for items in (self.facts, self.runs, self.fixes) for item in items)

    def confirmed(self) -> tuple[str, ...]:
        return _with_omissions(self.facts, ((self.facts_left_out, "fact"),))

    def tried(self) -> tuple[str, ...]:
        omitted = ((self.checks_left_out, "check"), (self.scripts_left_out, "script"), (self.fixes_left_out, "fix"))
        shortened = f"The texts of {_count(self.fixes_shortened, 'fix')} are shortened for length."
        lines = _with_omissions((*self.runs, *self.fixes), omitted)
        return (*lines, shortened) if self.fixes_shortened else lines

    def records(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The records that the lines of both lists tell, in their order; lines on what was left out tell none."""
        return tuple(one.record for one in self.facts), tuple(one.record for one in (*self.runs, *self.fixes))

    def within(self, budget: int) -> "Listed":
        """The lists in at most `budget` characters: oldest facts leave, then checks, scripts, then texts of fixes."""
        excess = self.length - budget
        if excess <= 0:
            return self
        facts, facts_out = _drop_oldest(self.facts, FactRecord, excess)
        excess -= self.length - sum(item.length for items in (facts, self.runs, self.fixes) for item in items)
        runs, checks_out = _drop_oldest(self.runs, FactRecord, excess)
        excess -= _total(self.runs) - _total(runs)
        fewer, scripts_out = _drop_oldest(runs, ScriptRecord, excess)
        excess -= _total(runs) - _total(fewer)
        shorter = replace(
            self,
            facts=facts,
            runs=fewer,
            facts_left_out=facts_out,
            checks_left_out=checks_out,
            scripts_left_out=scripts_out,
        )
        return shorter if excess <= 0 else shorter.with_shorter_fixes(budget)

    def with_shorter_fixes(self, budget: int) -> "Listed":
        """The lists with as little of each fix as it takes; should even that be too much, the oldest fixes leave."""
        listed = self
        for limit in _SHORTER_FIXES:
            fixes = tuple(_item(outcome_table.tried(fix, limit), fix) for fix in self.bundle.records.applied_fixes)
            listed = replace(self, fixes=fixes, fixes_shortened=len(fixes))
            if listed.length <= budget:
                return listed
        fixes, fixes_out = _drop_oldest(listed.fixes, FixRecord, listed.length - budget)
        return replace(listed, fixes=fixes, fixes_left_out=fixes_out, fixes_shortened=len(fixes))


def of(bundle: Bundle, draft: Draft, level: Level) -> Listed:
    """Everything that the record holds; wordings and notes of the draft in their places."""
    wordings = {wording.record: wording.text for wording in draft.confirmed}
    notes = {note.record: note.text for note in draft.notes}
    unread = frozenset(script.id for script in bundle.records.unread_scripts)
    return Listed(
        bundle=bundle,
        facts=tuple(_item(_fact(fact, wordings.get(fact.id), level), fact) for fact in bundle.records.facts),
        runs=tuple(_item(_noted(_run(item, level, unread), notes.get(item.id)), item) for item in bundle.records.steps),
        fixes=tuple(
            _item(_noted(outcome_table.tried(fix, level.fix), notes.get(fix.id)), fix)
            for fix in bundle.records.applied_fixes
        ),
    )


def _fact(fact: FactRecord, wording: str | None, level: Level) -> str:
    text = _item_text(wording or fact.text, level.fact)
    if level.labelled:
        return f"{_source(fact)}: {text}"
    return text


def _source(fact: FactRecord) -> str:
    return shorten(clean(fact.source_type).replace("_", " ").capitalize(), 40) or "Recorded"


def _run(item: FactRecord | ScriptRecord, level: Level, unread: frozenset[str]) -> str:
    if isinstance(item, ScriptRecord):
        return _script(item, level) + (" Whether it ran is not recorded." if item.id in unread else "")
    where = f" ({shorten(clean(item.source_summary), 80)})" if item.source_summary else ""
    return f"Diagnostic check{where}: {_item_text(item.text, level.check)}"


def _item_text(text: str, limit: int) -> str:
    """A text that was a list itself loses the mark of its first item: this list gives it one."""
    return shown(_LIST_MARK.sub("", text, count=1) or text, limit)


def _script(script: ScriptRecord, level: Level) -> str:
    named = shown(script.name, 120) + (f" ({shorten(clean(script.slug), 80)})" if script.slug else "")
    used = ", ".join(f"{clean(each.name)} = {clean(each.text)}" for each in script.parameters)
    given = f", with {shorten(used, level.fix)}" if used else ""
    return f"Script generated: {named}{given}{'' if given.endswith('…') else '.'}"


def _noted(line: str, note: str | None) -> str:
    return f"{line} Note: {sentence(note)}" if line and note and clean(note) else line


def _item(line: str, record: FactRecord | ScriptRecord | FixRecord) -> Bullet:
    length = len(sections.BULLET) + len(escape(line)) + 1
    return Bullet(line=line, length=length, kind=type(record), record=record.id)


def _drop_oldest(items: tuple[Bullet, ...], kind: type, excess: int) -> tuple[tuple[Bullet, ...], int]:
    """The items without as many of a kind, the oldest first, as the excess asks for; and how many these are."""
    kept: list[Bullet] = []
    out = 0
    for item in items:
        if excess > 0 and item.kind is kind:
            excess -= item.length
            out += 1
        else:
            kept.append(item)
    return tuple(kept), out


def _total(items: tuple[Bullet, ...]) -> int:
    return sum(item.length for item in items)


def _with_omissions(items: tuple[Bullet, ...], omitted: tuple[tuple[int, str], ...]) -> tuple[str, ...]:
    lines = tuple(item.line for item in items)
    named = [_count(number, noun) for number, noun in omitted if number]
    return (*lines, f"Left out for length, the oldest: {' and '.join(named)}.") if named else lines


_PLURALS: Mapping[str, str] = {"fix": "fixes"}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else _PLURALS.get(noun, noun + 's')}"
