"""How old the oldest record is that is not read."""

from typing import Any

from aiokafka import TopicPartition as KafkaPartition

from consumer.adapters.kafka.consuming.lags import LagWatch
from consumer.domain.events import TopicPartition

AT = TopicPartition("session-state-changed", 3)


class Read:
    def __init__(self, at_seconds: float) -> None:
        self.timestamp = at_seconds * 1000


class Reading:
    def __init__(self) -> None:
        self.now = 1000.0
        self.watch = LagWatch(clock=lambda: self.now, wall=lambda: self.now)

    def read(self, at_seconds: float) -> None:
        records: Any = {KafkaPartition(*AT): [Read(at_seconds)]}
        self.watch.note(records)

    def seconds(self, position: int, end: int) -> float | None:
        return self.watch.lags({AT: position}, {AT: end})[AT].seconds


def test_nobody_knows_it_at_a_start_with_a_backlog() -> None:
    assert Reading().seconds(0, 10) is None


def test_a_partition_that_is_caught_up_is_not_behind() -> None:
    reading = Reading()
    assert reading.seconds(10, 10) == 0


def test_it_is_younger_than_the_last_record_that_was_read() -> None:
    reading = Reading()
    reading.read(940.0)
    assert reading.seconds(5, 10) == 60


def test_a_record_after_a_quiet_day_is_not_a_day_old() -> None:
    reading = Reading()
    reading.read(900.0)
    assert reading.seconds(10, 10) == 0
    reading.now += 86_400
    assert reading.seconds(10, 10) == 0
    reading.now += 3
    assert reading.seconds(10, 11) == 3


def test_a_partition_that_moved_away_is_forgotten() -> None:
    reading = Reading()
    reading.read(900.0)
    reading.watch.lags({}, {})
    assert reading.seconds(5, 10) is None
