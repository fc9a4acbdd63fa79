"""What the watch reads from the tables, and what it tells of it."""

import asyncio

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter
from consumer.flows.operation.watch import Watch
from tests.adapters.postgres.intake.steps import Store
from tests.support.meters import RememberedMeters
from tests.support.wire import request

LATE = "UPDATE requests SET deadline_at = now() - make_interval(secs => $1) WHERE request_id = 'r1'"
REFUSED = """
    INSERT INTO outbox (topic, value, refused_at, refusal)
    VALUES ('topic', '', now() - interval '90 seconds', 'too large')
"""


async def test_a_request_without_an_outcome_and_a_refused_event_are_named_since_when(pool: Pool, store: Store) -> None:
    await store(request("r1"), request("r2"))
    clock = asyncio.get_running_loop().time
    health, meters, stop = Health(clock), RememberedMeters(), asyncio.Event()
    watch = Watch(tables=StoreReader(pool), health=health, meters=meters, clock=clock)
    await pool.execute(LATE, 20)
    await look_once(watch, stop)
    assert named(health) == {}
    await pool.execute(LATE, 70)
    await pool.execute(REFUSED)
    await look_once(watch, stop)
    said = named(health)
    assert said["requests"][0].endswith("the oldest is r1 of session s1 of tenant default")
    assert 69 < said["requests"][1] < 90
    assert said["parked"][0] == "1 events wait: topic: too large"
    assert 89 < said["parked"][1] < 110
    assert meters.values[Meter.OVERDUE, ""] == 1
    assert meters.values[Meter.OUTBOX_PARKED, ""] == 1
    await pool.execute("DELETE FROM requests")
    await pool.execute("DELETE FROM outbox")
    await look_once(watch, stop)
    assert named(health) == {}


async def look_once(watch: Watch, stop: asyncio.Event) -> None:
    """The first turn of the loop reads everything."""
    stop.clear()
    turning = asyncio.create_task(watch.run(stop))
    await asyncio.sleep(0.3)
    stop.set()
    await turning


def named(health: Health) -> dict[str, tuple[str, float]]:
    return {
        stuck.what: (stuck.reason, stuck.seconds) for stuck in health.stuck() if stuck.what in {"requests", "parked"}
    }
