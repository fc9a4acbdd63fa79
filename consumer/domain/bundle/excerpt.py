"""What goes into the prompt when the records are too long for it. The lists of a package are not concerned.

1. A text of more than 4,000 characters is cut in its middle, with a mark that says how much is missing: commands print
   what was asked at the beginning and how it ended at the end.
2. While facts, checks and scripts take more room than is left: the oldest facts leave, but for the newest few; then the
   oldest checks and scripts, but for the newest few; then these few checks and scripts, then these few facts, oldest
   first. The newest fact stays.
3. Fixes stay, all of them, with their outcomes. Should they and the description fill the whole budget by themselves,
   the oldest fixes that are not active keep title, status and times alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain

from pydantic import JsonValue

from consumer.domain.bundle.records import (
    CheckOrScript,
    FactRecord,
    FixRecord,
    Parameter,
    Records,
    ScriptRecord,
    compact,
    records_document,
    rewritten,
)
from consumer.domain.redaction.placeholders import PLACEHOLDER

LONGEST_TEXT = 4_000
"""Characters that reach the prompt unchanged: the contract's promise. The mark comes out of them when a text is cut."""
BUDGET = 60_000
"""Characters of JSON: 15,000 to 20,000 tokens, which a model reads in seconds and at a fair price."""
LEAST_ROOM = 20_000
"""Characters that facts, checks and scripts get however long the description and the fixes are."""
KEPT_FACTS = 5
"""The newest ones outlast the checks and scripts: what was found last is where the next engineer goes on."""
KEPT_STEPS = 5
"""The newest checks and scripts outlast these facts' elders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Omissions:
    """What the prompt lacks."""

    facts: int = 0
    """Left out; the checks among them are counted below."""
    checks: int = 0
    """Left out."""
    scripts: int = 0
    """Left out."""
    fix_texts: int = 0
    """Fixes that kept their outcome alone."""
    texts: int = 0
    """Cut in the middle."""

    def __bool__(self) -> bool:
        return any((self.facts, self.checks, self.scripts, self.fix_texts, self.texts))


def excerpt_of(records: Records) -> tuple[Records, Omissions]:
    """The records that fit, and what they lack; records that fit as they are come back equal."""
    cutter = _Cutter()
    cut = cutter.records(records)
    fixes, bared = _within_budget(cut)
    kept = replace(cut, fixes=fixes)
    taken = _size(replace(kept, facts=(), steps=()))
    leaving = _leaving(kept, max(BUDGET - taken, LEAST_ROOM))
    trimmed = Omissions(
        facts=sum(fact.id in leaving and not fact.is_check for fact in kept.facts),
        checks=sum(fact.id in leaving and fact.is_check for fact in kept.facts),
        scripts=sum(script.id in leaving for script in kept.scripts),
        fix_texts=bared,
        texts=cutter.count,
    )
    facts = tuple(fact for fact in kept.facts if fact.id not in leaving)
    steps = tuple(step for step in kept.steps if step.id not in leaving)
    return replace(kept, facts=facts, steps=steps), trimmed


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text, or its beginning and end around a mark, `longest` characters at most; no placeholder is torn."""
    if len(text) <= longest:
        return text
    room = longest - len(_mark(len(text)))
    head, tail = room - room // 2, len(text) - room // 2
    for found in PLACEHOLDER.finditer(text):
        if found.start() < head < found.end():
            head = found.start()
        if found.start() < tail < found.end():
            tail = found.end()
    return text[:head] + _mark(tail - head) + text[tail:]


def _mark(characters: int) -> str:
    return f" [… {characters} characters left out …] "


class _Cutter:
    """Shortens every text of the records, and counts those that it cut."""

    def __init__(self) -> None:
        self.count = 0

    def records(self, records: Records) -> Records:
        # A check is one record in two lists: cut once, counted once.
        facts = {fact.id: fact.rewritten(self._text) for fact in records.facts}
        steps = tuple(facts[step.id] if isinstance(step, FactRecord) else self._script(step) for step in records.steps)
        fixes = tuple(fix.rewritten(self._text) for fix in records.fixes)
        described = rewritten(replace(records, facts=(), steps=(), fixes=()), self._text)
        return replace(described, facts=tuple(facts.values()), steps=steps, fixes=fixes)

    def _text(self, text: str) -> str:
        short = shortened(text)
        self.count += short != text
        return short

    def _script(self, script: ScriptRecord) -> ScriptRecord:
        short = script.rewritten(self._text)
        return replace(short, parameters=tuple(self._parameter(parameter) for parameter in short.parameters))

    def _parameter(self, parameter: Parameter) -> Parameter:
        """A nested value of short texts can still be long: then it is told as a text, and cut as one."""
        value: JsonValue = parameter.value
        if isinstance(value, list | dict) and len(told := compact(value)) > LONGEST_TEXT:
            value = self._text(told)
        return replace(parameter, value=value)


def _within_budget(records: Records) -> tuple[tuple[FixRecord, ...], int]:
    """The fixes, and how many of them had to be reduced to their outcome."""
    fixes = list(records.fixes)
    excess = _size(replace(records, facts=(), steps=())) - BUDGET
    bared = 0
    for place, fix in enumerate(fixes):
        if excess <= 0:
            break
        bare = fix.without_texts()
        if not fix.active and bare != fix:
            excess -= len(compact(fix.document())) - len(compact(bare.document()))
            fixes[place] = bare
            bared += 1
    return tuple(fixes), bared


def _leaving(records: Records, room: int) -> frozenset[str]:
    """Ids of the facts, checks and scripts that have to leave so that the others fit into `room`."""
    sizes = {record.id: _size_in_list(record) for record in (*records.facts, *records.steps)}
    excess = sum(sizes.values()) - room
    leaving: set[str] = set()
    for record in _in_leaving_order(records):
        if excess <= 0:
            break
        leaving.add(record.id)
        excess -= sizes[record.id]
    return frozenset(leaving)


def _size_in_list(record: CheckOrScript) -> int:
    """What leaves with a record: its text and a comma, and for a check its id among the steps, with another comma."""
    size = len(compact(record.document())) + 1
    if isinstance(record, FactRecord) and record.is_check:
        size += len(compact({"id": record.id})) + 1
    return size


def _in_leaving_order(records: Records) -> Iterable[CheckOrScript]:
    newest = {fact.id for fact in records.facts[-KEPT_FACTS:]}
    facts = [fact for fact in records.facts if not fact.is_check and fact.id not in newest]
    last = [fact for fact in records.facts[:-1] if not fact.is_check and fact.id in newest]
    spared = {fact.id for fact in records.facts[-1:]}
    steps = [step for step in records.steps if step.id not in spared]
    return chain(facts, steps[:-KEPT_STEPS], steps[-KEPT_STEPS:], last)


def _size(records: Records) -> int:
    return len(compact(records_document(records)))
