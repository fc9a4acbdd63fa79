"""Event data to stored text and back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.arrival import stored
from consumer.domain.events import SessionEvent
from consumer.domain.session.session import fold
from schemas.sessions import SESSION_TYPES
from tests.support import build, histories


@given(histories.events(erasures=True))
def test_what_was_stored_is_read_back_with_the_same_fields_set(event: SessionEvent) -> None:
    if event.data is None:
        return
    read = stored.load_data(event.type, stored.dump_data(event.data))
    assert read == event.data
    assert read is not None
    assert read.model_fields_set == event.data.model_fields_set


def test_absent_null_and_given_stay_apart() -> None:
    texts = [
        stored.dump_data(event.data)
        for event in (build.described(), build.described(title=None), build.described(title="A"))
        if event.data is not None
    ]
    assert texts == ["{}", '{"title":null}', '{"title":"A"}']


def test_absence_survives_in_a_row_of_a_snapshot() -> None:
    row = {"fix_id": "f", "title": "T", "description": "D", "confidence_pct": 1, "applied_at": None}
    event = build.snapshot(fixes=[row])
    assert event.data is not None
    assert stored.load_data(event.type, stored.dump_data(event.data)) == event.data
    assert '"superseded"' not in stored.dump_data(event.data)


@pytest.mark.parametrize(
    "value", [10**40, -(10**25), 2**63, 1e300, -0.0, 1.5, True, None, "\ufffd \u2028 ü", {"a": [{}, [], [None]]}, "[1]"]
)
def test_parameters_are_read_back_as_they_were(value: Any) -> None:
    event = build.script(parameters={"P": value})
    assert event.data is not None
    read = stored.load_data(event.type, stored.dump_data(event.data))
    assert repr(read) == repr(event.data)


@given(st.text())
def test_the_text_can_always_be_stored(text: str) -> None:
    event = build.described(title=text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    assert event.data is not None
    assert "\x00" not in stored.dump_data(event.data)
    stored.dump_data(event.data).encode()


def test_a_type_nobody_knows_is_read_as_no_data() -> None:
    assert stored.load_data("session.mood_changed.v9", '{"mood":"good"}') is None
    assert stored.load_data("session.opened.v1", None) is None


def test_what_was_not_stored_here_is_refused() -> None:
    with pytest.raises(ValueError, match="fact_id"):
        stored.load_data("session.fact_recorded.v1", "{}")


def test_every_type_can_be_stored() -> None:
    assert set(SESSION_TYPES) < histories.TYPES


@given(histories.histories(erasures=True))
def test_the_state_is_that_of_the_stored_events(events: list[SessionEvent]) -> None:
    read = [
        event._replace(data=stored.load_data(event.type, None if event.data is None else stored.dump_data(event.data)))
        for event in events
    ]
    assert fold(build.KEY, read) == fold(build.KEY, events)
