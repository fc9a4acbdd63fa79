"""What remains of a draft without its faulty statements."""

import re
from collections.abc import Iterable

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.review import checks
from consumer.domain.review.violations import Evidence, Part, Rule, Said, StatementRef
from consumer.domain.writing import draft, outcome_table, sections
from consumer.domain.writing.draft import Draft, Statement

_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'\[(])")


def without(drafted: Draft, places: set[StatementRef], case: Evidence) -> Draft:
    """The draft without the statements at these places. Problem and hypothesis lose only their faulty sentences."""
    return drafted.model_copy(
        update={
            "problem": _sound(drafted, Part.PROBLEM, drafted.problem, places, case),
            "notes": tuple(note for at, note in enumerate(drafted.notes) if StatementRef(Part.NOTES, at) not in places),
            "hypothesis": _sound(drafted, Part.HYPOTHESIS, drafted.hypothesis, places, case),
            "next_steps": tuple(
                step for at, step in enumerate(drafted.next_steps) if StatementRef(Part.NEXT_STEPS, at) not in places
            )[: sections.MOST_STEPS],
        }
    )


def with_first_step(drafted: Draft, bundle: Bundle) -> Draft:
    """The draft with the first step that the outcome table demands. Code writes it where the answer has none."""
    fix = bundle.records.active_fix
    demanded = outcome_table.first_step(fix)
    first = drafted.next_steps[0].text if drafted.next_steps else ""
    if fix is None or demanded is None or outcome_table.first_step_flaw(fix, first) is None:
        return drafted
    step = Statement(text=demanded, records=(fix.id,))
    return drafted.model_copy(update={"next_steps": (step, *drafted.next_steps)[: sections.MOST_STEPS]})


def _sound(drafted: Draft, part: Part, statement: Statement, places: set[StatementRef], case: Evidence) -> Statement:
    """The statement without its faulty sentences. Tense and emptiness are judged for the whole statement only."""
    if StatementRef(part) not in places:
        return statement
    cited = tuple(record for record in statement.records if record in case.ids)
    cites = drafted.form is draft.DraftForm.JSON
    sentences = (
        Said(place=StatementRef(part), text=sentence, records=cited, cites=cites)
        for sentence in _SENTENCES.split(statement.text)
    )
    kept = [
        sentence.text for sentence in sentences if not set(_broken_rules(sentence, case)) - {Rule.TENSE, Rule.EMPTY}
    ]
    return statement.model_copy(update={"text": " ".join(kept), "records": cited})


def _broken_rules(sentence: Said, case: Evidence) -> Iterable[Rule]:
    return (violation.rule for violation in checks.statement(sentence, case))
