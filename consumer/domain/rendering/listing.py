"""The two lists of a package: every live fact, and everything that was tried. Also shortens lists that are too long."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import CheckOrScript, FactRecord, FixRecord, ScriptRecord
from consumer.domain.bundle.unread import script_to_read
from consumer.domain.language.language import Counted, Language
from consumer.domain.text.sanitize import clean, escape, shorten, shown
from consumer.domain.text.telling import telling
from consumer.domain.writing import fact_lines, outcome_table, sections
from consumer.domain.writing.draft import Draft
from consumer.domain.writing.outcome_table import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How many characters of a record's texts its bullet shows."""

    fact: int
    check: int
    """In the list of what was tried, of a check that is not short: its finding stands whole among the facts."""
    fix: int
    labelled: bool = False
    """Every fact begins with its source. This separates bullets that together would quote the intake."""


_SHORT_CHECK = 140
"""Characters of a check that both lists show whole."""
WHOLE = Level(fact=600, check=80, fix=600)
"""Nearly every text is shown whole, once."""
SHORTER = (Level(fact=280, check=80, fix=280), Level(fact=180, check=80, fix=240))
"""Every text has less than 300 characters, because it may be copied from the intake."""
SHORTEST = 140
"""Characters that every level but `APART` shows of a text of a fact or a fix, at least."""
APART = Level(fact=140, check=80, fix=140, labelled=True)
"""For bullets that together would quote the intake."""

_LIST_MARK = re.compile(r"\A\s*[-*\u2022\u00b7]\s+(?=\S)")
_SHORTER_FIXES = (160, 80, 40, 20)
"""Characters of each text of a fix; tried in turn when the fixes alone are too long."""


class Line(NamedTuple):
    """A line as plain readers see it, and the markdown that shows it."""

    plain: str
    markdown: str

    @classmethod
    def of(cls, text: str) -> Self:
        """`text` is cleaned."""
        return cls(text, escape(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullet:
    """A bullet of a list, without its mark."""

    line: Line
    kind: type[FactRecord] | type[ScriptRecord] | type[FixRecord]
    records: tuple[str, ...]
    """The ids of the records that the bullet shows."""

    @property
    def count(self) -> int:
        return len(self.records)

    @property
    def length(self) -> int:
        """Characters of the bullet as markdown, with its mark and line break."""
        return len(sections.BULLET) + len(self.line.markdown) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Both lists, oldest first, and how many records of each kind left them."""

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
        """Whether a record left its list or a fix was shortened."""
        left_out = self.facts_left_out + self.checks_left_out + self.scripts_left_out + self.fixes_left_out
        return left_out + self.fixes_shortened > 0

    @property
    def length(self) -> int:
        return sum(bullet.length for bullets in (self.facts, self.runs, self.fixes) for bullet in bullets)

    def confirmed(self) -> tuple[Line, ...]:
        """The lines of "What we've confirmed"; a last line says how many facts were left out."""
        return self._with_omissions(self.facts, ((self.facts_left_out, Counted.FACT),))

    def tried(self) -> tuple[Line, ...]:
        """The lines of "What we've tried"; last lines say what was left out or shortened."""
        language = self.bundle.language
        omitted = (
            (self.checks_left_out, Counted.CHECK),
            (self.scripts_left_out, Counted.SCRIPT),
            (self.fixes_left_out, Counted.FIX),
        )
        shortened = language.shortened.format(fixes=language.number(self.fixes_shortened, Counted.FIX))
        lines = self._with_omissions((*self.runs, *self.fixes), omitted)
        return (*lines, Line.of(shortened)) if self.fixes_shortened else lines

    def _with_omissions(
        self, bullets: tuple[Bullet, ...], omitted: tuple[tuple[int, Counted], ...]
    ) -> tuple[Line, ...]:
        language = self.bundle.language
        lines = tuple(bullet.line for bullet in bullets)
        counts = [language.number(number, counted) for number, counted in omitted if number]
        return (*lines, Line.of(language.left_out.format(counts=language.enumerated(counts)))) if counts else lines

    def records(self) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
        """The record ids of each bullet, for both lists in order. Lines on what was left out have none."""
        tried = (*self.runs, *self.fixes)
        return tuple(fact.records for fact in self.facts), tuple(bullet.records for bullet in tried)

    def within(self, budget: int) -> "Listed":
        """The lists in at most `budget` characters.

        The oldest facts leave first, then the oldest checks, then the oldest scripts. Last, fixes are shortened.
        """
        excess = self.length - budget
        if excess <= 0:
            return self
        facts, facts_out = _drop_oldest(self.facts, FactRecord, excess)
        excess -= self.length - sum(bullet.length for bullets in (facts, self.runs, self.fixes) for bullet in bullets)
        fewer_runs, checks_out = _drop_oldest(self.runs, FactRecord, excess)
        excess -= _total(self.runs) - _total(fewer_runs)
        fewest_runs, scripts_out = _drop_oldest(fewer_runs, ScriptRecord, excess)
        excess -= _total(fewer_runs) - _total(fewest_runs)
        shorter = replace(
            self,
            facts=facts,
            runs=fewest_runs,
            facts_left_out=facts_out,
            checks_left_out=checks_out,
            scripts_left_out=scripts_out,
        )
        return shorter if excess <= 0 else shorter.with_shorter_fixes(budget)

    def with_shorter_fixes(self, budget: int) -> "Listed":
        """The lists with fixes as short as needed, without notes. If these are too long, the oldest fixes leave."""
        listed = self
        for limit in _SHORTER_FIXES:
            fixes = tuple(
                _bullet(outcome_table.tried(fix, self.bundle.language, limit), fix)
                for fix in self.bundle.records.applied_fixes
            )
            listed = replace(self, fixes=fixes, fixes_shortened=len(fixes))
            if listed.length <= budget:
                return listed
        fixes, fixes_out = _drop_oldest(listed.fixes, FixRecord, listed.length - budget)
        return replace(listed, fixes=fixes, fixes_left_out=fixes_out, fixes_shortened=len(fixes))


def of(bundle: Bundle, draft: Draft, level: Level, facts: Sequence[Sequence[FactRecord]]) -> Listed:
    """Lists every record of the bundle, with the wordings and notes of the draft at their records.

    `facts` are those of the bundle, `merged`.
    """
    wordings = {wording.record: wording.text for wording in draft.confirmed}
    notes = {note.record: note.text for note in draft.notes}
    language = bundle.language
    unread = script_to_read(bundle.records)
    several_days = fact_lines.are_of_several_days(bundle.records.facts)
    return Listed(
        bundle=bundle,
        facts=tuple(
            _bullet(
                _noted(
                    _fact(same, wordings, language, level, several_days=several_days), language, _note_on(same, notes)
                ),
                *same,
            )
            for same in facts
        ),
        runs=tuple(_run(step, language, level, notes.get(step.id), unread) for step in bundle.records.steps),
        fixes=tuple(
            _bullet(_noted(outcome_table.tried(fix, language, level.fix), language, notes.get(fix.id)), fix)
            for fix in bundle.records.applied_fixes
        ),
    )


def _note_on(same: Sequence[FactRecord], notes: Mapping[str, str]) -> str | None:
    """The note on a fact. That on a check stands here, too: who reads what was found reads what became of it."""
    return next((notes[fact.id] for fact in same if fact.id in notes), None)


def _fact(
    same: Sequence[FactRecord], wordings: Mapping[str, str], language: Language, level: Level, *, several_days: bool
) -> str:
    """The bullet of facts with equal texts."""
    first = fact_lines.speaker(same)
    wording = next((wordings[fact.id] for fact in same if fact.id in wordings), None)
    text = _item_text(wording or first.text, language, level.fact)
    source = fact_lines.source(first, language) if level.labelled else fact_lines.whose_word(first, language)
    if wording is None and fact_lines.is_address(first):
        line = language.quoted_fact.format(
            source=fact_lines.source(first, language),
            label=fact_lines.address_label(first, language),
            text=outcome_table.quoted(text, language, level.fact),
        )
    else:
        line = f"{source}: {text}" if source else text
    return line + fact_lines.when_recorded(same, language, several_days=several_days)


def _run(
    step: CheckOrScript, language: Language, level: Level, note: str | None, unread: ScriptRecord | None
) -> Bullet:
    """The bullet of a check or a script. A note on a script tells whether it ran, or what it showed."""
    if isinstance(step, ScriptRecord):
        line = _script(step, language, level) + (language.script_unread if step == unread and not note else "")
        line = _noted(line, language, note)
    else:
        text = _item_text(step.text, language, _SHORT_CHECK if len(clean(step.text)) <= _SHORT_CHECK else level.check)
        source = shorten(clean(step.source_summary), 80) if step.source_summary else ""
        line = (language.check_of if step.source_summary else language.check).format(source=source, text=text)
    return _bullet(line, step)


def _item_text(text: str, language: Language, limit: int) -> str:
    """The shortened text, without a list mark at its beginning, because the bullet gets its own mark."""
    return shown(telling(_LIST_MARK.sub("", text, count=1) or text, limit), limit, unreadable=language.unreadable)


def _script(script: ScriptRecord, language: Language, level: Level) -> str:
    name = shown(script.name, 120, unreadable=language.unreadable)
    name += f" ({shorten(clean(script.slug), 80)})" if script.slug else ""
    values = ", ".join(f"{clean(parameter.name)} = {clean(parameter.text)}" for parameter in script.parameters)
    parameters = shorten(values, level.fix)
    line = (language.script_with if values else language.script).format(name=name, values=parameters)
    return line if parameters.endswith("…") else f"{line}."


def _noted(line: str, language: Language, note: str | None) -> str:
    """The line with the draft's note; unchanged where the line or the note is blank."""
    return line + language.note.format(note=sentence(note, language)) if line and note and clean(note) else line


def _bullet(line: str, *records: FactRecord | ScriptRecord | FixRecord) -> Bullet:
    return Bullet(line=Line.of(line), kind=type(records[0]), records=tuple(record.id for record in records))


def _drop_oldest(bullets: tuple[Bullet, ...], kind: type, excess: int) -> tuple[tuple[Bullet, ...], int]:
    """Drops the oldest bullets of a kind until `excess` characters are gone; also returns how many were dropped."""
    kept: list[Bullet] = []
    dropped = 0
    for bullet in bullets:
        if excess > 0 and bullet.kind is kind:
            excess -= bullet.length
            dropped += bullet.count
        else:
            kept.append(bullet)
    return tuple(kept), dropped


def _total(bullets: tuple[Bullet, ...]) -> int:
    return sum(bullet.length for bullet in bullets)
