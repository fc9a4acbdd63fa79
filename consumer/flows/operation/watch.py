"""The watch: probes the database at intervals, independently of the loops, so that `/readyz` never has to ask it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from consumer.errors import Transient
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.pacing import rest

LOOP = "watch"
PROBE_SECONDS = 1.0
GAUGES_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How much work waits in the tables."""

    outbox_rows: int
    outbox_oldest_seconds: float
    open_requests: int
    oldest_pending_seconds: float
    due_work: int
    overdue: int
    """Requests without an outcome well after their deadline."""
    overdue_seconds: float
    overdue_request: str | None
    parked_rows: int
    """Events that a topic refuses."""
    parked_seconds: float
    parked_reason: str | None
    evictions: int
    oldest_eviction_seconds: float


class Tables(Protocol):
    """The tables. All methods raise Transient while the database is away or not prepared, and are bounded in time."""

    async def probe(self) -> None: ...
    async def entitled(self) -> None:
        """Raises Transient, with what to do, when the service lacks a right that it needs."""

    async def backlog(self) -> Backlog: ...


class Watch:
    """Tells health whether the database answers, and meters what waits. `run` returns after `stop`."""

    def __init__(self, *, tables: Tables, health: Health, meters: Meters, clock: Callable[[], float]) -> None:
        self._tables = tables
        self._health = health
        self._meters = meters
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        measured_at: float | None = None
        while not stop.is_set():
            self._health.beat(LOOP)
            try:
                await self._tables.probe()
                await self._tables.entitled()
                if measured_at is None or self._clock() - measured_at >= GAUGES_SECONDS:
                    self._show(await self._tables.backlog())
                    measured_at = self._clock()
            except Transient as error:
                self._health.failing("database", str(error))
            else:
                self._health.ok("database")
            await rest(stop, PROBE_SECONDS)

    def _show(self, backlog: Backlog) -> None:
        self._meters.set(Meter.OUTBOX_ROWS, backlog.outbox_rows)
        self._meters.set(Meter.OUTBOX_AGE, backlog.outbox_oldest_seconds)
        self._meters.set(Meter.OPEN_REQUESTS, backlog.open_requests)
        self._meters.set(Meter.OLDEST_PENDING, backlog.oldest_pending_seconds)
        self._meters.set(Meter.DUE_WORK, backlog.due_work)
        self._meters.set(Meter.OUTBOX_PARKED, backlog.parked_rows)
        self._meters.set(Meter.OVERDUE, backlog.overdue)
        if backlog.overdue:
            self._health.failing(
                "requests",
                f"{backlog.overdue} have no outcome after their deadline; the oldest is {backlog.overdue_request}",
                seconds=backlog.overdue_seconds,
            )
        else:
            self._health.ok("requests")
        if backlog.parked_rows:
            self._health.failing(
                "parked", f"{backlog.parked_rows} events wait: {backlog.parked_reason}", seconds=backlog.parked_seconds
            )
        else:
            self._health.ok("parked")
        self._meters.set(Meter.EVICTIONS, backlog.evictions)
        self._meters.set(Meter.OLDEST_EVICTION, backlog.oldest_eviction_seconds)
