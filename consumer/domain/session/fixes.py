"""The life cycle of a fix: every move, and what it does to the record.

| move | status | `applied_at` | `verified_at` | superseded |
| --- | --- | --- | --- | --- |
| suggested, also again | proposed | none | none | no |
| `applied_success`, `applied_failed` | that one | given, kept or now | given or now | as it was |
| `applied_partial`, `applied_pending` | that one | given, kept or now | none | as it was |
| `dismissed` | that one | kept | none | as it was |
| superseded | as it was | kept | as it was | yes |

*Kept* is the time of an earlier `applied_*` outcome since the suggestion, *now* the time of the event.

Every move is legal from every status: an outcome after a verdict is a correction. A text that an outcome does not hold
stays, a present one replaces, null clears; a suggestion clears all three. A row of a snapshot is a suggestion followed
by its outcome.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from consumer.domain.session.ordinal import Ordinal
from schemas.sessions import FixOutcomeRecorded, FixStatus, FixSuggested, Outcome, SnapshotFix


class OutcomeText(StrEnum):
    """The texts of an outcome; each is the name of its field."""

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
"""Which texts speak of the present status. One that is left from an earlier status would contradict it: what was
awaited before the verdict, why it failed before it was found to hold, how much was left before all was done. What was
done in part stays true of a fix that then failed, awaits verification or was set aside, and may have to be undone; why
it failed is why it was set aside.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A fix and what became of it."""

    fix_id: str
    title: str
    description: str
    confidence_pct: int
    suggested: Ordinal
    """Of the newest suggestion."""
    status: FixStatus = FixStatus.PROPOSED
    pending_reason: str | None = None
    partial_notes: str | None = None
    failure_reason: str | None = None
    applied_at: datetime | None = None
    """Kept through `dismissed`, for an `applied_*` outcome that follows without one."""
    verified_at: datetime | None = None
    superseded: bool = False

    def text(self, name: OutcomeText) -> str | None:
        """One of the outcome's texts; a blank one counts as missing."""
        texts = {
            OutcomeText.PENDING_REASON: self.pending_reason,
            OutcomeText.PARTIAL_NOTES: self.partial_notes,
            OutcomeText.FAILURE_REASON: self.failure_reason,
        }
        text = texts[name]
        return text if text and not text.isspace() else None


def suggested(data: FixSuggested, place: Ordinal) -> Fix:
    """The fix as it starts, or starts over."""
    return Fix(
        fix_id=data.fix_id,
        title=data.title,
        description=data.description,
        confidence_pct=data.confidence_pct,
        suggested=place,
    )


def with_outcome(fix: Fix, data: FixOutcomeRecorded, at: datetime) -> Fix:
    """The fix after an outcome that was recorded `at`."""
    return _moved(_with_texts(fix, data), data.status, data, at)


def superseded(fix: Fix) -> Fix:
    return replace(fix, superseded=True)


def from_row(row: SnapshotFix, place: Ordinal, at: datetime) -> Fix:
    """The fix as a snapshot taken `at` shows it."""
    fix = Fix(
        fix_id=row.fix_id,
        title=row.title,
        description=row.description,
        confidence_pct=row.confidence_pct,
        suggested=place,
        superseded=row.superseded,
    )
    return _moved(_with_texts(fix, row), row.status, row, at)


def active(fixes: Iterable[Fix]) -> Fix | None:
    """The most recently suggested fix that is not superseded."""
    return max((fix for fix in fixes if not fix.superseded), key=lambda fix: fix.suggested, default=None)


def _with_texts(fix: Fix, data: Outcome) -> Fix:
    present = data.model_fields_set
    return replace(
        fix,
        pending_reason=data.pending_reason if "pending_reason" in present else fix.pending_reason,
        partial_notes=data.partial_notes if "partial_notes" in present else fix.partial_notes,
        failure_reason=data.failure_reason if "failure_reason" in present else fix.failure_reason,
    )


def _moved(fix: Fix, status: FixStatus, data: Outcome, at: datetime) -> Fix:
    return replace(
        fix,
        status=status,
        applied_at=(data.applied_at or fix.applied_at or at) if status.is_applied else fix.applied_at,
        verified_at=(data.verified_at or at) if status.is_verdict else None,
    )
