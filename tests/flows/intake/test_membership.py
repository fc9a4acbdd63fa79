"""What intake's membership tells of the partitions."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.domain.events import Record, TopicPartition
from consumer.errors import Transient
from consumer.flows.intake.membership import LOOK_SECONDS, STILL_SECONDS, Membership
from consumer.flows.intake.ports import Lag, OpenTransaction
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter
from tests.support.meters import RememberedMeters

AT = TopicPartition("session-state-changed", 3)


class Source:
    """A member whose partition has records that it does not read."""

    is_member = True

    def __init__(self) -> None:
        self.still_seconds = 0.0
        self.asked = 0
        self.kafka_is_slow = False

    def lags(self) -> dict[TopicPartition, Lag]:
        return {AT: Lag(records=5, seconds=7.0, still_seconds=self.still_seconds)}

    lost: list[object] = []  # noqa: RUF012 - nothing is lost here
    away = False

    async def poll(self, _: int) -> list[Record]:
        if self.away:
            raise Transient("Kafka: away")
        return []

    async def open_transactions(self, partitions: Collection[TopicPartition]) -> list[OpenTransaction]:
        self.asked += 1
        if self.kafka_is_slow:
            raise Transient("Kafka: TimeoutError")
        since = datetime(2026, 3, 2, 9, tzinfo=UTC)
        return [
            OpenTransaction(partition=at, begins_at=42, producer_id=7, since=since, transactional_id="etl-3")
            for at in partitions
        ]

    def pause(self) -> None: ...

    async def resume(self) -> None: ...


class Member:
    def __init__(self) -> None:
        self.now = 0.0
        self.health, self.meters, self.source = Health(self.clock), RememberedMeters(), Source()
        source: Any = self.source
        self.membership = Membership(
            source=source, health=self.health, meters=self.meters, loop="intake", clock=self.clock
        )

    def clock(self) -> float:
        return self.now

    def after(self, seconds: float) -> str | None:
        """What is said of partitions then."""
        self.now += seconds
        self.source.still_seconds += seconds
        self.membership.report()
        return next((stuck.reason for stuck in self.health.stuck() if stuck.what == "partition"), None)


def test_a_partition_that_stands_still_is_named_and_its_lag_is_metered() -> None:
    member = Member()
    assert member.after(STILL_SECONDS - 1) is None
    said = member.after(2)
    assert said is not None
    assert f"{AT} for 61 s, 5 records behind" in said
    assert member.meters.values[Meter.LAG_RECORDS, (AT.topic, "3")] == 5
    assert member.meters.values[Meter.LAG_SECONDS, (AT.topic, "3")] == 7.0
    member.source.still_seconds = -1.0
    assert member.after(1) is None


async def test_who_holds_a_transaction_open_where_a_partition_stands_still_is_named() -> None:
    """Asked seldom, and never while all partitions move; an answer that does not come hides nothing."""
    member = Member()
    await member.membership.poll(0)
    assert member.source.asked == 0
    member.source.kafka_is_slow = True
    member.after(STILL_SECONDS + 1)
    await member.membership.poll(0)
    said = member.after(1)
    assert (member.source.asked, "holds a transaction" in (said or "")) == (1, False)
    member.source.kafka_is_slow = False
    await member.membership.poll(0)
    assert member.source.asked == 1
    member.after(LOOK_SECONDS)
    await member.membership.poll(0)
    said = member.after(1)
    assert said is not None
    assert said.endswith(
        f"; producer 7 (etl-3) holds a transaction open in {AT} since 2026-03-02 09:00:00Z: nobody reads beyond 42"
    )
    member.source.still_seconds = -1.0
    assert member.after(1) is None


async def test_while_intake_is_paused_nothing_stands_still_by_itself() -> None:
    member = Member()
    member.membership.pause()
    assert member.after(10 * STILL_SECONDS) is None
    await member.membership.rewind()
    assert member.after(STILL_SECONDS - 1) is None
    assert member.after(2) is not None


async def test_lags_are_not_known_while_kafka_is_away() -> None:
    member = Member()
    member.after(2)
    assert (Meter.LAG_SECONDS, (AT.topic, "3")) in member.meters.values
    member.source.away = True
    with pytest.raises(Transient):
        await member.membership.poll(0)
    member.after(2)
    assert member.meters.values == {}
    member.source.away = False
    await member.membership.poll(0)
    member.after(2)
    assert (Meter.LAG_RECORDS, (AT.topic, "3")) in member.meters.values
