"""The gate: what it accepts, what it removes, and that no attack which a model obeys reaches a package."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.language.languages import LANGUAGES
from consumer.domain.review import gate, shape
from consumer.domain.review.gate import Accepted, Rejected, Reviewed
from consumer.domain.review.violations import Part, Rule, StatementRef, Violation
from consumer.domain.text import sanitize
from consumer.domain.writing import outcome_table, rules_draft
from schemas.packages import Caution, SectionKey
from tests.domain import answers, attacks
from tests.domain.answers import keep
from tests.domain.attacks import ATTACKS, FORBIDDEN, Attack
from tests.domain.rendering.test_markdown import assert_harmless, body, bullets
from tests.support import build


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return answers.session()


def judged(answer: str, bundle: Bundle) -> Accepted | Rejected:
    """The package of an answer, without what code refuses; a reader finds nothing."""
    reviewed = gate.review(answer, bundle, scan=keep)
    return reviewed if isinstance(reviewed, Rejected) else gate.assemble(reviewed, bundle)


def with_step(step: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(answers.with_step(step))
    return answer


def test_an_answer_in_sections_makes_the_package_with_codes_lists(bundle: Bundle) -> None:
    verdict = judged(answers.SECTIONS, bundle)
    assert isinstance(verdict, Accepted), verdict
    assert "everything is resolved" not in verdict.rendered.markdown
    assert bullets(verdict.rendered, SectionKey.CONFIRMED)[1].startswith("autodiscover.example.com resolves to")
    assert "did not resolve the issue" in body(verdict.rendered, SectionKey.TRIED)


def test_slips_that_cost_nothing_are_mended(bundle: Bundle) -> None:
    answer = with_step("Ask **today** who switched off EXCH-OLD (F3, X2).")
    answer["next_steps"].append(answer["next_steps"][2])
    verdict = judged(json.dumps(answer), bundle)
    assert isinstance(verdict, Accepted), verdict
    assert bullets(verdict.rendered, SectionKey.NEXT_STEPS)[2:] == ["Ask today who switched off EXCH-OLD."]


@pytest.mark.parametrize(
    ("wording", "taken"),
    [
        ("autodiscover.example.com resolves to 10.1.4.20 on ACC-WS-04, which no longer answers.", True),
        ("The name leads to 10.1.4.20, which is dead.", True),
        ("autodiscover.example.com resolves to 10.1.4.21, which no longer answers.", False),
        ("ACC-WS-04 finds EXCH-OLD, which no longer answers.", False),
        ("", False),
    ],
)
def test_a_wording_is_taken_where_its_fact_holds_its_names(wording: str, taken: bool, bundle: Bundle) -> None:
    answer = answers.good() | {"confirmed": [{"record": "F2", "text": wording}]}
    accepted = judged(json.dumps(answer), bundle)
    assert isinstance(accepted, Accepted), accepted
    shown = bullets(accepted.rendered, SectionKey.CONFIRMED)[1]
    assert (shown == wording) == taken
    assert taken or shown == bundle.records.facts[1].text
    assert bool(accepted.left_out) == bool(wording and not taken), "nothing is dropped in silence"


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
    verdict = judged(json.dumps(answer), bundle)
    assert isinstance(verdict, Accepted), verdict
    assert "Whatever" not in verdict.rendered.markdown


def test_a_shortened_prompt_is_told() -> None:
    bundle = build.bundle(build.opened(), *(build.fact(f"{n} " + "y " * 900, fact_id=str(n)) for n in range(100)))
    assert Caution.TRUNCATED_INPUT in gate.by_rules(bundle).warnings


class TestWhatLeaves:
    def test_a_sound_answer_loses_nothing(self, bundle: Bundle) -> None:
        accepted = judged(answers.text(), bundle)
        assert isinstance(accepted, Accepted)
        assert (accepted.warnings, accepted.left_out) == ((), ())

    def test_the_step_at_fault(self, bundle: Bundle) -> None:
        accepted = judged(answers.with_step("Run Remove-Mailbox on EXCH-NEW."), bundle)
        assert isinstance(accepted, Accepted)
        assert accepted.warnings == (Caution.STATEMENTS_REMOVED,)
        assert len(bullets(accepted.rendered, SectionKey.NEXT_STEPS)) == 2

    def test_the_sentence_at_fault(self, bundle: Bundle) -> None:
        said = "The name still pointed to the old server. The issue is resolved. EXCH-NEW answers."
        accepted = judged(answers.with_text("hypothesis", said), bundle)
        assert isinstance(accepted, Accepted)
        assert body(accepted.rendered, SectionKey.HYPOTHESIS).endswith("The name still pointed to the old server.")
        assert [str(said.place) for said in accepted.left_out] == ["hypothesis, sentence 2", "hypothesis, sentence 3"]

    def test_what_the_reader_flags(self, bundle: Bundle) -> None:
        reviewed = gate.review(answers.text(), bundle, scan=keep)
        assert isinstance(reviewed, Reviewed)
        flagged = Violation(rule=Rule.OVERCLAIMED, detail="-", place=StatementRef(Part.CONFIRMED, 0))
        accepted = gate.assemble(reviewed, bundle, flagged=[flagged])
        assert isinstance(accepted, Accepted)
        assert bullets(accepted.rendered, SectionKey.CONFIRMED)[1] == bundle.records.facts[1].text

    def test_a_hypothesis_is_left_to_code(self, bundle: Bundle) -> None:
        accepted = judged(answers.with_text("hypothesis", "The issue is resolved."), bundle)
        assert isinstance(accepted, Accepted)
        assert body(accepted.rendered, SectionKey.HYPOTHESIS).endswith("leads until it is confirmed.")

    def test_a_problem_is_written_by_rules(self, bundle: Bundle) -> None:
        accepted = judged(answers.with_text("problem", "EXCH-NEW was down."), bundle)
        assert isinstance(accepted, Accepted)
        assert accepted.draft.problem == rules_draft.problem(bundle)
        assert "EXCH-OLD" in body(accepted.rendered, SectionKey.NEXT_STEPS), "the model's other sections stay"

    def test_missing_steps_are_written_by_rules(self, bundle: Bundle) -> None:
        answer = with_step("Run Remove-Mailbox on EXCH-NEW.")
        answer["next_steps"] = answer["next_steps"][2:]
        accepted = judged(json.dumps(answer), bundle)
        assert isinstance(accepted, Accepted)
        steps = bullets(accepted.rendered, SectionKey.NEXT_STEPS)
        assert steps == bullets(gate.by_rules(bundle).rendered, SectionKey.NEXT_STEPS)[:2]

    def test_an_answer_of_which_nothing_is_left_is_none(self, bundle: Bundle) -> None:
        answer = with_step("Run Remove-Mailbox on EXCH-NEW.")
        answer["next_steps"] = answer["next_steps"][2:]
        answer["problem"]["text"] = answer["hypothesis"]["text"] = "EXCH-NEW was down."
        assert isinstance(judged(json.dumps(answer), bundle), Rejected)

    def test_a_statement_with_a_secret_leaves_and_nothing_tells_it(self, bundle: Bundle) -> None:
        text = answers.with_step("Sign in with Hunter2hunter2 on EXCH-NEW.")
        reviewed = gate.review(text, bundle, scan=lambda said: said.replace("Hunter2hunter2", "[REDACTED:password#1]"))
        assert isinstance(reviewed, Reviewed)
        assert [violation.rule for violation in reviewed.violations] == [Rule.SECRET]
        assert "unter2" not in str((reviewed.violations, reviewed.readable))
        assert len(reviewed.readable) == len(reviewed.statements) - 1
        accepted = gate.assemble(reviewed, bundle)
        assert isinstance(accepted, Accepted)
        assert "unter2" not in accepted.rendered.markdown + accepted.draft.model_dump_json()
        assert "16:00 restart" in body(accepted.rendered, SectionKey.NEXT_STEPS), "the other steps stay"

    @pytest.mark.parametrize("rule", [Rule.CANARY, Rule.SECRET, Rule.LANGUAGE, Rule.UNREADABLE])
    def test_some_answers_are_not_worth_saving(self, rule: Rule, bundle: Bundle) -> None:
        text = {
            Rule.CANARY: answers.with_step("Keep amber-lattice-7719 in mind."),
            Rule.SECRET: answers.with_text("hypothesis", "The password is this. Hunter2hunter2 it was."),
            Rule.LANGUAGE: answers.with_step("Das ist nicht die Ursache und der Server ist weg."),
            Rule.UNREADABLE: "{}",
        }[rule]
        verdict = gate.review(
            text, bundle, scan=lambda said: re.sub(r"(?<=this)\.\s\w+", ": [REDACTED:password#1]", said)
        )
        assert isinstance(verdict, Rejected)
        assert {violation.rule for violation in verdict.violations} == {rule}


class TestTheFirstStep:
    """The model's where its fields and its words agree with the table, else code's, and the model's steps stay."""

    OTHER = "Ask the users of the other departments what they see."

    def steps(self, bundle: Bundle, *steps: dict[str, Any]) -> list[str]:
        accepted = judged(json.dumps(answers.good() | {"confirmed": [], "next_steps": list(steps)}), bundle)
        assert isinstance(accepted, Accepted), accepted
        return bullets(accepted.rendered, SectionKey.NEXT_STEPS)

    def demanded(self, bundle: Bundle) -> str:
        return sanitize.escape(outcome_table.first_step(bundle.records.active_fix, bundle.language) or "")

    @pytest.mark.parametrize(
        ("outcome", "action", "text", "agrees"),
        [
            ({}, "confirm", "See whether Dana signs in after the restart.", True),
            ({}, "none", "Confirm whether Dana signs in after the restart.", False),
            ({}, "confirm", "Look whether it is good now.", False),
            ({"status": "applied_partial", "partial_notes": "Removed on one of two servers."}, "complete",
             "Remove it on the second of the servers.", True),
            ({"status": "applied_partial", "partial_notes": "Removed on one of two servers."}, "try",
             "Remove it on the second of the servers.", False),
            ({"status": "applied_failed", "failure_reason": "The zone is replicated and the record came back."},
             "other_path", "Find out from where the zone is replicated.", True),
            ({"status": "applied_failed", "failure_reason": "The zone is replicated and the record came back."},
             "other_path", OTHER, False),
        ],
    )  # fmt: skip
    def test_is_the_models_where_it_says_so(
        self, outcome: dict[str, Any], action: str, text: str, agrees: bool
    ) -> None:
        bundle = answers.session(**outcome)
        own = {"text": text, "records": ["X2"], "fix": "X2", "action": action}
        others = [{"text": f"{self.OTHER[:-1]} {n}.", "records": ["F1"], "fix": "", "action": "none"} for n in "abc"]
        steps = self.steps(bundle, own, *others)
        assert (steps[0] == text) == agrees
        assert steps == ([text, *(step["text"] for step in others)] if agrees else [
            self.demanded(bundle), text, *(step["text"] for step in others[:2])
        ])  # fmt: skip

    @pytest.mark.parametrize(("action", "agrees"), [("confirm", True), ("try", False), ("none", False)])
    def test_about_a_fix_in_another_language_says_so_in_its_fields_alone(self, action: str, agrees: bool) -> None:
        reason = "Die L\u00f6schung l\u00e4uft und ist erst in der Nacht fertig; mit dem Kunden wird gepr\u00fcft."
        bundle = answers.session(pending_reason=reason)
        own = {"text": "See at midnight how far it has come.", "records": ["X2"], "fix": "X2", "action": action}
        other = {"text": self.OTHER, "records": ["F1"], "fix": "", "action": "none"}
        assert (self.steps(bundle, own, other) == [own["text"], other["text"]]) == agrees

    def test_goes_to_the_front(self, bundle: Bundle) -> None:
        first, other, *_ = answers.good()["next_steps"]
        assert self.steps(bundle, other, first) == [first["text"], other["text"]]

    def test_of_another_fix_is_none(self, bundle: Bundle) -> None:
        first, other, *_ = answers.good()["next_steps"]
        assert self.steps(bundle, first | {"fix": "X1"}, other)[0] == self.demanded(bundle)

    @pytest.mark.parametrize(("confidence_pct", "demands"), [(85, True), (80, False)])
    def test_is_a_trial_of_what_is_proposed_with_confidence(self, confidence_pct: int, demands: bool) -> None:
        bundle = build.bundle(
            build.opened(), build.fix("Remove the stale autodiscover record", confidence_pct=confidence_pct)
        )
        other = {"text": "Ask the users.", "records": ["P1"], "fix": "", "action": "none"}
        tried = {"text": "Take the stale record out.", "records": ["X1"], "fix": "X1", "action": "try"}
        answer: dict[str, Any] = {"hypothesis": {"text": "", "records": []}, "confirmed": [], "notes": []}
        answer |= {"problem": {"text": "It asked for a password.", "records": ["P1"]}, "next_steps": [other, tried]}
        accepted = judged(json.dumps(answer), bundle)
        assert isinstance(accepted, Accepted), accepted
        steps = bullets(accepted.rendered, SectionKey.NEXT_STEPS)
        assert steps == [tried["text"], other["text"]][:: 1 if demands else -1]


def attacked(attack: Attack, language: Language = ENGLISH) -> Bundle:
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
        language=language,
    )


def outgoing(accepted: Accepted) -> str:
    return accepted.rendered.markdown + accepted.rendered.plain_text + accepted.rendered.title


def test_there_are_enough_attacks() -> None:
    assert len(ATTACKS) >= 60
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
@pytest.mark.promise(7)
def test_a_model_that_obeys_an_attack_changes_nothing_that_matters(attack: Attack, language: Language) -> None:
    bundle = attacked(attack, language)
    verdict = judged(attack.answer, bundle)
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
        before, _, after = language.lead_pending.partition("{title}")[2].partition("{waiting}")
        assert hypothesis.startswith(language.quoted("Remove the stale record") + before)
        assert after in hypothesis


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_an_attack_that_the_model_ignores_harms_no_package(attack: Attack) -> None:
    verdict = judged(answers.text(), attacked(attack))
    assert isinstance(verdict, Accepted), verdict
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
    ),
    language=st.sampled_from(LANGUAGES),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_answered_a_package_is_sound_or_there_is_none(answer: dict[str, Any], language: Language) -> None:
    bundle = build.bundle(*answers.events(), reason=answers.REASON, language=language)
    verdict = judged(json.dumps(answer), bundle)
    if isinstance(verdict, Accepted):
        assert_harmless(verdict.rendered)
        assert list(shape.check(bundle, verdict.rendered)) == []
    else:
        assert verdict.violations


def test_what_goes_out_is_checked_once_more(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate notices a renderer that forgets to escape before a person does."""
    monkeypatch.setattr("consumer.domain.rendering.listing.escape", lambda line: "<b>" + line)
    verdict = judged(answers.text(), bundle)
    assert isinstance(verdict, Rejected)
    assert Rule.MARKUP in {violation.rule for violation in verdict.violations}


@pytest.mark.parametrize(("wording", "stands"), [("Counted by Ann Wendt.", True), ("Counted by Ann Wind.", False),
                                                 ("Counted by Bob Pike.", False)])  # fmt: skip
def test_a_wording_may_name_more_fully_whom_its_fact_names(wording: str, stands: bool) -> None:
    bundle = build.bundle(
        build.opened(intake_text="Ask for Ann Wendt or Bob Pike."), build.check("610 parcels, counted by Mrs Wendt.")
    )
    answer = answers.good() | {"confirmed": [{"record": "F1", "text": f"610 parcels. {wording}"}]}
    reviewed = gate.review(json.dumps(answer), bundle, scan=keep)
    assert isinstance(reviewed, gate.Reviewed)
    refused = [violation for violation in reviewed.violations if violation.place == StatementRef(Part.CONFIRMED, 0)]
    assert (refused == []) == stands


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
    verdict = judged(json.dumps(answer), build.bundle(build.opened(), *facts))
    assert isinstance(verdict, Accepted), verdict
    assert len(bullets(verdict.rendered, SectionKey.CONFIRMED)) == 100
