"""The sampler: looks each second at figures that nobody reports, and at how late the event loop wakes its tasks.

Once a minute it has free memory given back, in the same breath: neither is anybody else's work.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.operation.metric import LabelValues
from consumer.flows.pacing import rest

LOOP = "sampler"
DELAY_SECONDS = 0.25
"""How long each sample of the event loop's delay sleeps."""
READ_SECONDS = 1.0
TRIM_SECONDS = 60.0

Reading: TypeAlias = Callable[[], Mapping[Meter, Mapping[LabelValues, float]]]
"""Gauges as they are now. At once, and without a server."""


class Sampler:
    """`run` returns after `stop`."""

    def __init__(
        self,
        *,
        readings: Sequence[Reading],
        trim: Callable[[], object],
        health: Health,
        meters: Meters,
        clock: Callable[[], float],
    ) -> None:
        """`trim` gives free memory back, within milliseconds."""
        self._readings = readings
        self._trim = trim
        self._health = health
        self._meters = meters
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        read_at: float | None = None
        trimmed_at = self._clock()
        while not stop.is_set():
            self._health.beat(LOOP)
            now = self._clock()
            if read_at is None or now - read_at >= READ_SECONDS:
                read_at = now
                self._read()
            if now - trimmed_at >= TRIM_SECONDS:
                trimmed_at = now
                self._trim()
            slept_at = self._clock()
            await rest(stop, DELAY_SECONDS)
            if not stop.is_set():
                self._meters.observe(Meter.LOOP_DELAY, max(0.0, self._clock() - slept_at - DELAY_SECONDS))

    def _read(self) -> None:
        for reading in self._readings:
            for meter, values in reading().items():
                self._meters.replace(meter, values)
