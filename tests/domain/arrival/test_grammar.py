"""Both ways of decoding agree on every field of every event, over the grammar of the fields.

The short one gives what the thorough one gives, or hands over.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.domain.arrival.decode import decode
from consumer.domain.arrival.fast import fast
from consumer.domain.arrival.thorough import thorough
from consumer.domain.events import Refusal, SessionChange
from schemas.sessions import SESSION_TYPES, SNAPSHOT
from tests.domain.arrival import grammar
from tests.support.wire import REDACTOR, TOPICS, record

USUAL = {
    "specversion": '"1.0"',
    "id": '"e1"',
    "source": '"/upstream"',
    "subject": '"s1"',
    "time": '"2026-03-02T09:00:00Z"',
    "stateversion": "1",
}
EXAMPLES = 100


def event(**attributes: str) -> str:
    return grammar.members((USUAL | attributes).items())


def agree(written: str) -> tuple[bool, Any]:
    """Whether the short way took the event, and what came of it. Fails where the two ways differ."""
    sent = record(written.encode())
    short, long = fast(sent, TOPICS, REDACTOR), thorough(sent, TOPICS, REDACTOR)
    assert short is None or short == long
    assert decode(sent, TOPICS, REDACTOR) == long
    return short is not None, long.arrival


@pytest.mark.parametrize("kind", SESSION_TYPES)
@settings(max_examples=EXAMPLES)
@given(choice=st.data())
def test_on_every_field_of_every_type(kind: str, choice: st.DataObject) -> None:
    data = choice.draw(grammar.data(SESSION_TYPES[kind]))
    agree(event(type=f'"{kind}"', data=data))


@pytest.mark.parametrize("name", [name for name, _ in grammar.attributes()])
@settings(max_examples=EXAMPLES)
@given(choice=st.data())
def test_on_every_attribute(name: str, choice: st.DataObject) -> None:
    value = choice.draw(dict(grammar.attributes())[name])
    closed = {"type": '"session.closed.v1"', "data": '{"resolution":"done"}'}
    agree(event(**closed | {name: value}))
    other = choice.draw(st.sampled_from(sorted(USUAL)))
    agree(event(**closed | {name: value, other: choice.draw(dict(grammar.attributes())[other])}))


def test_the_generator_covers_every_type_and_is_taken_and_refused() -> None:
    """A guard that sees nothing guards nothing: both ways take events, and both refuse some."""
    taken: dict[str, set[tuple[bool, type]]] = {kind: set() for kind in SESSION_TYPES}

    @settings(max_examples=500, database=None, derandomize=True)
    @given(choice=st.data(), kind=st.sampled_from(sorted(SESSION_TYPES)))
    def look(choice: st.DataObject, kind: str) -> None:
        data = choice.draw(grammar.data(SESSION_TYPES[kind]))
        is_fast, arrival = agree(event(type=f'"{kind}"', data=data))
        taken[kind].add((is_fast, type(arrival)))

    look()
    for kind, outcomes in taken.items():
        assert {Refusal, SessionChange} <= {arrival for _, arrival in outcomes}, kind
        assert (True, SessionChange) in outcomes or kind == SNAPSHOT, kind
