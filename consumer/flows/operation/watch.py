"""The watch: probes the database at intervals, independently of the loops, so that `/readyz` never has to ask it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from consumer.errors import Transient
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.operation.metric import LabelValues
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
    upgrades_waiting: int = 0
    live_waiting_seconds: float = 0.0
    """The longest that due live work has waited for a worker."""
    replay_waiting_seconds: float = 0.0
    model_away: bool = False
    """Whether an outage of the model stands that all replicas know of."""
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    """Those in the table, by reason."""


class Tables(Protocol):
    """The tables. All methods raise Transient while the database is away or not prepared, and are bounded in time."""

    async def probe(self) -> None: ...
    async def entitled(self) -> None:
        """Raises Transient, with what to do, when the service lacks a right that it needs."""

    async def backlog(self) -> Backlog: ...


class Watch:
    """Tells health whether the database answers, and meters what waits. `run` returns after `stop`."""

    def __init__(
        self, *, tables: Tables, health: Health, meters: Meters, clock: Callable[[], float], has_model: bool = False
    ) -> None:
        self._tables = tables
        self._health = health
        self._meters = meters
        self._clock = clock
        self._has_model = has_model

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
                self._forget()
                measured_at = None  # as soon as the tables can be read, what waits is known again
            else:
                self._health.ok("database")
            await rest(stop, PROBE_SECONDS)

    def _show(self, backlog: Backlog) -> None:
        for meter, values in _figures(backlog).items():
            self._meters.replace(meter, values)
        if self._has_model:
            self._meters.set(Meter.MODEL_AVAILABLE, not backlog.model_away)
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

    def _forget(self) -> None:
        """What was read from the tables is not known any more."""
        for meter in (*FROM_TABLES, Meter.MODEL_AVAILABLE):
            self._meters.replace(meter, {})


def _figures(backlog: Backlog) -> dict[Meter, dict[LabelValues, float]]:
    reasons: dict[LabelValues, float] = {reason: 0 for (reason,) in Meter.DEAD_LETTERS_KEPT.value.labels.values}
    return {
        Meter.OUTBOX_ROWS: {"": backlog.outbox_rows},
        Meter.OUTBOX_AGE: {"": backlog.outbox_oldest_seconds},
        Meter.OUTBOX_PARKED: {"": backlog.parked_rows},
        Meter.OPEN_REQUESTS: {"": backlog.open_requests},
        Meter.OLDEST_PENDING: {"": backlog.oldest_pending_seconds},
        Meter.DUE_WORK: {"": backlog.due_work},
        Meter.OLDEST_WAITING: {"live": backlog.live_waiting_seconds, "replay": backlog.replay_waiting_seconds},
        Meter.OVERDUE: {"": backlog.overdue},
        Meter.UPGRADES_WAITING: {"": backlog.upgrades_waiting},
        Meter.DEAD_LETTERS_KEPT: reasons | dict(backlog.dead_letters.items()),
        Meter.EVICTIONS: {"": backlog.evictions},
        Meter.OLDEST_EVICTION: {"": backlog.oldest_eviction_seconds},
    }


FROM_TABLES = (
    *(Meter.OUTBOX_ROWS, Meter.OUTBOX_AGE, Meter.OUTBOX_PARKED, Meter.OPEN_REQUESTS, Meter.OLDEST_PENDING),
    *(Meter.DUE_WORK, Meter.OLDEST_WAITING, Meter.OVERDUE, Meter.UPGRADES_WAITING, Meter.DEAD_LETTERS_KEPT),
    *(Meter.EVICTIONS, Meter.OLDEST_EVICTION),
)
"""The gauges of `_figures`."""
