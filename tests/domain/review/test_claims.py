"""Claims that something is over, failed or applied, and when the record supports them."""

import pytest

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.review import claims
from tests.domain import answers
from tests.support import build

NOTHING: frozenset[str] = frozenset()

CLAIMS = [
    "The issue is resolved.",
    "The issue was resolved on Sunday.",
    "The problem has been fully fixed.",
    "This fixed the issue for all users.",
    "Removing the record resolved the problem.",
    "The sign-in issue, which was not small, was resolved.",
    "After a restart, the issue was resolved.",
    "The issue was not only found but resolved.",
    "The fix was verified.",
    "The change has been confirmed.",
    "The workaround worked.",
    "It was resolved by the restart.",
    "Outlook works again for everybody.",
    "Sign-in is back to normal.",
    "The prompt no longer appears.",
    "The symptom has gone away.",
    "Access was fully restored.",
    "Confirmed working on all six machines.",
    "Resolved.",
    "Status: resolved",
    "Status = applied_success, all good.",
    "No further action is needed.",
    "The ticket can be closed.",
    "Mark this ticket as resolved.",
    "The record was removed and verified.",
    "Without doubt the issue is solved.",
    "DNS and mail issues were resolved.",
    "The error disappeared.",
    "The fix is not risky, the issue is fixed.",
    "Nothing was changed. The issue is resolved.",
    "Issue closed.",
    "The matter has been addressed.",
    "The problem is sorted out.",
    "The issue has been remediated.",
    "The issue cleared up.",
    "The fault is history.",
    "The root cause was eliminated.",
    "No issue remains.",
    "Nothing is left to do.",
    "Replacing the cable did the trick.",
    "The restart took care of the issue.",
    "That did it.",
    "Users can sign in again.",
    "Mail flow is restored.",
    "Everything is fine now.",
    "Everything works.",
    "It is working.",
    "Sign-in now works for all users.",
    "The server is healthy again.",
    "Outlook was repaired.",
    "The removal of the record succeeded.",
    "The removal was successful.",
    "The fix was a success.",
    "The prompt is gone.",
    "The prompts stopped.",
    "Sign-in has recovered.",
    "Service is back.",
    "All users confirmed that Outlook opens without a prompt.",
]
NO_CLAIMS = [
    "The issue is not resolved.",
    "The issue is unresolved.",
    "The fix did not resolve the issue.",
    "The fix is in place but unverified.",
    "It has not been verified yet.",
    "Whether the issue is resolved is open.",
    "The issue has never been fixed.",
    "It remains to be verified.",
    "The host name resolved to 10.1.4.20.",
    "The name was resolved through the tunnel.",
    "The machine has a fixed address.",
    "The restart could not fix the issue.",
    "Once it is verified, the hypothesis holds.",
    "Until the fix is verified the cause stays open.",
    "The removal is awaiting verification.",
    "The problem should be solved by the removal.",
    "Nobody has verified the change.",
    "The users can't confirm that it works again.",
    "The resolution is open.",
    "The prompt came back.",
    "The mailbox was restored from the copy of Sunday.",
    "The letter was addressed to the wrong office.",
    "The record was removed so that users can sign in again.",
    "Whether the prompt is gone is open.",
    "Sign-in has not recovered.",
    "The removal was not successful.",
    "The error remains.",
    "Nothing works.",
    "The users confirmed that the prompt returns.",
]
ASKED = [
    "Confirm that the issue is resolved.",
    "Verify that sign-in works again.",
    "Check with Dana whether the prompt no longer appears.",
    "If the issue is resolved, tell the users.",
    "Test until printing works again.",
]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return answers.session()


@pytest.mark.parametrize("text", CLAIMS)
def test_a_claim_is_seen(text: str, bundle: Bundle) -> None:
    assert list(claims.closures(text, NOTHING, bundle, asks=False))


@pytest.mark.parametrize("text", NO_CLAIMS)
def test_what_is_no_claim_passes(text: str, bundle: Bundle) -> None:
    assert list(claims.closures(text, NOTHING, bundle, asks=False)) == []


@pytest.mark.parametrize("text", ASKED)
def test_a_next_step_may_ask(text: str, bundle: Bundle) -> None:
    assert list(claims.closures(text, NOTHING, bundle, asks=True)) == []


@pytest.mark.parametrize(
    "text", ["Close the ticket.", "Mark the session as resolved.", "Tell Dana that the issue is fixed."]
)
def test_a_next_step_may_not_close_the_case(text: str, bundle: Bundle) -> None:
    assert list(claims.closures(text, NOTHING, bundle, asks=True))


def test_a_success_may_be_told() -> None:
    bundle = answers.session(status="applied_success")
    assert list(claims.closures("The original issue was resolved.", NOTHING, bundle, asks=False)) == []


def test_a_success_does_not_vouch_for_another_fix() -> None:
    bundle = answers.session(status="applied_success")
    text = "Recreating the Outlook profile resolved the issue."
    assert list(claims.closures(text, NOTHING, bundle, asks=False))


def test_an_earlier_success_must_be_cited_or_named() -> None:
    bundle = build.bundle(
        build.opened(),
        build.fix("Extend the volume", fix_id="a"),
        build.outcome("applied_success", fix_id="a"),
        build.fix("Shrink the log", fix_id="b"),
        build.outcome("applied_pending", fix_id="b"),
    )
    assert list(claims.closures("The issue was resolved.", NOTHING, bundle, asks=False))
    assert list(claims.closures("The full disk was fixed.", frozenset({"X1"}), bundle, asks=False)) == []
    assert list(claims.closures("Extending the volume solved the first issue.", NOTHING, bundle, asks=False)) == []


def test_a_fact_vouches_for_its_own_subject_only() -> None:
    bundle = build.bundle(build.opened(), build.fact("After the cable was changed the scanner at gate 2 works again."))
    said = "The scanner at gate 2 works again after the cable was changed."
    assert list(claims.closures(said, frozenset({"F1"}), bundle, asks=False)) == []
    assert list(
        claims.closures("All scanners work fine, the printers print again.", frozenset({"F1"}), bundle, asks=False)
    )


def test_a_check_that_was_run_verifies_what_it_found(bundle: Bundle) -> None:
    said = "On ACC-WS-04 the name autodiscover.example.com was verified to resolve to 10.1.4.20."
    assert list(claims.closures(said, frozenset({"F2"}), bundle, asks=False)) == []
    assert list(claims.closures(said, frozenset({"F1"}), bundle, asks=False))


@pytest.mark.parametrize(
    "bundle",
    [
        build.bundle(build.opened(), build.fact("The change was rolled back on Sunday.")),
        build.bundle(build.opened(problem_summary="The change was rolled back on Sunday.")),
        build.bundle(build.opened(), build.fix(description="It was rolled back on Sunday.")),
    ],
    ids=["fact", "summary", "fix"],
)
def test_what_was_undone_may_be_told_wherever_it_is_recorded(bundle: Bundle) -> None:
    assert list(claims.false_outcomes("The change was rolled back.", bundle)) == []


def test_no_text_but_an_outcome_closes_the_case() -> None:
    """A text that calls the issue resolved is no outcome."""
    bundle = build.bundle(build.opened(), build.fact("The issue is resolved."), reason="The issue is resolved.")
    assert list(claims.closures("The issue is resolved.", frozenset({"F1", "R1"}), bundle, asks=False))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("The active fix failed on all machines.", "applied_pending"),
        ("The change was rolled back.", "applied_pending"),
        ("The fix was applied on Sunday.", "proposed"),
        ("Removing the stale autodiscover record has been implemented.", "dismissed"),
    ],
)
def test_an_outcome_that_is_not_recorded_is_seen(text: str, status: str) -> None:
    events = [build.opened(), build.fix("Remove the stale autodiscover record")]
    if status != "proposed":
        events.append(build.outcome(status))
    assert list(claims.false_outcomes(text, build.bundle(*events)))


@pytest.mark.parametrize(
    "text",
    [
        "The fix was not applied.",
        "If the change is applied, look again.",
        "The sign-in failed at 10:00.",
        "The cause is open.",
    ],
)
def test_what_tells_no_outcome_passes(text: str) -> None:
    bundle = build.bundle(build.opened(), build.fix("Remove the stale autodiscover record"))
    assert list(claims.false_outcomes(text, bundle)) == []


FAILED = build.bundle(
    build.opened(), build.fix("Restart the print spooler"), build.outcome("applied_failed")
).records.fixes[0]


@pytest.mark.parametrize(
    "step",
    [
        "Restart the print spooler.",
        "Log on to the server and restart the spooler for printing.",
        "Retry the spooler restart.",
        "Try the restart of the print spooler again.",
        "Restart the print spooler, since it is stuck.",
        "Restart the print spooler and check whether printing works.",
        "Never mind the log; restart the print spooler.",
        "Perform another restart of the spooler for printing.",
        "Have someone on site restart the print spooler service.",
        "If nobody can print, restart the print spooler.",
        "Compare the queues. Then restart the print spooler.",
    ],
)
def test_a_failed_fix_is_not_asked_for_again(step: str) -> None:
    assert claims.repeats(step, FAILED, FAILED)


@pytest.mark.parametrize(
    "step",
    [
        "Do not restart the print spooler again.",
        "Look at the spooler's log after the last restart.",
        "Find out why restarting the print spooler did not help.",
        "Replace the print driver instead of restarting the spooler.",
        "Compare the print queue with one that works.",
        "Find out whether the print spooler was restarted on both servers.",
        "The restart of the print spooler was tried; look at the driver.",
        "Restarting the print spooler failed already, so look at the driver.",
        "Run the driver's own check before the print spooler is restarted by anybody.",
    ],
)
def test_what_is_another_path_passes(step: str) -> None:
    assert not claims.repeats(step, FAILED, FAILED)


def _alike(status: str, failed: str, active: str) -> Bundle:
    events = [build.opened(), build.fix(failed, fix_id="failed"), build.outcome("applied_failed", fix_id="failed")]
    events.append(build.fix(active, fix_id="active", confidence_pct=90))
    if status != "proposed":
        events.append(build.outcome(status, fix_id="active", pending_reason="the user", partial_notes="one of two"))
    return build.bundle(*events)


@pytest.mark.parametrize("status", ["proposed", "applied_partial", "applied_pending"])
@pytest.mark.parametrize("failed", ["Restart the spooler on PRINT01", "Restart the spooler on PRINT02"])
def test_a_step_that_takes_up_the_active_fix_repeats_no_other_that_is_called_alike(status: str, failed: str) -> None:
    """Otherwise the step that the table demands is refused, repaired, refused again, and paid for twice."""
    bundle = _alike(status, failed, "Restart the spooler on PRINT02")
    assert not claims.repeats(
        "Now: restart the spooler on PRINT02.", bundle.records.fixes[0], bundle.records.active_fix
    )


@pytest.mark.parametrize(
    ("status", "step"),
    [
        ("proposed", "Restart the spooler on PRINT01."),
        ("proposed", "Restart the spooler on PRINT01 and PRINT02."),
        ("proposed", "Restart the spooler."),
        ("applied_success", "Restart the spooler on PRINT02."),
        ("dismissed", "Restart the spooler on PRINT02."),
    ],
)
def test_a_failed_fix_does_not_hide_behind_one_that_is_called_alike(status: str, step: str) -> None:
    bundle = _alike(status, "Restart the spooler on PRINT01", "Restart the spooler on PRINT02")
    assert claims.repeats(step, bundle.records.fixes[0], bundle.records.active_fix)
