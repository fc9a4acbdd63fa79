"""Decoding gives way to the event loop by time: heartbeats and deadlines wait for one record at most."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from consumer.domain.events import Record, SessionChange
from consumer.flows.intake.loop import LOOP, Intake
from consumer.flows.operation.health import Health
from consumer.flows.pacing import TURN_SECONDS, LoopTurn
from tests.support import hostile
from tests.support.meters import RememberedMeters
from tests.support.wire import REDACTOR, TOPICS, change, record

ONE_RECORD_SECONDS = 0.25
SLACK_SECONDS = 0.3  # a busy machine, and one that is slower than the one that was measured


class Delays:
    """The longest processor time for which the event loop did not come round: others may have the processor, too."""

    longest_seconds = 0.0

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        async def look() -> None:
            while True:
                before = time.process_time()
                await asyncio.sleep(0.001)
                self.longest_seconds = max(self.longest_seconds, time.process_time() - before)

        probe = asyncio.create_task(look(), name="probe")
        await asyncio.sleep(0.01)
        try:
            yield
            await asyncio.sleep(0.01)
        finally:
            probe.cancel()
            await asyncio.wait({probe})


def intake(health: Health) -> Intake:
    nowhere = cast("Any", None)  # decoding asks neither Kafka nor the store
    return Intake(
        source=nowhere, inbox=nowhere, redactor=REDACTOR, topics=TOPICS, health=health, meters=RememberedMeters()
    )


async def test_a_batch_of_hostile_records_does_not_hold_the_event_loop() -> None:
    hostile_ones = [hostile.fact("password is a1! " * 60_000) for _ in range(20)]
    records: list[Record] = [*hostile_ones, *(record(change(version=number)) for number in range(500))]
    delays, health = Delays(), Health(time.monotonic)
    began, worked = time.monotonic(), time.process_time()
    async with delays.watched():
        decoded = await intake(health)._decoded(records)
    assert [type(each.arrival) for each in decoded] == [SessionChange] * len(records)
    assert time.process_time() - worked > 2 * (ONE_RECORD_SECONDS + SLACK_SECONDS)  # so much work would have shown
    assert delays.longest_seconds < TURN_SECONDS + ONE_RECORD_SECONDS + SLACK_SECONDS
    assert health._beats[LOOP][0] > began


@pytest.mark.parametrize("seconds", [0.0, TURN_SECONDS / 2, TURN_SECONDS, 10.0])
async def test_a_turn_is_over_after_its_time_and_begins_anew(seconds: float) -> None:
    now = 100.0
    turn = LoopTurn(lambda: now)
    now += seconds
    assert turn.is_over == (seconds >= TURN_SECONDS)
    await turn.end()
    assert not turn.is_over
