"""The watch: what it reads from the tables is shown while it is known."""

import asyncio
import time

import pytest

from consumer.errors import Transient
from consumer.flows.operation import watch
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter
from consumer.flows.operation.watch import FROM_TABLES, Backlog, Watch
from tests.support.meters import RememberedMeters
from tests.support.waiting import until

BACKLOG = Backlog(
    outbox_rows=1,
    outbox_oldest_seconds=2.0,
    open_requests=3,
    oldest_pending_seconds=4.0,
    due_work=5,
    overdue=0,
    overdue_seconds=0.0,
    overdue_request=None,
    parked_rows=0,
    parked_seconds=0.0,
    parked_reason=None,
    evictions=0,
    oldest_eviction_seconds=0.0,
    live_waiting_seconds=7.0,
    dead_letters={"invalid": 2},
)


class Tables:
    away = False

    async def probe(self) -> None:
        if self.away:
            raise Transient("away")

    async def entitled(self) -> None: ...

    async def backlog(self) -> Backlog:
        return BACKLOG


async def test_what_is_read_from_the_tables_is_absent_while_they_are_away_and_back_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "PROBE_SECONDS", 0.01)
    tables, meters, stop = Tables(), RememberedMeters(), asyncio.Event()
    looking = Watch(tables=tables, health=Health(time.monotonic), meters=meters, clock=time.monotonic, has_model=True)
    task = asyncio.create_task(looking.run(stop))
    shown = {*FROM_TABLES, Meter.MODEL_AVAILABLE}

    async def all_known() -> bool:
        return {meter for meter, _ in meters.values} == shown

    async def none_known() -> bool:
        return not meters.values

    await until(all_known)
    assert meters.values[Meter.OLDEST_WAITING, "live"] == 7
    assert meters.values[Meter.DEAD_LETTERS_KEPT, "invalid"] == 2
    assert meters.values[Meter.DEAD_LETTERS_KEPT, "corrupt"] == 0
    assert meters.values[Meter.MODEL_AVAILABLE, ""] == 1
    tables.away = True
    await until(none_known)
    tables.away = False
    await until(all_known, within_seconds=watch.GAUGES_SECONDS / 2)
    stop.set()
    await task
