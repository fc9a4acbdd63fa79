"""What a rules draft makes of the reason of an escalation: a part of the problem, and a step where it asks."""

import pytest

from consumer.domain.review import gate
from consumer.domain.writing import rules_draft
from tests.domain.writing.drafted import steps_of
from tests.support import build


def test_what_is_asked_comes_before_a_step_that_the_table_does_not_demand() -> None:
    proposed = build.fix(description="Turn it off.", confidence_pct=40)
    bundle = build.bundle(build.opened(), build.fact("Slow."), proposed, reason="Somebody must look at the rule.")
    asked, tested, *_ = steps_of(bundle)
    assert asked.startswith("Take up what it was escalated for")
    assert tested.startswith("Test the premise of")


_LONG = "It is slow. " * 45
"""More than fits in a step, and asks nothing."""


class TestReason:
    """A step takes it up whole where it fits, else what of it asks something or is open; it stands once."""

    @pytest.mark.parametrize(
        ("before", "asked"),
        [
            ("My shift ends at four.", "Somebody with rights on FW02 needs to look at the rule."),
            ("I am on leave from tomorrow.", "New: the queue fills since the move. Nobody has seen why."),
            ("Ich bin ab 17 Uhr weg.", "Bitte das Fenster mit Frau Sommer festmachen."),
            ("Mon astreinte est finie.", "Il manque l'accord de la directrice."),
            ("Il mio turno finisce alle 18.", "Manca la conferma del negozio."),
            ("Mi turno termina a las seis.", "Falta la confirmaci\u00f3n de la tienda."),
            ("Mijn dienst eindigt om vier.", "Iemand moet de router bekijken."),
        ],
    )
    def test_of_a_long_one_what_it_only_tells_is_no_step(self, before: str, asked: str) -> None:
        begins = f"{before} {_LONG}"
        bundle = build.bundle(build.opened(), build.fact("Slow."), reason=f"{begins}{asked}")
        assert f"{begins}{asked}" in rules_draft.draft_by_rules(bundle).problem.text
        (step,) = [step for step in steps_of(bundle) if step.startswith("Take up")]
        assert step == f"Take up what it was escalated for: {asked}"

    def test_it_stands_once_and_whole(self) -> None:
        reason = "My shift ends at four. Somebody with rights on FW02 needs to look at the rule."
        bundle = build.bundle(build.opened(), build.fact("Slow."), reason=reason)
        draft = rules_draft.draft_by_rules(bundle)
        assert draft.next_steps[0].text == f"Take up what it was escalated for: {reason}"
        assert reason not in draft.problem.text
        assert reason in rules_draft.problem(bundle).text, "beside steps that are not code's"

    def test_one_that_tells_much_is_taken_up_whatever_its_words(self) -> None:
        reason = (
            "Zm\u011bna sm\u011bny. Z\u00e1kazn\u00edk \u010dek\u00e1 na nov\u00fd disk,"
            " dod\u00e1n\u00ed ve st\u0159edu r\u00e1no, do t\u00e9 doby b\u011b\u017e\u00ed star\u00fd server."
        )
        assert steps_of(build.bundle(build.opened(), build.fact("Slow."), reason=reason))[0].endswith(reason)

    def test_one_that_asks_nothing_in_known_words_is_taken_up_whole(self) -> None:
        bundle = build.bundle(build.opened(), build.fact("Slow."), reason="Tier 2 it is. Firewall again.")
        assert steps_of(bundle)[0].endswith(": Tier 2 it is. Firewall again.")

    def test_of_one_that_is_too_long_for_the_problem_what_it_asks_is_taken_up(self) -> None:
        reason = "The first word of it. " + "It goes on and on. " * 30 + "Somebody must look."
        assert steps_of(build.bundle(build.opened(), reason=reason))[0].endswith(": Somebody must look.")

    def test_of_many_that_ask_the_last_that_fit_are_taken_up_and_what_is_left_out_is_marked(self) -> None:
        reason = " ".join(f"Somebody must look at number {number}. It is slow." for number in range(30))
        step = steps_of(build.bundle(build.opened(), reason=reason))[0]
        assert step.endswith("number 28. \u2026 Somebody must look at number 29.")
        assert "number 2." not in step
        assert len(step) <= 600

    def test_one_that_asks_nothing_is_a_step_only_where_there_are_too_few_others(self) -> None:
        reason = "My shift ends. The port is as it was."
        events = (build.opened(), build.fix(description="Turn it off.", confidence_pct=40))
        alone = build.bundle(*events, build.fact("Slow.", source_type="diagnostic_check"), reason=reason)
        tested, taken_up = steps_of(alone)
        assert tested.startswith("Test the premise of")
        assert taken_up == f"Take up what it was escalated for: {reason}"
        waits = (build.fix("Swap the cable", fix_id="fix-0"), build.outcome("applied_pending", fix_id="fix-0"))
        beside = build.bundle(events[0], *waits, events[1], build.fact("Slow."), reason=reason)
        assert not any(reason in step for step in steps_of(beside))
        assert reason in rules_draft.draft_by_rules(beside).problem.text

    @pytest.mark.parametrize(
        "own",
        [
            "I have to leave for a site at noon.",
            "Ich muss um 12 Uhr zum Kunden nach Stade.",
            "Je dois partir.",
            "Tengo que salir.",
            "Ik moet weg.",
        ],
    )
    def test_what_the_writer_has_to_do_is_asked_of_nobody(self, own: str) -> None:
        bundle = build.bundle(build.opened(), build.fact("Slow."), reason=f"{own} {_LONG}Who knows the router?")
        assert "Take up what it was escalated for: Who knows the router?" in steps_of(bundle)

    def test_a_question_asks_whatever_its_words(self) -> None:
        reason = f"My shift ends. {_LONG}What was in the files?"
        assert steps_of(build.bundle(build.opened(), build.fact("Slow."), reason=reason))[0].endswith(
            ": What was in the files?"
        )


@pytest.mark.parametrize(
    "said",
    [
        "The script was generated with WhatIf on and has not been run.",
        "script's there, not run",
        "Das Skript ist erzeugt, aber nicht gelaufen.",
        "Script is niet gestart.",
        "Falta lanzar el gui\u00f3n.",
        "It was a dry run.",
    ],
)
def test_what_the_reason_says_of_a_script_is_not_asked_again(said: str) -> None:
    """Code does not judge what it says: so it claims nothing either."""
    silent = build.bundle(build.opened(), build.script(), reason="Somebody must look.")
    assert "Whether it ran is not recorded." in gate.by_rules(silent).rendered.markdown
    bundle = build.bundle(build.opened(), build.script(), reason=said)
    assert "Whether it ran is not recorded." not in gate.by_rules(bundle).rendered.markdown
    proposed = build.bundle(build.opened(), build.script(), build.fix(description=said))
    assert "Whether it ran is not recorded." not in gate.by_rules(proposed).rendered.markdown
    assert not any(step.startswith("Establish whether the generated script") for step in steps_of(bundle))


def test_a_step_that_may_have_to_wait_says_where_that_stands() -> None:
    proposed = build.fix(confidence_pct=90)
    bundle = build.bundle(build.opened(), build.fact("Slow."), proposed, reason="Not applied, the owner has to say.")
    first, asked = steps_of(bundle)[:2]
    assert first.startswith("Try ")
    assert first.endswith("Read the next step first: it may say what has to come before.")
    assert asked.endswith("Not applied, the owner has to say.")
    alone = build.bundle(build.opened(), build.fact("Slow."), proposed)
    assert "Read the next step" not in steps_of(alone)[0]
