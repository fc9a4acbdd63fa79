"""Guarded tasks: each loop is a named task with one owner, and its end is never overlooked.

A loop that ends in an unexpected error is logged, counted and started again after a pause: also one that a library
cancelled by mistake. Halt stops the service.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from consumer.errors import Halt
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.pacing import is_asked_to_end, rest

PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_SECONDS = 15.0
"""A loop that has run for so long counts as steady: its next error is the first one of a new series."""

log = structlog.stdlib.get_logger("escalation.guard")

Run = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""A loop. It returns after its stop event is set."""


class Guard:
    """Owns the loops. `halted` is set when a loop has raised Halt: the service has to stop. `reason` is that error."""

    def __init__(self, *, health: Health, meters: Meters, clock: Callable[[], float]) -> None:
        self._health = health
        self._meters = meters
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stops: dict[str, asyncio.Event] = {}
        self.halted = asyncio.Event()
        self.reason: Halt | None = None

    def start(self, name: str, run: Run) -> None:
        """Starts the loop as a task. From now on health expects signs of life from it."""
        stop = asyncio.Event()
        self._stops[name] = stop
        self._health.expect(name)
        self._tasks[name] = asyncio.create_task(self._guarded(name, run, stop), name=f"loop:{name}")

    def ask_to_stop(self, *names: str) -> None:
        """Sets the stop events of these loops. Loops that were never started are passed over."""
        for name in names:
            if name in self._stops:
                self._stops[name].set()

    async def ended(self, *names: str, within_seconds: float) -> bool:
        """Waits for loops that were asked to stop, and cancels those that are not done in time.

        Returns whether all were done in time.
        """
        tasks = {self._tasks[name] for name in names if name in self._tasks}
        if not tasks:
            return True
        try:
            await asyncio.wait(tasks, timeout=max(0.0, within_seconds))
        finally:
            late = [task for task in tasks if not task.done()]
            for task in late:
                log.warning(
                    "A loop did not end in time and is cancelled.", event_name="loop_cut_off", loop=task.get_name()
                )
                task.cancel()
        if late:
            await asyncio.wait(late, timeout=1.0)
        for name in names:
            self._health.retire(name)
        return not late

    async def _guarded(self, name: str, run: Run, stop: asyncio.Event) -> None:
        falls = 0
        while not stop.is_set():
            started = self._clock()
            steady = asyncio.get_running_loop().call_later(STEADY_SECONDS, self._health.stands, name)
            try:
                await run(stop)
                if stop.is_set():
                    return
                self._fell(name, falls, None)
            except Halt as halt:
                self.reason = self.reason or halt
                self.halted.set()
                return
            except (Exception, asyncio.CancelledError) as error:  # the one place that catches every error of a loop
                if is_asked_to_end(error):
                    raise
                self._fell(name, falls, error)
            finally:
                steady.cancel()
            falls = 0 if self._clock() - started > STEADY_SECONDS else falls + 1
            await rest(stop, PAUSES_SECONDS[min(falls, len(PAUSES_SECONDS) - 1)])

    def _fell(self, name: str, falls: int, error: BaseException | None) -> None:
        self._meters.count(Meter.RESTARTS, label=name)
        log.error(
            "A loop ended unexpectedly and is started again.", event_name="loop_restarted", loop=name, exc_info=error
        )
        if falls > 0:
            cause = type(error).__name__ if error else "it just ended"
            self._health.falls(name, f"ends as soon as it is started: {cause}")
