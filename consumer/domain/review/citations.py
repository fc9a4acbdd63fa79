"""Says which records can carry a statement of an answer, by the part of the answer."""

from collections.abc import Mapping

from consumer.domain.review.violations import Evidence, Part
from consumer.domain.writing import prompt

FLAWS: Mapping[Part, str] = {
    Part.PROBLEM: "tells the problem from no description, reason or fact",
    Part.NOTES: "is a note on something that was not tried",
    Part.HYPOTHESIS: "is a hypothesis that rests on neither the active fix nor a fact",
}
"""The flaw of a statement that cites none of the records that can carry it."""


def carrying(part: Part, case: Evidence) -> frozenset[str]:
    """The ids of the records that can carry a statement of this part. It must cite one of them, and may cite others."""
    bundle = case.bundle
    match part:
        case Part.PROBLEM:
            return frozenset(case.facts) | {prompt.DESCRIPTION, prompt.REASON}
        case Part.NOTES:
            return frozenset(record.id for record in (*bundle.records.steps, *bundle.records.applied_fixes))
        case Part.HYPOTHESIS:
            active = bundle.records.active_fix
            return frozenset(case.facts) | (frozenset() if active is None else {active.id})
        case Part.NEXT_STEPS | Part.CONFIRMED:  # any record; a wording always cites its own fact
            return case.ids
