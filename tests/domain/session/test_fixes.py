"""The life cycle of a fix, move by move."""

from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.domain.events import SessionEvent
from consumer.domain.session.fixes import RELEVANT, Fix, OutcomeText
from schemas.sessions import FixStatus
from tests.support import build

GIVEN = "2026-01-01T08:00:00+01:00"
GIVEN_AT = datetime(2026, 1, 1, 7, 0, tzinfo=UTC)
APPLIED = ["applied_success", "applied_failed", "applied_partial", "applied_pending"]
VERDICTS = ["applied_success", "applied_failed"]
OUTCOMES = [*APPLIED, "dismissed"]


def after(*events: SessionEvent) -> Fix:
    """The fix that was suggested with version 1; the outcomes have versions 2, 3, …"""
    return build.session(build.fix(), *events).fixes[0]


def at(version: int) -> datetime:
    return build.minute(version)


def test_starts_proposed_without_times_and_texts() -> None:
    fix = after()
    assert fix.status is FixStatus.PROPOSED
    assert fix.applied_at is fix.verified_at is None
    assert fix.pending_reason is fix.partial_notes is fix.failure_reason is None


class TestAppliedAt:
    @pytest.mark.parametrize("status", APPLIED)
    def test_is_the_given_time(self, status: str) -> None:
        assert after(build.outcome(status, applied_at=GIVEN)).applied_at == GIVEN_AT

    @pytest.mark.parametrize("status", APPLIED)
    def test_is_else_the_time_of_the_event(self, status: str) -> None:
        assert after(build.outcome(status)).applied_at == at(2)

    @pytest.mark.parametrize("status", APPLIED)
    @pytest.mark.parametrize("earlier", APPLIED)
    def test_is_else_kept_from_an_earlier_outcome(self, earlier: str, status: str) -> None:
        assert after(build.outcome(earlier), build.outcome(status)).applied_at == at(2)

    @pytest.mark.parametrize("status", APPLIED)
    def test_is_kept_through_a_dismissal(self, status: str) -> None:
        assert after(build.outcome(status), build.outcome("dismissed"), build.outcome(status)).applied_at == at(2)

    @pytest.mark.parametrize("status", APPLIED)
    def test_given_later_replaces_a_kept_one(self, status: str) -> None:
        assert after(build.outcome("applied_pending"), build.outcome(status, applied_at=GIVEN)).applied_at == GIVEN_AT

    @pytest.mark.parametrize("status", APPLIED)
    def test_null_counts_as_not_given(self, status: str) -> None:
        assert after(build.outcome(status), build.outcome(status, applied_at=None)).applied_at == at(2)

    def test_is_not_taken_from_a_dismissal(self) -> None:
        assert after(build.outcome("dismissed", applied_at=GIVEN)).applied_at is None


class TestVerifiedAt:
    @pytest.mark.parametrize("status", VERDICTS)
    def test_is_stamped_by_a_verdict(self, status: str) -> None:
        assert after(build.outcome(status)).verified_at == at(2)
        assert after(build.outcome(status, verified_at=GIVEN)).verified_at == GIVEN_AT

    @pytest.mark.parametrize("status", VERDICTS)
    def test_is_stamped_anew_by_every_verdict(self, status: str) -> None:
        assert after(build.outcome("applied_success"), build.outcome(status)).verified_at == at(3)

    @pytest.mark.parametrize("verdict", VERDICTS)
    @pytest.mark.parametrize("status", ["applied_partial", "applied_pending", "dismissed"])
    def test_is_cleared_by_any_other_outcome(self, verdict: str, status: str) -> None:
        assert after(build.outcome(verdict), build.outcome(status)).verified_at is None

    @pytest.mark.parametrize("status", ["applied_partial", "applied_pending", "dismissed"])
    def test_is_never_taken_by_any_other_outcome(self, status: str) -> None:
        assert after(build.outcome(status, verified_at=GIVEN)).verified_at is None


class TestPending:
    def test_stamps_applied_and_never_verified(self) -> None:
        fix = after(build.outcome("applied_pending", pending_reason="the month-end run"))
        assert fix.status is FixStatus.APPLIED_PENDING
        assert (fix.applied_at, fix.verified_at) == (at(2), None)

    def test_recorded_again_updates_its_reason(self) -> None:
        fix = after(
            build.outcome("applied_pending", pending_reason="the backup on Monday"),
            build.outcome("applied_pending", pending_reason="the backup on Tuesday"),
        )
        assert (fix.pending_reason, fix.applied_at) == ("the backup on Tuesday", at(2))

    @pytest.mark.parametrize("status", OUTCOMES)
    def test_is_left_and_entered_from_everywhere(self, status: str) -> None:
        assert after(build.outcome("applied_pending"), build.outcome(status)).status == status
        assert after(build.outcome(status), build.outcome("applied_pending")).status == "applied_pending"


class TestTexts:
    @pytest.mark.parametrize("name", OutcomeText)
    def test_absent_stays_present_replaces_null_clears(self, name: OutcomeText) -> None:
        def text(*fields: dict[str, Any]) -> str | None:
            return after(*(build.outcome("applied_partial", **each) for each in fields)).text(name)

        assert text({name.value: "One."}, {}) == "One."
        assert text({name.value: "One."}, {name.value: "Two."}) == "Two."
        assert text({name.value: "One."}, {name.value: None}) is None

    @pytest.mark.parametrize("name", OutcomeText)
    def test_a_blank_one_counts_as_missing(self, name: OutcomeText) -> None:
        blank: dict[str, Any] = {name.value: " \n"}
        assert after(build.outcome("applied_partial", **blank)).text(name) is None

    def test_every_status_says_which_ones_speak_of_it(self) -> None:
        assert set(RELEVANT) == set(FixStatus)

    def test_an_outcome_that_needs_a_text_shows_it(self) -> None:
        assert OutcomeText.PENDING_REASON in RELEVANT[FixStatus.APPLIED_PENDING]
        assert OutcomeText.PARTIAL_NOTES in RELEVANT[FixStatus.APPLIED_PARTIAL]
        assert OutcomeText.FAILURE_REASON in RELEVANT[FixStatus.APPLIED_FAILED]

    @pytest.mark.parametrize("status", [status for status in FixStatus if status is not FixStatus.APPLIED_PENDING])
    def test_what_was_awaited_is_told_of_pending_fixes_only(self, status: FixStatus) -> None:
        assert OutcomeText.PENDING_REASON not in RELEVANT[status]


class TestStartingOver:
    @pytest.mark.parametrize("status", OUTCOMES)
    def test_suggested_again_is_as_suggested_first(self, status: str) -> None:
        fix = after(
            build.outcome(status, failure_reason="No.", partial_notes="Half.", pending_reason="Monday"),
            build.superseded(),
            build.fix(),
        )
        assert fix == build.session(build.closed(), build.closed(), build.closed(), build.fix()).fixes[0]

    def test_times_of_before_are_forgotten(self) -> None:
        fix = after(build.outcome("applied_failed"), build.fix(), build.outcome("applied_failed"))
        assert fix.applied_at == at(4)


@pytest.mark.parametrize("status", OUTCOMES)
@pytest.mark.parametrize("verdict", VERDICTS)
def test_an_outcome_after_a_verdict_is_a_correction_and_is_taken(verdict: str, status: str) -> None:
    assert after(build.outcome(verdict), build.outcome(status)).status == status


def test_a_superseded_fix_still_takes_outcomes() -> None:
    fix = after(build.superseded(), build.outcome("applied_failed"))
    assert fix.superseded
    assert fix.status is FixStatus.APPLIED_FAILED
