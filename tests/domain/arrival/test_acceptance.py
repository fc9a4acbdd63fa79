"""Compares `accept` with a plain form of the rule for new events."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from consumer.domain.arrival.acceptance import Head, accept, to_look_up
from consumer.domain.events import Origin, SessionChange, SessionKey

KEYS = [SessionKey("t", "a"), SessionKey("t", "b")]


def event(key: SessionKey, version: int, event_id: str, at: int = 0) -> SessionChange:
    origin = Origin("session-state-changed", 0, at)
    return SessionChange(origin, key, version, event_id, "session.closed.v1", datetime.now(UTC), None, "{}")


_EVENTS = st.lists(st.builds(event, st.sampled_from(KEYS), st.integers(0, 4), st.sampled_from("xy")), max_size=12)


@given(stored=_EVENTS, batch=_EVENTS)
def test_the_first_of_a_version_is_taken_and_numbered_on(
    stored: list[SessionChange], batch: list[SessionChange]
) -> None:
    before = {key: dict[int, str]() for key in KEYS}
    for change in stored:
        before[change.key].setdefault(change.version, change.event_id)
    heads = {key: Head(max(taken, default=None), len(taken)) for key, taken in before.items()}
    asked = to_look_up(heads, batch)
    stored_ids = {(key, version): before[key][version] for key, version in asked if version in before[key]}

    seen = accept(heads, stored_ids, batch)

    after = {key: dict(taken) for key, taken in before.items()}
    accepted: list[tuple[int, SessionChange]] = []
    conflicting: list[SessionChange] = []
    repeated = 0
    for change in batch:
        owner = after[change.key].setdefault(change.version, change.event_id)
        if len(after[change.key]) > len(before[change.key]) + sum(other.key == change.key for _, other in accepted):
            accepted.append((len(after[change.key]), change))
        elif owner == change.event_id:
            repeated += 1
        else:
            conflicting.append(change)
    assert seen.accepted == tuple(accepted)
    assert seen.repeated == repeated
    assert seen.conflicting == tuple(conflicting)
    assert seen.heads == {
        key: Head(max(taken), len(taken)) for key, taken in after.items() if len(taken) > len(before[key])
    }


def test_a_session_that_gets_nothing_new_is_left_alone() -> None:
    key = KEYS[0]
    seen = accept({key: Head(3, 2)}, {(key, 3): "x"}, [event(key, 3, "x")])
    assert not seen.heads
    assert seen.repeated == 1
