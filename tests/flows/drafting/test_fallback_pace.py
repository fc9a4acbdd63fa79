"""The measured time of a fallback."""

import pytest

from consumer.flows.drafting.fallback_pace import FIRST_SECONDS, LONGEST_SECONDS, FallbackPace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_in_company_a_fallback_counts_what_it_adds() -> None:
    clock = Clock()
    pace = FallbackPace(clock)
    for _ in range(8):
        pace.begins()
    for _ in range(200):
        clock.now += 0.01
        pace.ends()
        pace.begins()
    assert pace.seconds == pytest.approx(0.01, rel=0.01)


def test_idle_time_does_not_count_and_a_wait_for_the_database_counts_little() -> None:
    clock = Clock()
    pace = FallbackPace(clock)
    for _ in range(100):
        clock.now += 60.0
        pace.begins()
        clock.now += 0.02
        pace.ends()
    assert pace.seconds == pytest.approx(0.02, rel=0.02)
    pace.begins()
    clock.now += 20.0
    pace.ends()
    assert pace.seconds <= 0.02 + LONGEST_SECONDS / 10
    assert FallbackPace(clock).seconds == FIRST_SECONDS
