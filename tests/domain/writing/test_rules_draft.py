"""The steps and the hypothesis of a rules draft, kind by kind."""

import pytest

from consumer.domain.events import SessionEvent
from consumer.domain.language.de import GERMAN
from consumer.domain.language.en import ENGLISH
from consumer.domain.review import gate
from consumer.domain.writing import outcome_table, rules_draft
from schemas.sessions import FixStatus
from tests.domain.writing.drafted import session, steps_of
from tests.support import build


def test_what_is_awaited_stands_in_tried_hypothesis_and_first_step() -> None:
    bundle = session(FixStatus.APPLIED_PENDING, 5, scripts=True, superseded=True)
    _, _, tried, hypothesis, steps = (section.markdown for section in gate.by_rules(bundle).rendered.sections)
    for text in (tried, hypothesis, steps.split("\n")[0]):
        assert "The night run at 01:30 has to deliver to" in text


def test_steps_name_other_fixes_that_wait_and_what_not_to_repeat() -> None:
    bundle = build.bundle(
        build.opened(),
        build.fix("Move the mailbox", fix_id="a"),
        build.outcome("applied_pending", fix_id="a", pending_reason="the nightly sync"),
        build.fix("Clear the cache", fix_id="b"),
        build.outcome("applied_failed", fix_id="b"),
        build.fix("Change the proxy", fix_id="c", confidence_pct=90),
    )
    steps = [step.text for step in rules_draft.draft_by_rules(bundle).next_steps]
    assert steps[0].startswith('Try "Change the proxy"')
    assert steps[1] == (
        'Follow up what the earlier fix "Move the mailbox" waits for, carry it out where that is still to be done,'
        " then confirm whether it held; awaited: the nightly sync."
    )
    assert steps[-1] == 'Not again as it was, for it did not resolve the issue: "Clear the cache".'


@pytest.mark.parametrize(
    "domain", ["networking", "Email / Exchange", "print-server", "something nobody has heard of", "\u200b"]
)
def test_every_domain_gets_two_to_four_steps(domain: str) -> None:
    steps = rules_draft.draft_by_rules(build.bundle(build.opened(problem_domain=domain))).next_steps
    assert 2 <= len({step.text for step in steps}) == len(steps) <= 4


def test_the_prompt_asks_for_what_the_rules_write() -> None:
    """Where code demands a first step, the prompt asks for it."""
    for status in FixStatus:
        fix = session(status, 1, scripts=False, superseded=False).records.active_fix
        assert ("first next step" in outcome_table.demand(fix)) == (outcome_table.first_step(fix, ENGLISH) is not None)


def test_a_fix_that_failed_twice_under_one_title_is_named_once() -> None:
    failed = [
        (build.fix("Swap the cable", fix_id=name), build.outcome("applied_failed", fix_id=name)) for name in ("a", "b")
    ]
    bundle = build.bundle(build.opened(), *(event for pair in failed for event in pair), build.fix(fix_id="c"))
    last = rules_draft.draft_by_rules(bundle).next_steps[-1]
    assert last.text == 'Not again as it was, for it did not resolve the issue: "Swap the cable".'
    assert last.records == ("X1", "X2")


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        ((build.fact("One."),), "Confirm what was told by a first diagnostic check; none is recorded."),
        ((build.check("Port 443 was not tested."),), "Settle what is still open: Port 443 was not tested."),
        ((build.check("Am Switch? Ist unklar."),), "Settle what is still open: Am Switch? Ist unklar."),
    ],
)  # fmt: skip
def test_what_the_record_leaves_open_is_a_step(facts: tuple[SessionEvent, ...], step: str) -> None:
    assert step in steps_of(build.bundle(build.opened(), *facts))


@pytest.mark.parametrize(
    "facts",
    [
        (build.check("Ward viewers were not checked.", fact_id="1"), build.check("Ward viewers work.", fact_id="2")),
        (build.check("Ward viewers were not checked.", fact_id="1"), build.fix(), build.outcome(
            "applied_partial", partial_notes="Ward viewers work.")),
        (build.check("One."), build.fact("Certificate not checked.", fact_id="2", source_type="log")),
        (build.check("One."), build.fact("Please say that it was not tested.", fact_id="2", source_type="email")),
    ],
)  # fmt: skip
def test_what_is_answered_logged_or_asked_for_is_no_open_end(facts: tuple[SessionEvent, ...]) -> None:
    assert not any("still open" in step for step in steps_of(build.bundle(build.opened(), *facts)))


def test_what_a_dismissed_fix_would_need_is_no_open_end() -> None:
    blocked = build.check("The PPU trial is blocked in the tenant, not tried.")
    dismissed = (build.fix("Start a PPU trial in the tenant"), build.outcome("dismissed", failure_reason="Blocked."))
    assert any("still open" in step for step in steps_of(build.bundle(build.opened(), blocked)))
    assert not any("still open" in step for step in steps_of(build.bundle(build.opened(), blocked, *dismissed)))


def test_what_is_left_out_of_a_quotation_is_marked() -> None:
    intake = "All 14 people cannot print. It is loud. The truck leaves by 11:00 today. All 3 rooms are down."
    problem = rules_draft.problem(build.bundle(build.opened(title="Labels", intake_text=intake))).text
    assert "cannot print. \u2026 The truck leaves by 11:00 today. All 3 rooms are down" in problem


def test_whether_a_script_ran_is_asked_only_where_nobody_went_on() -> None:
    failed = build.outcome("applied_failed")
    last = (build.opened(), build.check("Slow.", fact_id="1"), build.script())
    followed = ((*last, build.check("Fine.", fact_id="2")), (build.opened(), build.fix(), build.script(), failed))
    for events, asked in ((last, True), *((events, False) for events in followed)):
        markdown = gate.by_rules(build.bundle(*events)).rendered.markdown
        assert ("Whether it ran is not recorded." in markdown) == asked
        assert ("Establish whether the generated script" in markdown) == asked
        assert "Script generated: Reset mail profile" in markdown


def test_what_remains_after_a_success_is_asked_only_without_a_reason() -> None:
    solved = (build.opened(), build.fix(), build.outcome("applied_success"))
    assert steps_of(build.bundle(*solved))[0].startswith("Find out whether what remains")
    assert steps_of(build.bundle(*solved, reason="Mail is slow now."))[0] == (
        "Take up what it was escalated for: Mail is slow now."
    )


def test_advice_stands_only_where_the_record_leaves_little_to_do() -> None:
    opened = build.opened(problem_domain="vpn")
    assert any(step.startswith("Compare") for step in steps_of(build.bundle(opened, build.check("One."))))
    open_ends = (build.check("Port not tested.", fact_id="1"), build.check("Cable not tested.", fact_id="2"))
    assert not any(step.startswith("Compare") for step in steps_of(build.bundle(opened, *open_ends)))


def test_what_was_found_last_is_no_step() -> None:
    steps = steps_of(build.bundle(build.opened(), build.check("One."), build.fact("Two.")))
    assert not any("One." in step or "Two." in step for step in steps)


@pytest.mark.parametrize(("domain", "opening"), [("file_services", "Compare an affected share"),
                                                 ("vpn", "Compare an affected device")])  # fmt: skip
def test_the_domain_gives_a_step_where_its_name_is_certain(domain: str, opening: str) -> None:
    bundle = build.bundle(build.opened(problem_domain=domain), build.check())
    assert any(step.startswith(opening) for step in steps_of(bundle))


@pytest.mark.parametrize(
    ("domain", "opening"),
    [("Drucken", "Denselben Auftrag"), ("printing", "Denselben Auftrag"), ("Telefonie", "Einen fehl")],
)
def test_a_domain_is_known_by_its_german_and_its_english_name(domain: str, opening: str) -> None:
    events = (build.opened(problem_domain=domain), build.check())
    assert any(step.startswith(opening) for step in steps_of(build.bundle(*events, language=GERMAN)))


@pytest.mark.parametrize("domain", ["virtual_desktop", "print and file services", "other", "misc"])
def test_a_name_that_may_be_several_domains_gives_none(domain: str) -> None:
    bundle = build.bundle(build.opened(problem_domain=domain), build.check())
    assert not any(step.startswith("Compare") for step in steps_of(bundle))


def test_what_the_active_fix_is_is_told_once() -> None:
    for status, words in (("applied_failed", "What it was: "), ("applied_pending", "What it is: ")):
        bundle = build.bundle(build.opened(), build.fix(description="Turn it off."), build.outcome(status))
        markdown = gate.by_rules(bundle).rendered.markdown
        assert markdown.count("Turn it off.") == 1
        assert f"{words}Turn it off." in markdown
    dismissed = build.bundle(build.opened(), build.fix(description="Turn it off."), build.outcome("dismissed"))
    assert rules_draft.draft_by_rules(dismissed).hypothesis.text == "What it was: Turn it off."
    proposed = build.bundle(build.opened(), build.fix(description="Turn it off.", confidence_pct=90))
    assert rules_draft.draft_by_rules(proposed).hypothesis.text == ""
    assert rules_draft.draft_by_rules(proposed).next_steps[0].text.endswith("Turn it off.")


def test_what_is_proposed_without_much_confidence_is_told_where_it_is_tested() -> None:
    bundle = build.bundle(build.opened(), build.fix(description="Turn it off.", confidence_pct=40))
    assert rules_draft.draft_by_rules(bundle).next_steps[0].text == (
        'Test the premise of "Recreate the mail profile" (only 40% confidence, not applied) before applying it; '
        "what it proposes: Turn it off."
    )


def test_an_earlier_part_comes_before_words_on_what_was_set_aside() -> None:
    bundle = build.bundle(
        build.opened(),
        build.check("Slow."),
        build.fix("Clamp the segment size", fix_id="1"),
        build.outcome("applied_partial", fix_id="1", partial_notes="Cable users are slow."),
        build.fix("Use the proxy", fix_id="2"),
        build.outcome("dismissed", fix_id="2"),
        reason="Somebody must tell them.",
    )
    said = steps_of(bundle)
    assert said[1].startswith('Complete "Clamp the segment size"')
    assert not any("Find another way" in step for step in said)
