"""The life cycle of a fix: every change that an event can make, and the values that it sets.

| change | status | `applied_at` | `verified_at` | superseded |
| --- | --- | --- | --- | --- |
| suggested, for the first time or again | proposed | none | none | no |
| `applied_success`, `applied_failed` | this outcome | given, kept or now | given or now | unchanged |
| `applied_partial`, `applied_pending` | this outcome | given, kept or now | none | unchanged |
| `dismissed` | this outcome | kept | none | unchanged |
| superseded | unchanged | kept | unchanged | yes |

*Given* is the time in the outcome, *kept* the time of an earlier `applied_*` outcome since the newest suggestion, and
*now* the time of the event.

Every change is legal from every status: an outcome after a verdict is a correction. A text that is absent from an
outcome stays, a present text replaces it, and null clears it. A suggestion clears all three texts. A row of a snapshot
counts as a suggestion followed by its outcome.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from consumer.domain.session.ordinal import Ordinal
from schemas.sessions import FixOutcomeRecorded, FixStatus, FixSuggested, Outcome, SnapshotFix


class OutcomeText(StrEnum):
    """The texts of an outcome. Each value is the name of the field that holds the text."""

    PENDING_REASON = "pending_reason"
    PARTIAL_NOTES = "partial_notes"
    FAILURE_REASON = "failure_reason"


RELEVANT: Mapping[FixStatus, frozenset[OutcomeText]] = {
    FixStatus.PROPOSED: frozenset(),
    FixStatus.APPLIED_SUCCESS: frozenset(),
    FixStatus.APPLIED_FAILED: frozenset({OutcomeText.FAILURE_REASON, OutcomeText.PARTIAL_NOTES}),
    FixStatus.APPLIED_PARTIAL: frozenset({OutcomeText.PARTIAL_NOTES}),
    FixStatus.APPLIED_PENDING: frozenset({OutcomeText.PENDING_REASON, OutcomeText.PARTIAL_NOTES}),
    FixStatus.DISMISSED: frozenset({OutcomeText.FAILURE_REASON, OutcomeText.PARTIAL_NOTES}),
}
"""The texts that describe a fix in each status. A text from an earlier status would contradict the present one: what
was awaited before the verdict, why the fix failed before it was found to hold, or what was left before all was done.
The partial notes stay true of a fix that then failed, awaits verification or was set aside, and the partial work may
have to be undone. The failure reason of a dismissed fix says why it was set aside.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A suggested fix with its newest outcome."""

    fix_id: str
    title: str
    description: str
    confidence_pct: int
    suggested: Ordinal
    """The position of the newest suggestion."""
    status: FixStatus = FixStatus.PROPOSED
    pending_reason: str | None = None
    partial_notes: str | None = None
    failure_reason: str | None = None
    applied_at: datetime | None = None
    """A dismissal keeps the time, for a later `applied_*` outcome that gives none."""
    verified_at: datetime | None = None
    superseded: bool = False

    def text(self, name: OutcomeText) -> str | None:
        """One text of the outcome; None where it is missing or blank."""
        texts = {
            OutcomeText.PENDING_REASON: self.pending_reason,
            OutcomeText.PARTIAL_NOTES: self.partial_notes,
            OutcomeText.FAILURE_REASON: self.failure_reason,
        }
        text = texts[name]
        return text if text and not text.isspace() else None


def suggested(data: FixSuggested, place: Ordinal) -> Fix:
    """The fix after a suggestion. A fix that is suggested again starts over and keeps nothing."""
    return Fix(
        fix_id=data.fix_id,
        title=data.title,
        description=data.description,
        confidence_pct=data.confidence_pct,
        suggested=place,
    )


def with_outcome(fix: Fix, data: FixOutcomeRecorded, at: datetime) -> Fix:
    """The fix after an outcome. `at` is the time of the event that recorded it."""
    return _with_status(_with_texts(fix, data), data.status, data, at)


def superseded(fix: Fix) -> Fix:
    """The fix, marked as superseded; everything else stays."""
    return replace(fix, superseded=True)


def from_row(row: SnapshotFix, place: Ordinal, at: datetime) -> Fix:
    """The fix as a row of a snapshot describes it. `at` is the time of the snapshot's event."""
    fix = Fix(
        fix_id=row.fix_id,
        title=row.title,
        description=row.description,
        confidence_pct=row.confidence_pct,
        suggested=place,
        superseded=row.superseded,
    )
    return _with_status(_with_texts(fix, row), row.status, row, at)


def active(fixes: Iterable[Fix]) -> Fix | None:
    """The most recently suggested fix that is not superseded; None without one."""
    return max((fix for fix in fixes if not fix.superseded), key=lambda fix: fix.suggested, default=None)


def _with_texts(fix: Fix, data: Outcome) -> Fix:
    present = data.model_fields_set
    return replace(
        fix,
        pending_reason=data.pending_reason if "pending_reason" in present else fix.pending_reason,
        partial_notes=data.partial_notes if "partial_notes" in present else fix.partial_notes,
        failure_reason=data.failure_reason if "failure_reason" in present else fix.failure_reason,
    )


def _with_status(fix: Fix, status: FixStatus, data: Outcome, at: datetime) -> Fix:
    """The fix with this status and the times that the table above sets for it."""
    return replace(
        fix,
        status=status,
        applied_at=(data.applied_at or fix.applied_at or at) if status.is_applied else fix.applied_at,
        verified_at=(data.verified_at or at) if status.is_verdict else None,
    )
