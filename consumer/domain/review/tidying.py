"""Mends small slips of an answer before it is judged: form that no reader misses and nobody is asked again for."""

import re
from collections.abc import Iterator

from consumer.domain.review import checks
from consumer.domain.review.violations import Evidence
from consumer.domain.writing import sections
from consumer.domain.writing.draft import Draft, Statement, Wording

_CITATION = re.compile(r"\s*[(\[](?:[FSXPR]\d{1,4}(?:\s*[,;&]\s*|\s+and\s+)?)+[)\]]")
_EMPHASIS = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*|__(?=\S)(.+?)(?<=\S)__")


def tidied(drafted: Draft, case: Evidence) -> Draft:
    """The draft without small slips: emphasis, ids in brackets, blank notes, steps given twice, `NO_HYPOTHESIS`."""
    unique = {step.text.casefold(): step for step in (_mended(step, case) for step in drafted.next_steps)}
    return drafted.model_copy(
        update={
            "problem": _mended(drafted.problem, case),
            "confirmed": tuple(_grounded_wordings(drafted, case)),
            "notes": tuple(
                Wording(record=note.record, text=_mend(note.text, case)) for note in drafted.notes if note.text.strip()
            ),
            "hypothesis": _without_sentinel(_mended(drafted.hypothesis, case)),
            "next_steps": tuple(unique.values()),
        }
    )


def _grounded_wordings(drafted: Draft, case: Evidence) -> Iterator[Wording]:
    """The wordings that say of their fact what the record says; the others are left to the record's own words."""
    for wording in drafted.confirmed:
        text = _mend(wording.text, case)
        if wording.record in case.facts and checks.is_grounded_wording(text, case.facts[wording.record], case):
            yield Wording(record=wording.record, text=text)


def _without_sentinel(statement: Statement) -> Statement:
    text = statement.text.replace(sections.NO_HYPOTHESIS, "").strip()
    return statement.model_copy(update={"text": text})


def _mended(statement: Statement, case: Evidence) -> Statement:
    return statement.model_copy(update={"text": _mend(statement.text, case)})


def _mend(text: str, case: Evidence) -> str:
    def keep_known(match: re.Match[str]) -> str:
        return match[0] if case.lexicon.holds(match[0].strip().casefold()) else ""

    plain = _EMPHASIS.sub(lambda match: match[1] or match[2], text)
    return _CITATION.sub(keep_known, plain).strip()
