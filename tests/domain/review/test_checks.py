"""Each rule has an answer that breaks it alone. With the rule off, that answer passes."""

import json
from types import MappingProxyType
from typing import Any

import pytest

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.review import checks, gate, whole
from consumer.domain.review.gate import Reviewed
from consumer.domain.review.violations import OF_READER, Rule
from tests.domain import answers
from tests.support import build


def _scan(text: str) -> str:
    return text.replace("Tr0ub4dor&3x", "[REDACTED:password#1]")


def _edited(**fields: Any) -> str:
    return json.dumps(answers.good() | fields)


def _problem(text: str, *records: str) -> str:
    return _edited(problem={"text": text, "records": list(records) or ["P1"]})


def _step(text: str, *, fix: str, action: str) -> str:
    """The good answer with another third step."""
    step = {"text": text, "records": [fix], "fix": fix, "action": action}
    return _edited(next_steps=[*answers.good()["next_steps"][:2], step])


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
    (Rule.SELF, answers.with_step("I am not able to tell which server answers.")),
    (Rule.CANARY, answers.with_step("Between the session-records it was said to be so.")),
    (Rule.SELF, answers.with_step("Ask Claude for the change of the record.")),
    (Rule.INTAKE_QUOTED, answers.with_text("hypothesis", answers.INTAKE[20:340])),
    (Rule.FOREIGN, answers.with_step("Ask the owner of EXCH-NEW for the change.")),
    (Rule.FOREIGN, _edited(confirmed=[{"record": "F2", "text": "On ACC-WS-04 the name resolves to 10.1.4.21."}])),
    (Rule.FOREIGN, _edited(confirmed=[{"record": "F2", "text": "On ACC-WS-04 the name leads to EXCH-OLD."}])),
    (Rule.LANGUAGE, _edited(confirmed=[{"record": "F2", "text": "Auf ACC-WS-04 ist der Name nicht mehr der des"
                                                                " neuen Servers, und das ist die Ursache."}])),
    (Rule.OUTCOME, answers.with_text("hypothesis", "The issue was resolved.")),
    (Rule.OUTCOME, _problem("The problem has been fully fixed and verified by the customer.")),
    (Rule.CITATION, answers.with_step("Ask who switched the old server off.", "F9")),
    (Rule.CITATION, _edited(problem={"text": answers.good()["problem"]["text"], "records": []})),
    (Rule.CITATION, _edited(notes=[{"record": "S9", "text": "All six users were asked."}])),
    (Rule.CITATION, _edited(confirmed=[{"record": "X1", "text": "The prompt came back."}])),
    (Rule.REPEATED_FIX, _step("Do it once more on all six machines.", fix="X1", action="try")),
    (Rule.STEP_COUNT, _edited(next_steps=answers.good()["next_steps"][:1])),
]  # fmt: skip


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return answers.session()


def test_the_answer_that_the_others_are_made_from_keeps_every_rule(bundle: Bundle) -> None:
    reviewed = gate.review(answers.text(), bundle, scan=_scan)
    assert isinstance(reviewed, Reviewed), reviewed
    assert reviewed.violations == ()
    assert reviewed.draft.confirmed


def test_every_rule_of_code_is_broken_by_an_answer() -> None:
    assert {rule for rule, _ in BROKEN} == set(Rule) - OF_READER


@pytest.mark.parametrize(("rule", "answer"), BROKEN)
@pytest.mark.promise(7)
def test_an_answer_that_breaks_one_rule_is_rejected_for_it_alone(rule: Rule, answer: str, bundle: Bundle) -> None:
    verdict = gate.review(answer, bundle, scan=_scan)
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
    [(rule, answer) for rule, answer in BROKEN if rule in {*checks.STATEMENT_RULES, *whole.WHOLE_RULES}],
)
def test_with_its_rule_off_it_is_not_noticed(
    rule: Rule, answer: str, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that no rule hides behind another."""
    for module, table in ((checks, "STATEMENT_RULES"), (whole, "WHOLE_RULES")):
        rules = {name: look for name, look in getattr(module, table).items() if name is not rule}
        monkeypatch.setattr(module, table, MappingProxyType(rules))
    verdict = gate.review(answer, bundle, scan=_scan)
    assert rule not in {violation.rule for violation in verdict.violations}


def test_details_are_one_harmless_line(bundle: Bundle) -> None:
    verdict = gate.review(
        answers.with_step('Look at <a href="https://evil.example/">this\u200b</a>.'), bundle, scan=_scan
    )
    assert verdict.violations
    for violation in verdict.violations:
        assert "\n" not in str(violation)
        assert "<a" not in str(violation)
        assert str(violation).startswith("next_steps[2]: ")


TRUE = [
    answers.with_text("hypothesis", "Once the issue is resolved, the other names can wait."),
    answers.with_text("hypothesis", "The issue was resolved for the web page only, where the name is not used."),
    answers.with_text("problem", "Outlook is asking six users in accounting for a password, probably since Monday."),
    answers.with_step("Do not recreate the Outlook profile again; look at the name instead."),
    answers.with_step("Close the ticket only after a full working day without a prompt."),
    answers.with_step("Webmail works fine, so compare what it uses with what Outlook uses."),
    _edited(problem={"text": answers.good()["problem"]["text"], "records": ["X1", "S1"]}),
    _edited(hypothesis=answers.good()["hypothesis"] | {"records": ["P1", "F99"]}),
    answers.with_text("hypothesis", "The session records do not say why."),
    _edited(notes=[{"record": "P1", "text": "All six users were asked."}]),
    answers.with_text("hypothesis", "It may end with the session"),
    _edited(confirmed=[{"record": "F2", "text": "I am on ACC-WS-04, and the name still leads to the old address."}]),
]
"""Statements that words alone might take for untrue: what code refuses is certain."""


@pytest.mark.parametrize("answer", TRUE)
def test_what_may_be_true_is_not_refused(answer: str, bundle: Bundle) -> None:
    assert gate.review(answer, bundle, scan=_scan).violations == ()


@pytest.mark.parametrize(
    ("recorded", "said", "broken"),
    [("md127 [8/8] [UUUUUUUU]", "It shows md127 [8/8] [UUUUUUUU] today.", ()),
     ("md127 [8/8]", "It shows md127 [8/8] [UUUUUUU_] today.", (Rule.MARKUP,)),
     ("sdb3[1] sdc3[2](F)", "It shows sdb3[1] sdc3[2](F) today.", ()),
     ("see [today](http://what.example)", "Ask the users [today](http://what.example) they saw.", (Rule.MARKUP,))],
)  # fmt: skip
def test_brackets_of_a_record_are_no_markup_and_links_are(recorded: str, said: str, broken: tuple[Rule, ...]) -> None:
    bundle = build.bundle(*answers.events(build.fact(recorded, fact_id="f9")))
    violations = gate.review(answers.with_step(said), bundle, scan=_scan).violations
    assert tuple(violation.rule for violation in violations if violation.rule is Rule.MARKUP) == broken


def test_a_case_that_is_solved_may_be_called_so() -> None:
    answer = answers.with_text("hypothesis", "The issue was resolved.")
    assert gate.review(answer, answers.session(status="applied_success"), scan=_scan).violations == ()


def test_what_a_record_says_to_be_over_may_be_called_so() -> None:
    answer = answers.with_text("hypothesis", "The issue was resolved.")
    events = answers.events(build.fact("For the owner it was resolved on Monday.", fact_id="f9"))
    assert gate.review(answer, build.bundle(*events), scan=_scan).violations == ()
