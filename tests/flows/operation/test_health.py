"""Health names what is stuck and keeps needed hops apart from others."""

from collections.abc import Callable

import pytest
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.testing import capture_logs

from consumer.flows.operation.health import NEEDED, SILENCE_SECONDS, Health
from consumer.flows.operation.hop_lines import FLAPPING_SECONDS


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Callable[[], float]) -> Health:
    made = Health(clock)
    for hop in NEEDED:
        made.ok(hop)
    return made


def names(health: Health) -> list[str]:
    return [stuck.what for stuck in health.stuck()]


def test_nothing_is_ready_before_it_was_seen_to_work(clock: Clock) -> None:
    health = Health(clock)
    assert not health.ready
    assert sorted(names(health)) == ["database", "group"]
    health.ok("database")
    assert not health.ready
    health.ok("group")
    assert health.ready


@pytest.mark.parametrize("hop", ["database", "group", "store", "poll"])
def test_without_these_it_is_not_ready(health: Health, hop: str) -> None:
    health.failing(hop, "away")  # type: ignore[arg-type]  # of the closed set
    assert not health.ready
    assert health.alive
    health.ok(hop)  # type: ignore[arg-type]
    assert health.ready


@pytest.mark.parametrize("hop", ["cache", "model", "publish", "position"])
def test_without_these_it_is_ready_and_says_so(health: Health, hop: str) -> None:
    health.failing(hop, "away")  # type: ignore[arg-type]
    assert health.ready
    assert names(health) == [hop]


def test_trouble_counts_from_its_first_word(health: Health, clock: Clock) -> None:
    health.failing("store", "refused")
    clock.now += 5
    health.failing("store", "timed\nout")
    (stuck,) = health.stuck()
    assert (stuck.seconds, stuck.reason) == (5, "timed out")


@pytest.mark.promise(10)
def test_a_silent_loop_is_named_within_thirty_seconds(health: Health, clock: Clock) -> None:
    health.expect("intake")
    clock.now += SILENCE_SECONDS + 0.1
    assert SILENCE_SECONDS <= 28
    assert not health.alive
    assert not health.ready
    assert names(health) == ["loop:intake"]
    health.beat("intake")
    assert health.alive


def test_a_loop_that_ended_as_it_should_is_not_missed(health: Health, clock: Clock) -> None:
    health.expect("intake")
    health.retire("intake")
    clock.now += 1000
    assert health.ready


def test_a_loop_that_keeps_falling_does_not_turn_however_it_beats(health: Health) -> None:
    health.expect("relay")
    health.falls("relay", "KeyError")
    health.beat("relay")
    assert not health.ready
    assert names(health)[0] == "loop:relay"
    assert health.alive  # it is started again here; another process would fall the same way
    health.stands("relay")
    assert names(health) == []


class TestLines:
    def test_a_hop_is_told_once_when_it_is_lost_and_once_when_it_works_again(
        self, health: Health, clock: Clock
    ) -> None:
        with capture_logs() as lines:
            health.failing("publish", "Kafka: away")
            for _ in range(500):
                clock.now += 1
                health.failing("publish", "Kafka: still away")
            health.ok("publish")
            health.ok("publish")
        assert [(line["event_name"], line["log_level"]) for line in lines] == [
            ("hop_lost", "warning"),
            ("hop_recovered", "info"),
        ]
        assert (lines[0]["hop"], lines[0]["reason"], lines[1]["seconds"]) == ("publish", "Kafka: away", 500.0)

    def test_a_hop_that_flaps_is_told_seldom_and_what_remains_lost_is_told(self, health: Health, clock: Clock) -> None:
        with capture_logs() as lines:
            for _ in range(1000):
                health.failing("store", "away")
                clock.now += 0.5
                health.ok("store")
                clock.now += 0.5
            for _ in range(200):
                clock.now += 1
                health.failing("store", "away for good")
        lost = [line for line in lines if line["event_name"] == "hop_lost"]
        assert len(lines) < 2 * len(lost) <= 2 * 1200 / FLAPPING_SECONDS + 2
        assert lost[1]["lost_meanwhile"] == 59
        assert lines[-1]["event_name"] == "hop_lost"
        assert lines[-1]["reason"] == "away for good"

    def test_what_was_not_yet_seen_to_work_is_not_lost(self, clock: Clock) -> None:
        with capture_logs() as lines:
            health = Health(clock)
            for hop in NEEDED:
                health.ok(hop)
        assert lines == []

    def test_its_lines_carry_no_ids_of_the_work_that_noticed_it(self, health: Health) -> None:
        with capture_logs(processors=[merge_contextvars]) as lines, bound_contextvars(session="s-7"):
            health.failing("cache", "away")
            health.ok("cache")
        assert [(line["event_name"], "session" in line) for line in lines] == [
            ("hop_lost", False),
            ("hop_recovered", False),
        ]
