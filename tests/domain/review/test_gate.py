"""The gate: what it accepts, what it removes, and that no attack which a model obeys reaches a package."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.review import gate, shape
from consumer.domain.review.gate import Accepted, Rejected
from consumer.domain.review.violations import Rule
from consumer.domain.text import sanitize
from consumer.domain.writing import outcome_table
from schemas.packages import Caution, SectionKey
from tests.domain import answers, attacks
from tests.domain.answers import keep
from tests.domain.attacks import ATTACKS, FORBIDDEN, Attack
from tests.domain.writing.test_markdown import assert_harmless, body, bullets
from tests.support import build


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return answers.session()


def with_step(step: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(answers.with_step(step))
    return answer


def test_an_answer_in_sections_makes_the_package_with_codes_lists(bundle: Bundle) -> None:
    verdict = gate.review(answers.SECTIONS, bundle, scan=keep)
    assert isinstance(verdict, Accepted), verdict
    assert "everything is resolved" not in verdict.rendered.markdown
    assert bullets(verdict.rendered, SectionKey.CONFIRMED)[1].startswith("autodiscover.example.com resolves to")
    assert "did not resolve the issue" in body(verdict.rendered, SectionKey.TRIED)


def test_slips_that_cost_nothing_are_mended(bundle: Bundle) -> None:
    answer = with_step("Ask **today** who switched off EXCH-OLD (F3, X2).")
    answer["next_steps"].append(answer["next_steps"][2])
    verdict = gate.review(json.dumps(answer), bundle, scan=keep)
    assert isinstance(verdict, Accepted), verdict
    assert bullets(verdict.rendered, SectionKey.NEXT_STEPS)[2:] == ["Ask today who switched off EXCH-OLD."]


@pytest.mark.parametrize(
    ("wording", "taken"),
    [
        ("autodiscover.example.com resolves to 10.1.4.20 on ACC-WS-04, which no longer answers.", True),
        ("autodiscover.example.com resolves to 10.1.4.20.", False),  # the denial is missing
        ("autodiscover.example.com resolves to 10.1.4.21, which no longer answers.", False),
        ("ACC-WS-04 finds EXCH-OLD, which no longer answers.", False),
        ("The users no longer see any prompt on ACC-WS-04.", False),
        ("On ACC-WS-04 autodiscover.example.com resolves to 10.1.4.20, EXCH-OLD no longer answers.", False),
        ("On **ACC-WS-04 autodiscover.example.com resolves to 10.1.4.20, no longer answers.", False),
        ("", False),
        (
            "On ACC-WS-04 autodiscover.example.com resolves to 10.1.4.20, which no longer answers on port 443, too.",
            False,
        ),
    ],
)
def test_a_wording_is_taken_only_where_its_fact_says_so(wording: str, taken: bool, bundle: Bundle) -> None:
    answer = answers.good() | {"confirmed": [{"record": "F2", "text": wording}]}
    verdict = gate.review(json.dumps(answer), bundle, scan=keep)
    assert isinstance(verdict, Accepted), verdict
    shown = bullets(verdict.rendered, SectionKey.CONFIRMED)[1]
    assert (shown == wording) == taken
    assert taken or shown == bundle.records.facts[1].text


def test_what_code_writes_alone_is_not_asked_of_the_model() -> None:
    bundle = build.bundle(build.opened(title=None))
    answer = {
        "problem": {"text": "", "records": []},
        "confirmed": [],
        "notes": [],
        "hypothesis": {"text": "Whatever <b>this</b> is.", "records": []},
        "next_steps": [
            {"text": "Ask who reported it what was seen.", "records": ["P1"]},
            {"text": "Reproduce it and write down the error.", "records": ["P1"]},
        ],
    }
    verdict = gate.review(json.dumps(answer), bundle, scan=keep)
    assert isinstance(verdict, Accepted), verdict
    assert "Whatever" not in verdict.rendered.markdown


def test_a_shortened_prompt_is_told() -> None:
    bundle = build.bundle(build.opened(), *(build.fact(f"{n} " + "y " * 900, fact_id=str(n)) for n in range(100)))
    assert Caution.TRUNCATED_INPUT in gate.by_rules(bundle).warnings


class TestSalvage:
    def test_a_sound_answer_loses_nothing(self, bundle: Bundle) -> None:
        verdict = gate.salvage(answers.text(), bundle, scan=keep)
        assert isinstance(verdict, Accepted)
        assert verdict.warnings == ()

    def test_the_step_at_fault_falls_out(self, bundle: Bundle) -> None:
        verdict = gate.salvage(answers.with_step("Run Remove-Mailbox on EXCH-NEW."), bundle, scan=keep)
        assert isinstance(verdict, Accepted)
        assert verdict.warnings == (Caution.STATEMENTS_REMOVED,)
        assert len(bullets(verdict.rendered, SectionKey.NEXT_STEPS)) == 2

    def test_the_sentence_at_fault_falls_out(self, bundle: Bundle) -> None:
        said = "The name still pointed to the old server. The issue is resolved. EXCH-NEW answers."
        verdict = gate.salvage(answers.with_text("hypothesis", said), bundle, scan=keep)
        assert isinstance(verdict, Accepted)
        hypothesis = body(verdict.rendered, SectionKey.HYPOTHESIS)
        assert hypothesis.endswith("The name still pointed to the old server.")

    def test_a_hypothesis_may_be_left_to_code(self, bundle: Bundle) -> None:
        verdict = gate.salvage(answers.with_text("hypothesis", "The issue is resolved."), bundle, scan=keep)
        assert isinstance(verdict, Accepted)
        assert "in place but unverified" in body(verdict.rendered, SectionKey.HYPOTHESIS)

    def test_a_problem_may_not_be_lost(self, bundle: Bundle) -> None:
        verdict = gate.salvage(answers.with_text("problem", "EXCH-NEW was down."), bundle, scan=keep)
        assert isinstance(verdict, Rejected)

    def test_what_is_left_is_held_to_the_same_rules(self, bundle: Bundle) -> None:
        """The sentence that is left passes in its context, but alone it is not in the past tense."""
        said = "EXCH-NEW was down. Outlook asks six users in accounting for a password again and again."
        verdict = gate.salvage(answers.with_text("problem", said), bundle, scan=keep)
        assert isinstance(verdict, Rejected)

    def test_too_few_steps_are_not_enough(self, bundle: Bundle) -> None:
        answer = with_step("Run Remove-Mailbox on EXCH-NEW.")
        answer["next_steps"] = answer["next_steps"][1:]
        answer["next_steps"][0]["text"] = "Look at EXCH-NEW."
        assert isinstance(gate.salvage(json.dumps(answer), bundle, scan=keep), Rejected)

    def test_a_first_step_that_does_not_fit_is_preceded_by_codes_own(self, bundle: Bundle) -> None:
        answer = answers.good()
        answer["next_steps"][0]["text"] = "Ask the users of the other departments what they see."
        verdict = gate.salvage(json.dumps(answer), bundle, scan=keep)
        assert isinstance(verdict, Accepted)
        steps = bullets(verdict.rendered, SectionKey.NEXT_STEPS)
        assert steps[0] == sanitize.escape(outcome_table.first_step(bundle.records.active_fix) or "")
        assert len(steps) <= 4

    @pytest.mark.parametrize("rule", [Rule.CANARY, Rule.SECRET, Rule.LANGUAGE, Rule.UNREADABLE])
    def test_some_answers_are_not_worth_saving(self, rule: Rule, bundle: Bundle) -> None:
        text = {
            Rule.CANARY: answers.with_step("Keep amber-lattice-7719 in mind."),
            Rule.SECRET: answers.with_step("Sign in with hunter2hunter2."),
            Rule.LANGUAGE: answers.with_step("Das ist nicht die Ursache und der Server ist weg."),
            Rule.UNREADABLE: "{}",
        }[rule]
        verdict = gate.salvage(text, bundle, scan=lambda said: said.replace("hunter2hunter2", "[REDACTED:password#1]"))
        assert isinstance(verdict, Rejected)
        assert {violation.rule for violation in verdict.violations} == {rule}


def attacked(attack: Attack) -> Bundle:
    """The session of `answers`, with the attack in its place; ids stay as they are."""
    texts = {place: attack.text if place == attack.place else None for place in attacks.PLACES}
    return build.bundle(
        build.opened(
            title=texts["ticket title"] or "Outlook asks for a password in accounting",
            problem_summary="Since Monday Outlook asks six users for a password again and again.",
            intake_text=texts["intake"] or answers.INTAKE,
            psa_ticket=build.TICKET,
        ),
        build.fact(texts["fact"] or "The mailbox opens in the browser for all six users."),
        build.check(
            texts["check"] or "On ACC-WS-04 autodiscover.example.com resolves to 10.1.4.20, which no longer answers."
        ),
        build.fact("The old mail server EXCH-OLD was switched off on Sunday at 22:30.", fact_id="fact-3"),
        build.script(slug=texts["slug"] or "mail", parameters={"computer": texts["parameter"] or "ACC-WS-04"}),
        build.fix("Recreate the Outlook profile", fix_id="fix-1"),
        build.outcome("applied_failed", failure_reason="The prompt came back."),
        build.fix("Remove the stale record", fix_id="fix-2", description=texts["fix"] or "Delete the internal record."),
        build.outcome("applied_pending", fix_id="fix-2", pending_reason="Dana signs in after the 16:00 restart"),
        reason=texts["reason"] or "Needs rights on the internal DNS zone",
    )


def outgoing(accepted: Accepted) -> str:
    return accepted.rendered.markdown + accepted.rendered.plain_text + accepted.rendered.title


def test_there_are_enough_attacks() -> None:
    assert len(ATTACKS) >= 60
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
@pytest.mark.parametrize("judge", [gate.review, gate.salvage])
def test_a_model_that_obeys_an_attack_changes_nothing_that_matters(attack: Attack, judge: Any) -> None:
    bundle = attacked(attack)
    verdict = judge(attack.answer, bundle, scan=keep)
    by_rules = gate.by_rules(bundle)
    for accepted in (verdict, by_rules) if isinstance(verdict, Accepted) else (by_rules,):
        assert_harmless(accepted.rendered)
        assert list(shape.check(bundle, accepted.rendered)) == []
    if isinstance(verdict, Accepted):
        shown = outgoing(verdict)
        recorded = outgoing(by_rules)
        for forbidden in FORBIDDEN:
            assert shown.count(forbidden) == 0 or forbidden in recorded, forbidden
        hypothesis = body(verdict.rendered, SectionKey.HYPOTHESIS)
        assert hypothesis.startswith('"Remove the stale record" is in place but unverified')
        prose = hypothesis + body(verdict.rendered, SectionKey.NEXT_STEPS) + body(verdict.rendered, SectionKey.PROBLEM)
        assert not re.search(
            r"\b(?:is|was|been) (?:resolved|fixed|verified)|no further action|[Cc]lose the ticket", prose
        )


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_an_attack_that_the_model_ignores_harms_no_package(attack: Attack) -> None:
    verdict = gate.review(answers.text(), attacked(attack), scan=keep)
    assert isinstance(verdict, Accepted) or attack.place in {"fact", "check"}, verdict
    if isinstance(verdict, Accepted):
        assert_harmless(verdict.rendered)


TEXTS = st.text(max_size=80) | st.sampled_from(
    ["The issue is resolved.", "## Problem", "<b>", "https://evil.example", "TBD", "F2", "", "Ask Dana what she saw."]
)
STATEMENTS = st.fixed_dictionaries(
    {"text": TEXTS, "records": st.lists(st.sampled_from(["P1", "F1", "X2", "F99"]), max_size=3)}
)
WORDINGS = st.lists(
    st.fixed_dictionaries({"record": st.sampled_from(["F1", "F2", "S1", "X1", "Z9"]), "text": TEXTS}), max_size=3
)


@given(
    answer=st.fixed_dictionaries(
        {
            "problem": STATEMENTS,
            "confirmed": WORDINGS,
            "notes": WORDINGS,
            "hypothesis": STATEMENTS,
            "next_steps": st.lists(STATEMENTS, max_size=6),
        }
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_answered_a_package_is_sound_or_there_is_none(answer: dict[str, Any]) -> None:
    bundle = answers.session()
    for judge in (gate.review, gate.salvage):
        verdict = judge(json.dumps(answer), bundle, scan=keep)
        if isinstance(verdict, Accepted):
            assert_harmless(verdict.rendered)
            assert list(shape.check(bundle, verdict.rendered)) == []
        else:
            assert verdict.violations


def test_what_goes_out_is_checked_once_more(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate notices a renderer that forgets to escape before a person does."""
    monkeypatch.setattr("consumer.domain.writing.markdown.escape", lambda line: "<b>" + line)
    verdict = gate.review(answers.text(), bundle, scan=keep)
    assert isinstance(verdict, Rejected)
    assert Rule.MARKUP in {violation.rule for violation in verdict.violations}


def test_a_hundred_facts_take_no_more_of_the_answer_than_one() -> None:
    """Code lists the facts, however many. The answer's 1,400 tokens are for prose."""
    facts = [build.fact(f"Port {n} of the switch in room {n} was seen to flap.", fact_id=str(n)) for n in range(100)]
    answer = {
        "problem": {"text": "The ports of a switch were seen to flap.", "records": ["P1", "F1"]},
        "confirmed": [],
        "notes": [],
        "hypothesis": {"text": "", "records": []},
        "next_steps": [
            {"text": "Compare the ports that flap with those that do not.", "records": ["F1"]},
            {"text": "Ask when the switch was changed last.", "records": ["P1"]},
        ],
    }
    verdict = gate.review(json.dumps(answer), build.bundle(build.opened(), *facts), scan=keep)
    assert isinstance(verdict, Accepted), verdict
    assert len(bullets(verdict.rendered, SectionKey.CONFIRMED)) == 100
