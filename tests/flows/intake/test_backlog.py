"""When intake looks whether requests still wait for session events that were sent before them."""

from collections.abc import Mapping

from consumer.domain.events import TopicPartition
from consumer.flows.intake.backlog import LOOK_SECONDS, BacklogWatch

HERE, THERE = TopicPartition("sessions", 0), TopicPartition("sessions", 1)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def looks(watch: BacklogWatch, *positions: Mapping[TopicPartition, int]) -> list[bool]:
    return [watch.may_look(each) for each in positions]


def test_a_look_follows_at_once_when_reading_has_reached_what_a_request_overtook() -> None:
    watch = BacklogWatch(Clock())
    watch.aim({HERE: 5, THERE: 3})
    assert looks(watch, {HERE: 4, THERE: 3}, {HERE: 5, THERE: 2}) == [False, False]
    assert looks(watch, {HERE: 5, THERE: 3}, {HERE: 6, THERE: 3}) == [True, False]


def test_a_partition_of_another_process_is_not_waited_for() -> None:
    watch = BacklogWatch(Clock())
    watch.aim({HERE: 5, THERE: 3})
    assert looks(watch, {HERE: 5}) == [True]


def test_later_requests_neither_put_off_the_look_for_earlier_ones_nor_go_without() -> None:
    watch = BacklogWatch(Clock())
    for end in (5, 7, 9):
        watch.aim({HERE: end})
    watch.aim({})  # a batch without requests
    assert looks(watch, {HERE: 5}, {HERE: 8}, {HERE: 9}) == [True, False, True]


def test_nothing_is_looked_for_where_no_request_waits() -> None:
    watch = BacklogWatch(Clock())
    watch.aim({HERE: 5})
    watch.waiting = False
    assert looks(watch, {HERE: 5}) == [False]


def test_without_an_aim_a_look_comes_once_in_a_while() -> None:
    clock = Clock()
    watch = BacklogWatch(clock)
    clock.now = LOOK_SECONDS
    assert looks(watch, {}, {}) == [True, False]
