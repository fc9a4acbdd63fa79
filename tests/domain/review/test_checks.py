"""Each rule has an answer that breaks it alone. With the rule off, that answer passes."""

import json
from types import MappingProxyType
from typing import Any

import pytest

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.review import checks, gate, shape
from consumer.domain.review.gate import Accepted, Rejected
from consumer.domain.review.violations import Rule
from tests.domain import answers


def _scan(text: str) -> str:
    return text.replace("Tr0ub4dor&3x", "[REDACTED:password#1]")


def _edited(**fields: Any) -> str:
    return json.dumps(answers.good() | fields)


def _problem(text: str, *records: str) -> str:
    return _edited(problem={"text": text, "records": list(records) or ["P1"]})


def _first_step(text: str) -> str:
    return _edited(next_steps=[{"text": text, "records": ["X2"]}, *answers.good()["next_steps"][1:]])


CYRILLIC = "\u0421\u0435\u0440\u0432\u0435\u0440 \u043e\u0442\u043a\u043b\u044e\u0447\u0451\u043d."
BROKEN: list[tuple[Rule, str]] = [
    (Rule.UNREADABLE, "I have looked at the session and everything seems fine."),
    (Rule.UNREADABLE, json.dumps({name: part for name, part in answers.good().items() if name != "problem"})),
    (Rule.UNREADABLE, answers.SECTIONS.replace("## Current hypothesis", "## Hypothesis")),
    (Rule.UNREADABLE, answers.SECTIONS + "\n## Notes for the customer\n\nAll good.\n"),
    (Rule.CANARY, answers.with_step("Keep the reference amber-lattice-7719 in mind for the next call.")),
    (Rule.CANARY, answers.with_step("Keep the reference A-M-B-E-R lattice 7 7 1 9 in mind for the next call.")),
    (Rule.SECRET, answers.with_step("Sign in to the zone with Tr0ub4dor&3x and look.")),
    (Rule.SECRET, _problem("Outlook asked six users in accounting for a password: Tr0ub4dor&3x was typed.")),
    (Rule.SECRET, answers.with_text("hypothesis", "The password Tr0ub4dor&3x was typed there.")),
    (Rule.SECRET, _edited(notes=[{"record": "S1", "text": "It asked for Tr0ub4dor&3x there."}])),
    (Rule.LANGUAGE, _problem("Seit Montag wurde Outlook in der Buchhaltung nach einem Kennwort gefragt, und es ist"
                             " nicht gelungen, die Anmeldung zu beenden.")),
    (Rule.LANGUAGE, answers.with_text("hypothesis", CYRILLIC)),
    (Rule.EMPTY, answers.with_step("Restart.")),
    (Rule.LENGTH, answers.with_step("Ask the users again and " + "again and " * 40 + "write it down.")),
    (Rule.MARKUP, answers.with_step("Ask the users <b>today</b> what they saw.")),
    (Rule.MARKUP, answers.with_step("Ask the users.\n## Problem\nWhat they saw.")),
    (Rule.MARKUP, answers.with_step("Ask the users ![today](what) they saw.")),
    (Rule.MARKUP, answers.with_step("Ask the users:\n- what they saw\n- when")),
    (Rule.MARKUP, answers.with_step("Ask the users what &#x3c;they saw.")),
    (Rule.INVISIBLE, answers.with_step("Ask the us\u200bers what they saw.")),
    (Rule.INVISIBLE, answers.with_step("Ask the users \u202ewhat they saw.")),
    (Rule.INVISIBLE, answers.with_step("Ask the users\x1b what they saw.")),
    (Rule.LINK, answers.with_step("Look at https://evil.example/x?d=1 for the cause.")),
    (Rule.LINK, answers.with_step("Look at www.evil.example for the cause.")),
    (Rule.PLACEHOLDER, answers.with_step("Ask the zone's owner, TBD, for the change.")),
    (Rule.PLACEHOLDER, answers.with_step("Ask [insert name here] for the change.")),
    (Rule.PLACEHOLDER, answers.with_step("Lorem ipsum was asked for the change.")),
    (Rule.RECORD_ID, answers.with_step("Compare with F2 on another machine.")),
    (Rule.SELF, answers.with_step("As an AI language model the writer cannot look further.")),
    (Rule.SELF, answers.with_step("Ask Claude for the change of the record.")),
    (Rule.INTAKE_QUOTED, answers.with_text("hypothesis", answers.INTAKE[20:340])),
    (Rule.FOREIGN, answers.with_step("Ask the owner of EXCH-NEW for the change.")),
    (Rule.CLOSURE, answers.with_text("hypothesis", "The issue was resolved on Sunday.")),
    (Rule.CLOSURE, answers.with_text("hypothesis", "Removing the record fixed it for accounting.")),
    (Rule.OUTCOME, answers.with_text("hypothesis", "The change was rolled back on Sunday.")),
    (Rule.HEDGED, _problem("Outlook was probably asking six users in accounting for a password.")),
    (Rule.TENSE, _problem("Outlook asks six users in accounting for a password again and again.")),
    (Rule.CITATION, answers.with_step("Ask who switched the old server off.", "F9")),
    (Rule.CITATION, _edited(problem={"text": answers.good()["problem"]["text"], "records": []})),
    (Rule.CITATION, _problem(answers.good()["problem"]["text"], "X1", "S1")),
    (Rule.CITATION, _edited(hypothesis=answers.good()["hypothesis"] | {"records": ["X1", "S1", "P1"]})),
    (Rule.CITATION, _edited(notes=[{"record": "F1", "text": "All six users were asked."}])),
    (Rule.REPEATED_FIX, answers.with_step("Recreate the Outlook profile on all six machines.")),
    (Rule.REPEATED_FIX, answers.with_step("Try the Outlook profile once more.")),
    (Rule.FIRST_STEP, _first_step("Ask the users of the other departments what they see.")),
    (Rule.FIRST_STEP, _first_step("Confirm that the record is gone.")),
    (Rule.STEP_COUNT, _edited(next_steps=answers.good()["next_steps"][:1])),
    (Rule.STEP_COUNT, _edited(next_steps=[*answers.good()["next_steps"],
                                          {"text": "Write down what the users see.", "records": ["P1"]},
                                          {"text": "Write down when the users see it.", "records": ["P1"]}])),
]  # fmt: skip


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return answers.session()


def test_the_answer_that_the_others_are_made_from_keeps_every_rule(bundle: Bundle) -> None:
    accepted = gate.review(answers.text(), bundle, scan=_scan)
    assert isinstance(accepted, Accepted), accepted
    assert accepted.warnings == ()
    assert accepted.draft.confirmed


def test_every_rule_is_broken_by_an_answer() -> None:
    assert {rule for rule, _ in BROKEN} == set(Rule)


@pytest.mark.parametrize(("rule", "answer"), BROKEN)
def test_an_answer_that_breaks_one_rule_is_rejected_for_it_alone(rule: Rule, answer: str, bundle: Bundle) -> None:
    verdict = gate.review(answer, bundle, scan=_scan)
    assert isinstance(verdict, Rejected)
    assert {violation.rule for violation in verdict.violations} == {rule}, [str(each) for each in verdict.violations]
    if rule not in {
        Rule.UNREADABLE,
        Rule.CANARY,
        Rule.SECRET,
        Rule.LANGUAGE,
        Rule.STEP_COUNT,
    }:  # seen at its place, not only in the text that goes out
        assert all(violation.place for violation in verdict.violations)


@pytest.mark.parametrize(
    ("rule", "answer"),
    [(rule, answer) for rule, answer in BROKEN if rule is not Rule.UNREADABLE],
)
def test_with_its_rule_off_it_is_not_noticed(
    rule: Rule, answer: str, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that no rule hides behind another."""
    for table in ("STATEMENT_RULES", "WHOLE_RULES", "STEPS_RULES"):
        rules = {name: look for name, look in getattr(checks, table).items() if name is not rule}
        monkeypatch.setattr(checks, table, MappingProxyType(rules))
    monkeypatch.setattr(shape, "CHECKS", ())  # some promises are checked once more on the text that goes out
    verdict = gate.review(answer, bundle, scan=_scan)
    left = {violation.rule for violation in verdict.violations} if isinstance(verdict, Rejected) else set()
    assert rule not in left


def test_details_are_one_harmless_line(bundle: Bundle) -> None:
    verdict = gate.review(
        answers.with_step('Look at <a href="https://evil.example/">this\u200b</a>.'), bundle, scan=_scan
    )
    assert isinstance(verdict, Rejected)
    for violation in verdict.violations:
        assert "\n" not in str(violation)
        assert "<a" not in str(violation)
        assert str(violation).startswith("next_steps[2]: ")


@pytest.mark.parametrize(
    ("status", "step", "held"),
    [
        ("applied_pending", "Confirm whether Dana signs in after the restart at 16:00.", True),
        ("applied_pending", "Confirm whether the record is gone everywhere.", False),
        ("applied_pending", "Dana signs in after the restart at 16:00.", False),
        ("applied_partial", "Finish removing the stale autodiscover record and verify it.", True),
        ("applied_partial", "Ask the users of the other departments what they see.", False),
        ("applied_failed", "Look for what else answers, because the zone is replicated from the other site.", True),
        ("applied_failed", "Ask the users of the other departments what they see.", False),
        ("dismissed", "Ask the users of the other departments what they see.", True),
        ("applied_success", "Ask the users of the other departments what they see.", True),
    ],
)  # fmt: skip
def test_the_first_step_follows_the_outcome(status: str, step: str, held: bool) -> None:
    outcome: dict[str, Any] = {"status": status}
    match status:
        case "applied_partial":
            outcome["partial_notes"] = "Removed on one of two servers."
        case "applied_failed":
            outcome["failure_reason"] = "The zone is replicated from the other site and the record came back."
        case _:
            pass
    verdict = gate.review(_first_step(step), answers.session(**outcome), scan=_scan)
    broken = {violation.rule for violation in verdict.violations} if isinstance(verdict, Rejected) else set()
    assert (Rule.FIRST_STEP not in broken) == held


@pytest.mark.parametrize(
    ("confidence_pct", "step", "held"),
    [
        (85, "Try removing the stale autodiscover record.", True),
        (85, "Ask the users of the other departments.", False),
        (80, "Ask the users of the other departments.", True),
    ],
)
def test_a_confident_proposal_is_tried_first(confidence_pct: int, step: str, held: bool) -> None:
    from tests.support import build

    bundle = build.bundle(
        build.opened(), build.fix("Remove the stale autodiscover record", confidence_pct=confidence_pct)
    )
    answer = answers.good() | {
        "confirmed": [],
        "next_steps": [{"text": step, "records": ["X1"]}, {"text": "Write down what was seen.", "records": ["P1"]}],
    }
    verdict = gate.review(json.dumps(answer), bundle, scan=_scan)
    broken = {violation.rule for violation in verdict.violations} if isinstance(verdict, Rejected) else set()
    assert (Rule.FIRST_STEP not in broken) == held
