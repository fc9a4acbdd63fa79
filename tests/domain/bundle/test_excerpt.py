"""What the prompt keeps of a session that is too long for it."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.excerpt import (
    BUDGET,
    KEPT_FACTS,
    LEAST_ROOM,
    LONGEST_TEXT,
    Omissions,
    excerpt_of,
    shortened,
)
from consumer.domain.bundle.records import records_document
from consumer.domain.events import SessionEvent
from consumer.domain.writing import prompt
from tests.support import build, histories

LONG = "x" * 3_900


def facts(count: int, text: str = LONG) -> list[SessionEvent]:
    return [build.fact(text, fact_id=f"fact-{number}") for number in range(count)]


def checks(count: int, text: str = LONG) -> list[SessionEvent]:
    return [build.check(text, fact_id=f"check-{number}") for number in range(count)]


def scripts(count: int, text: str = LONG) -> list[SessionEvent]:
    return [build.script(generation_id=f"script-{number}", parameters={"P": text}) for number in range(count)]


def prompt_characters(bundle: Bundle) -> int:
    """Of the lines of records, as the prompt holds them."""
    _, *lines = prompt.user_turn(bundle, "b0").splitlines()
    return len("\n".join(lines[: lines.index("</session-records b0>")]))


class TestTexts:
    @pytest.mark.parametrize("length", [1, LONGEST_TEXT - 1, LONGEST_TEXT])
    def test_of_up_to_4000_characters_pass_unchanged(self, length: int) -> None:
        bundle = build.bundle(build.opened(intake_text="ü" * length), build.fact("y" * length))
        assert bundle.excerpt.intake_text == bundle.records.intake_text
        assert bundle.excerpt.facts == bundle.records.facts
        assert not bundle.truncated

    def test_that_are_longer_are_cut_in_the_middle_with_a_mark(self) -> None:
        text = "first line\n" + "x" * 10_000 + "\nlast line"
        bundle = build.bundle(build.fact(text))
        shown = bundle.excerpt.facts[0].text
        assert shown.startswith("first line\n")
        assert shown.endswith("\nlast line")
        assert "characters left out" in shown
        assert len(shown) <= LONGEST_TEXT
        assert bundle.records.facts[0].text == text
        assert bundle.trimmed == Omissions(texts=1)
        assert bundle.truncated

    def test_a_check_that_is_cut_counts_once_and_reads_alike_in_both_lists(self) -> None:
        bundle = build.bundle(build.check("x" * 5_000))
        assert bundle.excerpt.steps == bundle.excerpt.facts
        assert bundle.trimmed == Omissions(texts=1)

    def test_the_mark_tells_how_much_is_missing(self) -> None:
        shown = shortened("a" * 10_000)
        missing = int(shown.split("… ")[1].split(" ")[0])
        assert shown.count("a") - "characters left out".count("a") == 10_000 - missing

    def test_no_placeholder_is_torn(self) -> None:
        placeholders = "[REDACTED:connection_string#12]" * 20
        for before in range(1_000, 2_100, 3):
            for text in ("x" * before + placeholders + "y" * 5_000, "x" * 5_000 + placeholders + "y" * before):
                shown = shortened(text)
                assert len(shown) <= LONGEST_TEXT
                assert shown.count("[REDACTED:") == shown.count("_string#12]") == shown.count("[REDACTED:connection_s")

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
        assert len(bundle.records.facts) == 300
        assert shown == bundle.records.facts[-len(shown) :]
        assert len(shown) > KEPT_FACTS
        assert bundle.trimmed == Omissions(facts=300 - len(shown))
        assert bundle.excerpt.fixes == bundle.records.fixes
        assert BUDGET - 5_000 < prompt_characters(bundle) <= BUDGET

    def test_a_session_that_fits_is_left_alone(self) -> None:
        bundle = build.bundle(*facts(100, "short"), *scripts(10, "short"))
        assert bundle.trimmed == Omissions()
        assert len(bundle.excerpt.facts) == 100

    def test_facts_leave_before_checks_and_scripts(self) -> None:
        bundle = build.bundle(*checks(3), *scripts(3), *facts(30))
        assert bundle.excerpt.steps == bundle.records.steps
        assert bundle.trimmed.facts > 0
        assert prompt_characters(bundle) <= BUDGET

    def test_the_newest_facts_outlast_old_checks_and_scripts(self) -> None:
        bundle = build.bundle(*facts(10), *checks(20), *scripts(20))
        plain = [fact for fact in bundle.records.facts if not fact.is_check][-2:]
        newest = build.bundle(*checks(20), *scripts(20), *facts(10))
        assert newest.excerpt.facts[-KEPT_FACTS:] == newest.records.facts[-KEPT_FACTS:]
        assert 0 < len(newest.excerpt.steps) < 20
        assert newest.excerpt.steps == newest.records.steps[-len(newest.excerpt.steps) :]
        assert not set(plain) & set(bundle.excerpt.facts)
        for each in (bundle, newest):
            assert prompt_characters(each) <= BUDGET

    @pytest.mark.parametrize("record", [build.fact, build.check])
    def test_the_newest_fact_stays_whatever_room_it_takes(self, record: Callable[..., SessionEvent]) -> None:
        spacious = "\x01" * LONGEST_TEXT  # six characters each in JSON
        described: dict[str, Any] = dict.fromkeys(("problem_summary", "problem_domain", "intake_text"), spacious)
        bundle = build.bundle(
            build.opened(**described),
            *facts(3),
            record(spacious, fact_id="newest"),
        )
        assert [fact.id for fact in bundle.excerpt.facts] == ["F4"]

    def test_a_check_leaves_both_lists(self) -> None:
        bundle = build.bundle(*checks(40))
        shown = {fact.id for fact in bundle.excerpt.facts}
        assert [step.id for step in bundle.excerpt.steps] == [
            fact.id for fact in bundle.records.facts if fact.id in shown
        ]
        assert bundle.trimmed == Omissions(checks=40 - len(shown))

    def test_the_newest_fact_outlasts_a_huge_script(self) -> None:
        huge = {f"P{number}": LONG for number in range(100)}
        bundle = build.bundle(build.fact("The one."), build.script(parameters=huge))
        assert [fact.text for fact in bundle.excerpt.facts] == ["The one."]
        assert bundle.trimmed == Omissions(scripts=1)

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
                *([build.superseded(fix_id=f"fix-{number}")] if number else []),
            )
        ]
        bundle = build.bundle(*history, *facts(30))
        assert [(fix.id, fix.status) for fix in bundle.excerpt.fixes] == [
            (fix.id, fix.status) for fix in bundle.records.fixes
        ]
        assert bundle.excerpt.active_fix == bundle.records.active_fix
        assert bundle.excerpt.fixes[1].failure_reason is None
        assert bundle.trimmed.fix_texts > 0
        assert prompt_characters(bundle) <= BUDGET + LEAST_ROOM
        assert [fact.id for fact in bundle.excerpt.facts] == ["F27", "F28", "F29", "F30"]


@given(histories.histories())
def test_what_fits_is_equal(events: list[SessionEvent]) -> None:
    bundle = build.bundle_of(events)
    assert not bundle.truncated
    assert records_document(bundle.excerpt) == records_document(bundle.records)


@pytest.mark.parametrize(("count", "length"), [(100, 490), (50, 1_090), (300, 100)])
def test_checks_that_fit_the_prompt_stay_in_it(count: int, length: int) -> None:
    """A check stands in the prompt once, though the record lists it among the facts and among the checks."""
    bundle = build.bundle(*checks(count, "z" * length))
    assert not bundle.trimmed
    assert BUDGET - 3_000 < prompt_characters(bundle) <= BUDGET


def test_many_short_records_keep_within_the_budget_line_ends_counted() -> None:
    bundle = build.bundle(*checks(1_000, "z" * 20))
    assert bundle.trimmed.checks > 100
    assert BUDGET - 200 < prompt_characters(bundle) <= BUDGET


@given(st.lists(st.tuples(st.sampled_from("fcs"), st.sampled_from([10, 3_000, 6_000])), min_size=1, max_size=60))
@example(
    [("f", 10)] * 7
    + [("f", 3_000)] * 6
    + [("f", 6_000)] * 4
    + [("s", 10)] * 2
    + [("s", 3_000)] * 4
    + [("s", 6_000)] * 3
)
@example([("c", 10)] * 40 + [("c", 3_000)] * 20)
def test_the_prompt_is_bounded_and_trimming_again_changes_nothing(made: list[tuple[str, int]]) -> None:
    makers = {"f": facts, "c": checks, "s": scripts}
    history = [
        event for number, (kind, length) in enumerate(made) for event in makers[kind](number + 1, "z" * length)[-1:]
    ]
    bundle = build.bundle(*history)
    assert prompt_characters(bundle) <= BUDGET
    again, trimmed = excerpt_of(bundle.excerpt)
    assert again == bundle.excerpt
    assert not trimmed
