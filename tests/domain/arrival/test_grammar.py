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
CLOSED = {"type": '"session.closed.v1"', "data": '{"resolution":"done"}'}
EXAMPLES = 50


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
def test_on_every_odd_value_in_each_field_of_every_type(kind: str) -> None:
    model = SESSION_TYPES[kind]
    step = 10 if kind == SNAPSHOT else 1  # the short way takes none, and there are forty fields
    for path in grammar.paths(model):
        for value in grammar.odd_values()[::step]:
            agree(event(type=f'"{kind}"', data=grammar.usual_but(model, path, value)))


@pytest.mark.parametrize("name", [name for name, _ in grammar.attributes()])
def test_on_every_odd_value_in_each_attribute(name: str) -> None:
    for value in grammar.odd_values():
        agree(event(**CLOSED | {name: value}))


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
    agree(event(**CLOSED | {name: value}))
    other = choice.draw(st.sampled_from(sorted(USUAL)))
    agree(event(**CLOSED | {name: value, other: choice.draw(dict(grammar.attributes())[other])}))


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
