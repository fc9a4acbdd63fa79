"""What goes into the prompt of a session that is too long for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.bundle import Bundle, document
from consumer.domain.events import SessionEvent
from consumer.domain.records import compact
from consumer.domain.trimming import BUDGET, KEPT_FACTS, LEAST_ROOM, LONGEST_TEXT, Trimmed, shortened, trim
from tests.support import build, histories

LONG = "x" * 3_900


def facts(count: int, text: str = LONG) -> list[SessionEvent]:
    return [build.fact(text, fact_id=f"fact-{number}") for number in range(count)]


def checks(count: int, text: str = LONG) -> list[SessionEvent]:
    return [build.check(text, fact_id=f"check-{number}") for number in range(count)]


def scripts(count: int, text: str = LONG) -> list[SessionEvent]:
    return [build.script(generation_id=f"script-{number}", parameters={"P": text}) for number in range(count)]


def prompt_characters(bundle: Bundle) -> int:
    return len(compact(document(bundle.excerpt)))


class TestTexts:
    @pytest.mark.parametrize("length", [1, LONGEST_TEXT - 1, LONGEST_TEXT])
    def test_of_up_to_4000_characters_pass_unchanged(self, length: int) -> None:
        bundle = build.bundle(build.opened(intake_text="ü" * length), build.fact("y" * length))
        assert bundle.excerpt.intake_text == bundle.intake_text
        assert bundle.excerpt.facts == bundle.facts
        assert not bundle.truncated

    def test_that_are_longer_are_cut_in_the_middle_with_a_mark(self) -> None:
        text = "first line\n" + "x" * 10_000 + "\nlast line"
        bundle = build.bundle(build.fact(text))
        shown = bundle.excerpt.facts[0].text
        assert shown.startswith("first line\n")
        assert shown.endswith("\nlast line")
        assert "characters left out" in shown
        assert len(shown) <= LONGEST_TEXT
        assert bundle.facts[0].text == text
        assert bundle.trimmed == Trimmed(texts=1)
        assert bundle.truncated

    def test_a_check_that_is_cut_counts_once_and_reads_alike_in_both_lists(self) -> None:
        bundle = build.bundle(build.check("x" * 5_000))
        assert bundle.excerpt.steps == bundle.excerpt.facts
        assert bundle.trimmed == Trimmed(texts=1)

    def test_the_mark_tells_how_much_is_missing(self) -> None:
        shown = shortened("a" * 10_000)
        missing = int(shown.split("… ")[1].split(" ")[0])
        assert shown.count("a") - "characters left out".count("a") == 10_000 - missing

    @given(st.integers(0, 6_000), st.integers(0, 6_000))
    def test_no_placeholder_is_torn(self, before: int, after: int) -> None:
        text = "x" * before + "[REDACTED:connection_string#12]" * 20 + "y" * after
        shown = shortened(text)
        assert len(shown) <= LONGEST_TEXT
        assert shown.count("[REDACTED:") == shown.count("connection_string#12]")

    def test_a_nested_parameter_is_cut_as_a_text(self) -> None:
        bundle = build.bundle(build.script(parameters={"Users": [f"user-{number}" for number in range(2_000)]}))
        value = bundle.excerpt.scripts[0].parameters[0].value
        assert isinstance(value, str)
        assert len(value) <= LONGEST_TEXT
        assert value.startswith('["user-0","user-1"')
        assert value.endswith('"user-1999"]')


class TestRecords:
    def test_300_long_facts_lose_the_oldest(self) -> None:
        bundle = build.bundle(*facts(300), build.fix(), build.outcome("applied_failed", failure_reason="No."))
        shown = bundle.excerpt.facts
        assert len(bundle.facts) == 300
        assert shown == bundle.facts[-len(shown) :]
        assert len(shown) > KEPT_FACTS
        assert bundle.trimmed == Trimmed(facts=300 - len(shown))
        assert bundle.excerpt.fixes == bundle.fixes
        assert BUDGET - 5_000 < prompt_characters(bundle) <= BUDGET

    def test_a_session_that_fits_is_left_alone(self) -> None:
        bundle = build.bundle(*facts(100, "short"), *scripts(10, "short"))
        assert bundle.trimmed == Trimmed()
        assert len(bundle.excerpt.facts) == 100

    def test_facts_leave_before_checks_and_scripts(self) -> None:
        bundle = build.bundle(*checks(3), *scripts(3), *facts(30))
        assert bundle.excerpt.steps == bundle.steps
        assert bundle.trimmed.facts > 0
        assert prompt_characters(bundle) <= BUDGET

    def test_the_newest_facts_outlast_old_checks_and_scripts(self) -> None:
        bundle = build.bundle(*facts(10), *checks(20), *scripts(20), build.fact("Newest.", fact_id="newest"))
        plain = [fact for fact in bundle.excerpt.facts if not fact.is_check]
        assert "Newest." in [fact.text for fact in plain]
        assert bundle.excerpt.steps == bundle.steps[-len(bundle.excerpt.steps) :]
        assert bundle.trimmed.checks == 20
        assert 0 < bundle.trimmed.scripts < 20
        assert prompt_characters(bundle) <= BUDGET

    def test_a_check_leaves_both_lists(self) -> None:
        bundle = build.bundle(*checks(40))
        shown = {fact.id for fact in bundle.excerpt.facts}
        assert [step.id for step in bundle.excerpt.steps] == [fact.id for fact in bundle.facts if fact.id in shown]
        assert bundle.trimmed == Trimmed(checks=40 - len(shown))

    def test_the_newest_fact_outlasts_a_huge_script(self) -> None:
        huge = {f"P{number}": LONG for number in range(100)}
        bundle = build.bundle(build.fact("The one."), build.script(parameters=huge))
        assert [fact.text for fact in bundle.excerpt.facts] == ["The one."]
        assert bundle.trimmed == Trimmed(scripts=1)

    def test_ids_stay_those_of_the_bundle(self) -> None:
        bundle = build.bundle(*facts(300))
        assert bundle.excerpt.facts[-1].id == "F300"


class TestOutcomes:
    def test_all_stay_however_many_there_are(self) -> None:
        history = [
            event
            for number in range(40)
            for event in (
                build.fix(LONG[:200], fix_id=f"fix-{number}", description=LONG),
                build.outcome("applied_failed", fix_id=f"fix-{number}", failure_reason=LONG),
            )
        ]
        bundle = build.bundle(*history, *facts(30))
        assert [(fix.id, fix.status) for fix in bundle.excerpt.fixes] == [(fix.id, fix.status) for fix in bundle.fixes]
        assert bundle.excerpt.active_fix == bundle.active_fix
        assert bundle.excerpt.fixes[0].failure_reason is None
        assert bundle.trimmed.fix_texts > 0
        assert prompt_characters(bundle) <= BUDGET + LEAST_ROOM
        assert bundle.excerpt.facts[-1].id == "F30"


@given(histories.histories())
def test_what_fits_is_equal(events: list[SessionEvent]) -> None:
    bundle = build.bundle_of(events)
    assert not bundle.truncated
    assert document(bundle.excerpt) == document(bundle)


@given(st.lists(st.tuples(st.sampled_from("fcs"), st.sampled_from([10, 3_000, 6_000])), min_size=1, max_size=60))
def test_the_prompt_is_bounded_and_trimming_again_changes_nothing(made: list[tuple[str, int]]) -> None:
    makers = {"f": facts, "c": checks, "s": scripts}
    history = [
        event for number, (kind, length) in enumerate(made) for event in makers[kind](number + 1, "z" * length)[-1:]
    ]
    bundle = build.bundle(*history)
    assert prompt_characters(bundle) <= BUDGET
    again, trimmed = trim(bundle.excerpt)
    assert again == bundle.excerpt
    assert not trimmed
