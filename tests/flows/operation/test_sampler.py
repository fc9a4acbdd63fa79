"""The sampler, and the time of loops by phase."""

import asyncio
import time

from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter
from consumer.flows.operation.phases import PhaseClock
from consumer.flows.operation.sampler import Sampler
from consumer.wiring.operation import sampling_loop
from tests.support.meters import RememberedMeters
from tests.support.waiting import until


async def test_an_event_loop_that_is_held_up_shows_in_the_delay() -> None:
    meters, stop = RememberedMeters(), asyncio.Event()
    sampler = Sampler(
        readings=[lambda: {Meter.CALL_LIMIT: {"": 3.0}}],
        trim=lambda: None,
        health=Health(time.monotonic),
        meters=meters,
        clock=time.monotonic,
    )
    task = asyncio.create_task(sampler.run(stop))
    await asyncio.sleep(0.01)
    time.sleep(0.6)  # noqa: ASYNC251 - that is what is measured

    async def is_seen() -> bool:
        return any(meter is Meter.LOOP_DELAY and seconds > 0.3 for meter, seconds in meters.observed)

    await until(is_seen)
    assert meters.values[Meter.CALL_LIMIT, ""] == 3
    stop.set()
    await task


async def test_free_memory_is_given_back_once_a_minute() -> None:
    meters, stop, now, trimmed = RememberedMeters(), asyncio.Event(), [0.0], [0]

    def trim() -> None:
        trimmed[0] += 1

    sampler = Sampler(readings=(), trim=trim, health=Health(time.monotonic), meters=meters, clock=lambda: now[0])
    task = asyncio.create_task(sampler.run(stop))
    for minutes in (0, 1, 1, 2):
        now[0] = 60.0 * minutes
        seen = len(meters.observed)

        async def has_turned(seen: int = seen) -> bool:
            return len(meters.observed) >= seen + 2

        await until(has_turned)
        assert trimmed == [minutes]
    stop.set()
    await task


async def test_the_tasks_of_the_event_loop_are_counted() -> None:
    meters, stop = RememberedMeters(), asyncio.Event()
    others = [asyncio.create_task(stop.wait()) for _ in range(7)]
    sampling = asyncio.create_task(sampling_loop({}, None, Health(time.monotonic), meters).run(stop))

    async def is_known() -> bool:
        return (Meter.TASKS, "") in meters.values

    await until(is_known)
    assert meters.values[Meter.TASKS, ""] >= 9, "the test, the sampler and the others"
    stop.set()
    await asyncio.gather(sampling, *others)


def test_the_time_of_a_loop_is_counted_to_the_phase_that_ends() -> None:
    meters, now = RememberedMeters(), [0.0]
    phases = PhaseClock(meters=meters, loop="intake", clock=lambda: now[0])
    for phase, seconds in (("read", 2), ("decode", 3), ("read", 4), (None, 50)):
        phases.enter(phase)
        now[0] += seconds
    counted = {label: amount for (meter, label), amount in meters.counts.items() if meter is Meter.LOOP_SECONDS}
    assert counted == {("intake", "read"): 6, ("intake", "decode"): 3}
