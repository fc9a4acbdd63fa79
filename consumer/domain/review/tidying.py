"""Mends small slips of an answer before it is judged: form that no reader misses and nobody is asked again for."""

import re
from collections.abc import Iterator
from typing import TypeVar

from consumer.domain.language.en import ENGLISH
from consumer.domain.review.checks import LONGEST_PARAGRAPH
from consumer.domain.review.violations import Evidence
from consumer.domain.text import sentences
from consumer.domain.text.sanitize import clean
from consumer.domain.writing.draft import Draft, Statement, Wording

StatementT = TypeVar("StatementT", bound=Statement)

_CITATION = re.compile(r"\s*[(\[](?:[FSXPR]\d{1,4}(?:\s*[,;&]\s*|\s+(?:and|und)\s+)?)+[)\]]")
_EMPHASIS = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*|__(?=\S)(.+?)(?<=\S)__")


def tidied(drafted: Draft, case: Evidence) -> Draft:
    """The draft without small slips.

    These are emphasis, ids in brackets, ids of no record beside others, blank statements, steps given twice, wordings
    that repeat their fact, notes on records that no list shows, the sentence for no hypothesis, and what a paragraph
    has beyond its length.
    """
    unique = {step.text.casefold(): step for step in (_mended(step, case) for step in drafted.next_steps) if step.text}
    return drafted.model_copy(
        update={
            "problem": _within_length(_mended(drafted.problem, case)),
            "confirmed": tuple(
                wording for wording in _wordings(drafted.confirmed, case) if not _repeats(wording, case)
            ),
            "notes": tuple(note for note in _wordings(drafted.notes, case) if _has_place(note, case)),
            "hypothesis": _within_length(_without_sentinel(_mended(drafted.hypothesis, case), case)),
            "next_steps": tuple(unique.values()),
        }
    )


def _wordings(wordings: tuple[Wording, ...], case: Evidence) -> Iterator[Wording]:
    for wording in wordings:
        if text := _mend(wording.text, case):
            yield Wording(record=wording.record, text=text)


def _repeats(wording: Wording, case: Evidence) -> bool:
    fact = case.facts.get(wording.record)
    return fact is not None and clean(fact.text).casefold() == clean(wording.text).casefold()


def _has_place(note: Wording, case: Evidence) -> bool:
    """Whether a list shows the record of a note; true, too, for a record that does not exist: that is no slip."""
    return note.record in case.listed or note.record not in case.ids


def _within_length(statement: Statement) -> Statement:
    """The first sentences of a paragraph, as many as fit. A first one that is too long has a rule of its own."""
    kept: list[str] = []
    length = 0
    for sentence in sentences.sentences_of(statement.text):
        length += len(sentence) + 1
        if kept and length > LONGEST_PARAGRAPH + 1:
            break
        kept.append(sentence)
    text = " ".join(kept)
    return statement if text == statement.text else statement.model_copy(update={"text": text})


def _without_sentinel(statement: Statement, case: Evidence) -> Statement:
    """Without the sentence for no hypothesis, in the package's language or in the one of the instructions."""
    text = statement.text
    for language in (case.bundle.language, ENGLISH):
        text = text.replace(language.no_hypothesis, "").strip()
    return statement if text == statement.text else statement.model_copy(update={"text": text})


def _mended(statement: StatementT, case: Evidence) -> StatementT:
    known = tuple(record for record in statement.records if record in case.ids) or statement.records
    text = _mend(statement.text, case)
    if text == statement.text and known == statement.records:
        return statement  # as nearly all are: a copy costs more than the look
    return statement.model_copy(update={"text": text, "records": known})


def _mend(text: str, case: Evidence) -> str:
    def keep_known(match: re.Match[str]) -> str:
        return match[0] if case.lexicon.holds(match[0].strip().casefold()) else ""

    plain = _EMPHASIS.sub(lambda match: match[1] or match[2], text)
    return _CITATION.sub(keep_known, plain).strip()
