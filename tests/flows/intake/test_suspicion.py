"""When refusals may be the service's own fault."""

from collections.abc import Iterable

import pytest

from consumer.domain.arrival import deadletters
from consumer.domain.events import Decoded
from consumer.flows.intake.suspicion import RefusalsLeap, Suspicion
from tests.support.wire import arrive, change, record


def sound(keys: Iterable[str]) -> list[Decoded]:
    return [arrive(change(), key=key.encode()) for key in keys]


def stumbled(keys: Iterable[str]) -> list[Decoded]:
    records = [record(change(), key=key.encode()) for key in keys]
    return [Decoded(deadletters.refusal_by_fault(each, TypeError()), each.key) for each in records]


def refused(keys: Iterable[str]) -> list[Decoded]:
    return [arrive(b"{", key=key.encode()) for key in keys]


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def doubts(suspicion: Suspicion, arrivals: Iterable[Decoded]) -> bool:
    suspicion.note(arrivals)
    try:
        suspicion.check()
    except RefusalsLeap:
        return True
    return False


@pytest.fixture
def suspicion() -> Suspicion:
    return Suspicion(lambda: None)


def test_a_few_stumbles_and_one_session_that_stumbles_often_are_no_reason_to_stop(suspicion: Suspicion) -> None:
    assert not doubts(suspicion, stumbled(names("a", 4)))
    assert not doubts(suspicion, stumbled(["a1"] * 200))
    assert not doubts(suspicion, sound(names("b", 50)) + stumbled(names("c", 40)))


def test_stumbles_over_most_keys_stop_for_as_long_as_they_last(suspicion: Suspicion) -> None:
    for _ in range(3):
        assert doubts(suspicion, stumbled(names("a", 5)))
    assert not doubts(suspicion, sound(names("a", 5))), "each key counts by what befell it last"


def test_one_stumble_stops_where_a_sound_record_meets_it_too() -> None:
    def falls() -> None:
        raise RuntimeError

    assert not doubts(Suspicion(falls), refused(["a"]))
    assert doubts(Suspicion(falls), stumbled(["a"]))


def test_a_leap_of_refusals_stops_once_and_again_after_it_was_over(suspicion: Suspicion) -> None:
    assert not doubts(suspicion, refused(names("a", 49)))
    assert doubts(suspicion, refused(["b"]))
    assert not doubts(suspicion, refused(names("c", 300))), "a producer of rubbish must not stop the others"
    assert not doubts(suspicion, sound(names("d", 100)))
    assert doubts(suspicion, refused(names("e", 60)))
