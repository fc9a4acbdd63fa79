"""The fold: what each event does, and that neither order nor repetition nor batches matter."""

import gc
import time
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.bundle import bundle as bundles
from consumer.domain.events import SessionEvent
from consumer.domain.session.session import Session, fold
from schemas.sessions import SESSION_TYPES
from tests.support import build, histories


def texts(session: Session) -> list[str]:
    return [fact.text for fact in session.live_facts]


class TestDescription:
    def test_opening_sets_all_five_and_absent_means_null(self) -> None:
        session = build.session(
            build.opened(title="A", problem_summary="B", problem_domain="C", intake_text="D", psa_ticket=build.TICKET),
            build.opened(title="E"),
        )
        assert session.title == "E"
        assert session.problem_summary is session.problem_domain is session.intake_text is None
        assert session.psa_ticket is None

    def test_describing_replaces_what_is_present_and_null_clears(self) -> None:
        session = build.session(
            build.opened(title="A", problem_summary="B", intake_text="D"),
            build.described(title="New", problem_summary=None),
        )
        assert (session.title, session.problem_summary, session.intake_text) == ("New", None, "D")

    def test_describing_before_opening_counts(self) -> None:
        assert build.session(build.described(problem_domain="mail")).problem_domain == "mail"

    def test_opening_leaves_facts_and_fixes_alone(self) -> None:
        session = build.session(build.fact("One."), build.fix(), build.opened())
        assert texts(session) == ["One."]
        assert session.active_fix is not None


class TestFacts:
    def test_recorded_again_is_replaced_in_its_place(self) -> None:
        session = build.session(
            build.fact("One.", fact_id="a", source_summary="log"),
            build.fact("Two.", fact_id="b"),
            build.fact("One, again.", fact_id="a"),
        )
        assert texts(session) == ["One, again.", "Two."]
        assert session.facts[0].source_summary is None

    def test_recorded_again_after_a_retraction_is_live_again_in_its_place(self) -> None:
        session = build.session(
            build.fact("One.", fact_id="a"),
            build.fact("Two.", fact_id="b"),
            build.retracted(fact_id="a"),
            build.fact("One after all.", fact_id="a"),
        )
        assert texts(session) == ["One after all.", "Two."]

    def test_retracted_is_no_longer_live(self) -> None:
        assert texts(build.session(build.fact(), build.retracted())) == []

    def test_revised_takes_what_is_present(self) -> None:
        session = build.session(
            build.fact("One.", source_summary="log"), build.revised(text="Two."), build.revised(source_type="hearsay")
        )
        fact = session.facts[0]
        assert (fact.text, fact.source_type, fact.source_summary) == ("Two.", "hearsay", "log")

    def test_revised_with_null_clears_the_summary(self) -> None:
        session = build.session(build.fact(source_summary="log"), build.revised(source_summary=None))
        assert session.facts[0].source_summary is None

    def test_revised_with_nothing_changes_nothing(self) -> None:
        before = build.session(build.fact("One.", source_summary="log"))
        after = build.session(build.fact("One.", source_summary="log"), build.revised())
        assert after.facts == before.facts

    def test_revising_does_not_bring_back_a_retracted_fact(self) -> None:
        assert texts(build.session(build.fact(), build.retracted(), build.revised(text="Back?"))) == []

    def test_unknown_facts_are_neither_revised_nor_retracted_into_being(self) -> None:
        session = build.session(build.revised(text="Who?"), build.retracted(fact_id="b"))
        assert session.facts == ()
        assert session.event_count == 2


class TestScripts:
    def test_generated_again_is_replaced_in_its_place(self) -> None:
        session = build.session(
            build.script("One", generation_id="a"),
            build.script("Two", generation_id="b"),
            build.script("One, again", generation_id="a", parameters={"Path": "C:"}),
        )
        assert [script.template and script.template.name for script in session.scripts] == ["One, again", "Two"]
        assert session.scripts[0].parameters == {"Path": "C:"}


class TestFixes:
    def test_the_active_one_is_the_most_recently_suggested(self) -> None:
        session = build.session(build.fix("A", fix_id="a"), build.fix("B", fix_id="b"), build.fix("A", fix_id="a"))
        assert session.active_fix is not None
        assert session.active_fix.fix_id == "a"
        assert [fix.fix_id for fix in session.fixes] == ["b", "a"]

    def test_an_outcome_does_not_make_a_fix_the_active_one(self) -> None:
        session = build.session(build.fix(fix_id="a"), build.fix(fix_id="b"), build.outcome("dismissed", fix_id="a"))
        assert session.active_fix is not None
        assert session.active_fix.fix_id == "b"

    def test_a_superseded_one_is_not_active_and_keeps_its_outcome(self) -> None:
        session = build.session(
            build.fix(fix_id="a"),
            build.fix(fix_id="b"),
            build.outcome("applied_failed", fix_id="b", failure_reason="Still asks."),
            build.superseded(fix_id="b"),
        )
        assert session.active_fix is not None
        assert session.active_fix.fix_id == "a"
        assert session.fixes[1].failure_reason == "Still asks."

    def test_with_all_superseded_none_is_active(self) -> None:
        assert build.session(build.fix(), build.superseded()).active_fix is None

    def test_an_outcome_of_an_unknown_fix_changes_nothing_even_if_it_is_suggested_later(self) -> None:
        session = build.session(build.outcome("applied_failed"), build.superseded(), build.fix())
        assert session.fixes[0].status == "proposed"
        assert not session.fixes[0].superseded


class TestClosing:
    def test_closes_with_a_resolution_and_reopens_without(self) -> None:
        closed = build.session(build.opened(), build.closed(resolution="Done."))
        assert (closed.closed, closed.resolution) == (True, "Done.")
        reopened = build.session(build.opened(), build.closed(resolution="Done."), build.reopened())
        assert (reopened.closed, reopened.resolution) == (False, None)


class TestSnapshots:
    def test_replaces_all_earlier_state(self) -> None:
        session = build.session(
            build.opened(intake_text="Old."),
            build.fact("Old."),
            build.fix(),
            build.script(),
            build.closed(),
            build.snapshot(title="New"),
        )
        assert session == replace(build.session(build.snapshot(title="New")), version=6, event_count=6)

    def test_later_events_build_on_it(self) -> None:
        row = {"fact_id": "fact-1", "text": "Row.", "source_type": "user_report"}
        session = build.session(build.snapshot(facts=[row]), build.revised(text="Revised."), build.fact(fact_id="b"))
        assert texts(session) == ["Revised.", "The mailbox opens in the browser."]

    def test_of_two_rows_with_one_id_the_last_counts(self) -> None:
        rows = [
            {"fact_id": fact_id, "text": text, "source_type": "user_report"}
            for fact_id, text in (("a", "First."), ("b", "Second."), ("a", "Third."))
        ]
        assert texts(build.session(build.snapshot(facts=rows))) == ["Second.", "Third."]

    def test_a_row_of_a_fix_obeys_the_rules_of_outcomes(self) -> None:
        row = {"fix_id": "f", "title": "T", "description": "D", "confidence_pct": 59.5}
        session = build.session(
            build.snapshot(
                fixes=[
                    row | {"fix_id": "proposed", "applied_at": "2026-01-01T00:00:00Z"},
                    row | {"fix_id": "failed", "status": "applied_failed", "failure_reason": "No."},
                    row
                    | {
                        "fix_id": "pending",
                        "status": "applied_pending",
                        "pending_reason": "Monday",
                        "applied_at": "2026-01-01T00:00:00Z",
                        "verified_at": "2026-01-02T00:00:00Z",
                        "superseded": True,
                    },
                ]
            )
        )
        proposed, failed, pending = session.fixes
        assert proposed.applied_at is proposed.verified_at is None
        assert failed.applied_at == failed.verified_at == build.minute(1)
        assert pending.applied_at is not None
        assert pending.applied_at.isoformat() == "2026-01-01T00:00:00+00:00"
        assert pending.verified_at is None
        assert session.active_fix == failed
        assert failed.confidence_pct == 60


class TestUnknownTypes:
    def test_change_nothing_but_count_and_arrive(self) -> None:
        with_it = build.session(build.opened(), build.unknown())
        assert with_it == replace(build.session(build.opened()), version=2, event_count=2)


class TestErasure:
    def test_leaves_the_ticket_alone(self) -> None:
        session = build.session(build.opened(psa_ticket=build.TICKET), build.fact(), build.fix(), build.erased())
        assert session == Session(key=build.KEY, version=4, event_count=4, psa_ticket=session.psa_ticket, erased=True)
        assert session.psa_ticket is not None

    def test_is_final_whatever_its_version(self) -> None:
        session = build.session(build.erased(), build.opened(title="Back?"), build.snapshot(title="Back!"))
        assert session.erased
        assert session.title is None


class TestAsAFunctionOfTheSet:
    def test_without_events_there_is_nothing(self) -> None:
        assert fold(build.KEY, []) == Session(key=build.KEY)

    @given(histories.histories(erasures=True), st.data())
    @pytest.mark.promise(2)
    def test_order_and_repetition_do_not_matter(self, events: list[SessionEvent], data: st.DataObject) -> None:
        repeated = data.draw(st.lists(st.sampled_from(events), max_size=5))
        shuffled = data.draw(st.permutations([*events, *repeated]))
        assert fold(build.KEY, shuffled) == fold(build.KEY, events)

    @given(histories.histories(), st.data())
    def test_the_state_at_a_version_is_that_of_the_events_up_to_it(
        self, events: list[SessionEvent], data: st.DataObject
    ) -> None:
        kept = data.draw(st.integers(1, len(events)))
        early = fold(build.KEY, events[:kept])
        assert early.version == events[kept - 1].version
        assert early.event_count == kept

    @given(histories.histories(max_size=12), st.data())
    def test_a_late_event_takes_its_place_by_version(self, events: list[SessionEvent], data: st.DataObject) -> None:
        late = data.draw(st.sampled_from(events))
        arrived = [event for event in events if event is not late]
        assert fold(build.KEY, (event for event in [*arrived, late])) == fold(build.KEY, events)

    @given(histories.histories())
    def test_every_state_has_a_bundle(self, events: list[SessionEvent]) -> None:
        assert bundles.build(fold(build.KEY, events), reason="It is urgent.").canonical

    def test_the_histories_hold_every_type(self) -> None:
        assert set(SESSION_TYPES) < histories.TYPES

    def test_of_two_events_with_one_version_the_same_one_counts_in_any_order(self) -> None:
        first, second = build.opened(title="One", version=1), build.opened(title="Other", version=1)
        second = second._replace(event_id="event-0")
        assert fold(build.KEY, [first, second]) == fold(build.KEY, [second, first])

    def test_times_do_not_order_anything(self) -> None:
        first, second = build.in_order(build.opened(title="First"), build.opened(title="Second"))
        second = second._replace(occurred_at=first.occurred_at - timedelta(days=1))
        assert fold(build.KEY, [first, second]).title == "Second"


@pytest.mark.parametrize("made", ["facts", "scripts", "fixes"])
def test_the_time_taken_is_linear(made: str) -> None:
    """Eight times the events take about eight times as long. A map copied at every event would make it over 30."""
    small, large = _shuffled(made, 1_000), _shuffled(made, 8_000)
    gc.disable()  # its rounds would count in the measured times
    try:
        times = [(_seconds(small), _seconds(large)) for _ in range(5)]
    finally:
        gc.enable()
    assert min(large for _, large in times) < 20 * min(small for small, _ in times)


def _shuffled(made: str, count: int) -> list[SessionEvent]:
    events = build.in_order(*(_made(made, number) for number in range(count)))
    Random(7).shuffle(events)
    return events


def _seconds(events: list[SessionEvent]) -> float:
    before = time.thread_time()
    fold(build.KEY, events)
    return time.thread_time() - before


def _made(made: str, number: int) -> SessionEvent:
    match made:
        case "facts":
            return build.fact(fact_id=f"fact-{number}")
        case "scripts":
            return build.script(generation_id=f"script-{number}")
        case _:
            return build.fix(fix_id=f"fix-{number}")
