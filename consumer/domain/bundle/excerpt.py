"""Shortens the records for the prompt where they are too long. The lists of a package keep the full records.

1. A text of more than 4,000 characters is cut in its middle, and a mark says how much is missing. Both ends stay: the
   output of a command begins with what was asked and ends with how it ended.
2. While facts, checks and scripts take more room than is left, records leave in this order, oldest first: facts except
   the newest few, checks and scripts except the newest few, then these few checks and scripts, then these few facts.
   The newest fact stays.
3. All fixes stay, with their outcomes. Where the fixes and the description alone fill the whole budget, the oldest
   fixes that are not active keep only title, status and times.
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
"""Characters of a text that reach the prompt unchanged (contract part 8). A cut text, mark included, has no more."""
BUDGET = 60_000
"""Characters of JSON for all records: 15,000 to 20,000 tokens, which a model reads in seconds and at a fair price."""
LEAST_ROOM = 20_000
"""Characters that facts, checks and scripts always get, however long the description and the fixes are."""
_SHOWN = 4
"""Characters that the time of a record takes in the prompt beyond what it takes in its JSON."""
_LEAD = 800
"""Characters of the line that shows the sentence before the hypothesis."""
KEPT_FACTS = 5
"""This many of the newest facts outlast checks and scripts: the next engineer goes on from what was found last."""
KEPT_STEPS = 5
"""This many of the newest checks and scripts outlast the older facts, checks and scripts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Omissions:
    """Counts of what the prompt lacks."""

    facts: int = 0
    """Facts left out, checks not counted."""
    checks: int = 0
    """Checks left out."""
    scripts: int = 0
    """Scripts left out."""
    fix_texts: int = 0
    """Fixes that kept only title, status and times."""
    texts: int = 0
    """Texts cut in the middle."""

    def __bool__(self) -> bool:
        return any((self.facts, self.checks, self.scripts, self.fix_texts, self.texts))


def excerpt_of(records: Records) -> tuple[Records, Omissions]:
    """The records that fit into the prompt, and what they lack. Records that fit as they are come back equal."""
    cutter = _Cutter()
    cut = cutter.records(records)
    fixes, reduced = _within_budget(cut)
    kept = replace(cut, fixes=fixes)
    taken = _size(replace(kept, facts=(), steps=())) + (_LEAD if kept.active_fix else 0)
    leaving = _leaving(kept, max(BUDGET - taken, LEAST_ROOM))
    trimmed = Omissions(
        facts=sum(fact.id in leaving and not fact.is_check for fact in kept.facts),
        checks=sum(fact.id in leaving and fact.is_check for fact in kept.facts),
        scripts=sum(script.id in leaving for script in kept.scripts),
        fix_texts=reduced,
        texts=cutter.count,
    )
    facts = tuple(fact for fact in kept.facts if fact.id not in leaving)
    steps = tuple(step for step in kept.steps if step.id not in leaving)
    return replace(kept, facts=facts, steps=steps), trimmed


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text, or its beginning and end around a mark: at most `longest` characters. No placeholder is cut in two."""
    if len(text) <= longest:
        return text
    room = longest - len(_mark(len(text)))
    head, tail = room - room // 2, len(text) - room // 2
    for placeholder in PLACEHOLDER.finditer(text):
        if placeholder.start() < head < placeholder.end():
            head = placeholder.start()
        if placeholder.start() < tail < placeholder.end():
            tail = placeholder.end()
    return text[:head] + _mark(tail - head) + text[tail:]


def _mark(characters: int) -> str:
    return f" [… {characters} characters left out …] "


class _Cutter:
    """Shortens every text of the records and counts the texts that it cut."""

    def __init__(self) -> None:
        self.count = 0

    def records(self, records: Records) -> Records:
        # A check is one record in two lists, so it is cut once and counted once.
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
        """A nested value of short texts can still be too long. Then its JSON becomes one text, which is cut."""
        value: JsonValue = parameter.value
        if isinstance(value, list | dict) and len(document := compact(value)) > LONGEST_TEXT:
            value = self._text(document)
        return replace(parameter, value=value)


def _within_budget(records: Records) -> tuple[tuple[FixRecord, ...], int]:
    """All fixes, and how many of them had to be reduced to title, status and times."""
    fixes = list(records.fixes)
    excess = _size(replace(records, facts=(), steps=())) - BUDGET
    reduced = 0
    for index, fix in enumerate(fixes):
        if excess <= 0:
            break
        bare = fix.without_texts()
        if not fix.active and bare != fix:
            excess -= len(compact(fix.document())) - len(compact(bare.document()))
            fixes[index] = bare
            reduced += 1
    return tuple(fixes), reduced


def _leaving(records: Records, room: int) -> frozenset[str]:
    """Ids of the facts, checks and scripts that have to leave, so that the rest fits into `room` characters.

    A record takes its JSON, a line end and a longer time. A check takes them once, for the prompt shows it once.
    """
    sizes = {record.id: len(compact(record.document())) + 1 + _SHOWN for record in (*records.facts, *records.steps)}
    excess = sum(sizes.values()) - room
    leaving: set[str] = set()
    for record in _in_leaving_order(records):
        if excess <= 0:
            break
        leaving.add(record.id)
        excess -= sizes[record.id]
    return frozenset(leaving)


def _in_leaving_order(records: Records) -> Iterable[CheckOrScript]:
    """Facts, checks and scripts in the order of rule 2, without the newest fact."""
    newest = {fact.id for fact in records.facts[-KEPT_FACTS:]}
    older_facts = [fact for fact in records.facts if not fact.is_check and fact.id not in newest]
    newer_facts = [fact for fact in records.facts[:-1] if not fact.is_check and fact.id in newest]
    spared = {fact.id for fact in records.facts[-1:]}
    steps = [step for step in records.steps if step.id not in spared]
    return chain(older_facts, steps[:-KEPT_STEPS], steps[-KEPT_STEPS:], newer_facts)


def _size(records: Records) -> int:
    return len(compact(records_document(records)))
