"""What a loop spends its time with."""

from collections.abc import Callable

from consumer.flows.operation.meters import Meter, Meters


class PhaseClock:
    """Counts the seconds of a loop by phase, a few times a turn. The phases are `PHASES` of metric.py."""

    def __init__(self, *, meters: Meters, loop: str, clock: Callable[[], float]) -> None:
        self._meters = meters
        self._loop = loop
        self._clock = clock
        self._phase: str | None = None
        self._since = 0.0

    def enter(self, phase: str | None) -> None:
        """From now on the loop is in this phase; None: it has ended. What was before is counted."""
        now = self._clock()
        if self._phase is not None:
            self._meters.count(Meter.LOOP_SECONDS, now - self._since, label=(self._loop, self._phase))
        self._phase, self._since = phase, now
