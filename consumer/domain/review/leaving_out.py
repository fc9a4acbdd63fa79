"""What remains of a draft without its faulty statements, and what rules write where a section has nothing left.

A statement that leaves takes nothing else with it: of a paragraph the other sentences stay, of a list the other items.
"""

from collections.abc import Collection, Iterator
from itertools import islice

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.review.violations import Part, StatementRef
from consumer.domain.text import sentences
from consumer.domain.writing import outcome_table, rules_draft, sections
from consumer.domain.writing.draft import Draft, NextStep, Statement


def without(drafted: Draft, places: Collection[StatementRef]) -> Draft:
    """The draft without the statements at these places."""
    if not places:
        return drafted
    return drafted.model_copy(
        update={
            "problem": _kept(drafted.problem, Part.PROBLEM, places),
            "confirmed": tuple(
                wording
                for number, wording in enumerate(drafted.confirmed)
                if StatementRef(Part.CONFIRMED, number) not in places
            ),
            "notes": tuple(
                note for number, note in enumerate(drafted.notes) if StatementRef(Part.NOTES, number) not in places
            ),
            "hypothesis": _kept(drafted.hypothesis, Part.HYPOTHESIS, places),
            "next_steps": tuple(
                step
                for number, step in enumerate(drafted.next_steps)
                if StatementRef(Part.NEXT_STEPS, number) not in places
            ),
        }
    )


def is_bare(drafted: Draft) -> bool:
    """Whether nothing is left of what the model wrote in paragraphs and steps."""
    return not (drafted.problem.text.strip() or drafted.hypothesis.text.strip() or drafted.next_steps)


def completed(drafted: Draft, bundle: Bundle) -> Draft:
    """The draft with what rules write in place of what is missing: the problem, the first step, steps up to two."""
    problem = drafted.problem if drafted.problem.text.strip() else rules_draft.problem(bundle)
    return drafted.model_copy(update={"problem": problem, "next_steps": tuple(_steps(drafted.next_steps, bundle))})


def _kept(statement: Statement, part: Part, places: Collection[StatementRef]) -> Statement:
    kept = (
        sentence
        for number, sentence in enumerate(sentences.sentences_of(statement.text))
        if StatementRef(part, number) not in places
    )
    return statement.model_copy(update={"text": " ".join(kept)})


def _steps(steps: tuple[NextStep, ...], bundle: Bundle) -> list[NextStep]:
    """The steps, first the one that the outcome table demands: the model's where there is one, else code's."""
    fix = bundle.records.active_fix
    demanded = outcome_table.first_step(fix, bundle.language)
    ordered = list(steps)
    if fix is not None and demanded is not None:
        first = next((step for step in steps if outcome_table.takes_up(step, fix, bundle.language)), None)
        if first is None:
            first = NextStep(text=demanded, records=(fix.id,))
        ordered = [first, *(step for step in steps if step is not first)]
    if len(ordered) < sections.FEWEST_STEPS:
        ordered += _by_rules(ordered, bundle)
    return ordered[: sections.MOST_STEPS]


def _by_rules(steps: list[NextStep], bundle: Bundle) -> Iterator[NextStep]:
    """Steps by rules that are not among these, as many as a package has to have."""
    known = {step.text for step in steps}
    others = (step for step in rules_draft.steps(bundle) if step.text not in known)
    return islice(others, sections.FEWEST_STEPS - len(steps))
