"""The guard restarts an ended loop, reports its end, or passes it on."""

import asyncio

import pytest

from consumer.errors import Halt
from consumer.flows.operation import guard
from consumer.flows.operation.guard import Guard
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter
from tests.support.meters import RememberedMeters


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "PAUSES_SECONDS", (0.0,))


class Loops:
    def __init__(self) -> None:
        self.meters = RememberedMeters()
        self.health = Health(lambda: 0.0)
        self.guard = Guard(health=self.health, meters=self.meters, clock=lambda: 0.0)
        self.starts = 0

    def falling(self, times: int, error: Exception | None) -> guard.Run:
        async def run(stop: asyncio.Event) -> None:
            self.starts += 1
            if self.starts > times:
                await stop.wait()
            elif error is not None:
                raise error

        return run

    async def end(self) -> None:
        self.guard.ask_to_stop("one")
        assert await self.guard.ended("one", within_seconds=5)


@pytest.mark.parametrize("error", [KeyError("k"), None], ids=["error", "just ended"])
async def test_a_loop_that_ended_is_started_again(error: Exception | None) -> None:
    loops = Loops()
    loops.guard.start("one", loops.falling(3, error))
    while loops.starts < 4:  # noqa: ASYNC110 - a start is one turn of the event loop
        await asyncio.sleep(0)
    assert loops.meters.counts[Meter.RESTARTS, "one"] == 3
    assert [stuck.what for stuck in loops.health.stuck() if stuck.what.startswith("loop:")] == ["loop:one"]
    assert not loops.guard.halted.is_set()
    await loops.end()


async def test_halt_passes_through() -> None:
    loops = Loops()
    loops.guard.start("one", loops.falling(1, Halt("enough")))
    await asyncio.wait_for(loops.guard.halted.wait(), 5)
    assert str(loops.guard.reason) == "enough"
    assert loops.starts == 1
    await loops.end()


async def test_whoever_does_not_end_in_time_is_cut_off() -> None:
    loops = Loops()

    async def deaf(_stop: asyncio.Event) -> None:
        await asyncio.Event().wait()

    loops.guard.start("one", deaf)
    await asyncio.sleep(0)
    loops.guard.ask_to_stop("one")
    assert not await loops.guard.ended("one", within_seconds=0.01)
    assert loops.guard._tasks["one"].done()


async def test_a_loop_that_was_never_started_is_passed_over() -> None:
    loops = Loops()
    loops.guard.ask_to_stop("none")
    assert await loops.guard.ended("none", within_seconds=0)
