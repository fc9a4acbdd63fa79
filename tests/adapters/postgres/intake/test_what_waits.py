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


async def test_work_waits_for_a_worker_from_when_it_is_due_until_somebody_has_it(pool: Pool, store: Store) -> None:
    reader = StoreReader(pool)
    await store(request("r1"))
    await pool.execute("UPDATE requests SET due_at = now() + interval '1 hour'")
    assert (await reader.backlog()).live_waiting_seconds == 0, "it waits for its version"
    await pool.execute("UPDATE requests SET due_at = now() - interval '1 hour'")
    backlog = await reader.backlog()
    assert 3599 < backlog.live_waiting_seconds < 3700
    assert backlog.replay_waiting_seconds == 0
    await pool.execute("UPDATE requests SET rank = 25")
    backlog = await reader.backlog()
    assert backlog.live_waiting_seconds == 0
    assert 3599 < backlog.replay_waiting_seconds < 3700
    await pool.execute("UPDATE requests SET leased_until = now() + interval '1 minute'")
    assert (await reader.backlog()).replay_waiting_seconds == 0, "somebody has it"


async def test_what_waits_for_the_model_does_not_wait_for_a_worker(pool: Pool, store: Store) -> None:
    reader = StoreReader(pool)
    await store(request("r1"))
    await pool.execute(
        "UPDATE requests SET due_at = now() - interval '1 hour', state = 'done', cause = 'upgrade',"
        " upgrade_wanted = true"
    )
    assert (await reader.backlog()).live_waiting_seconds > 3599
    await pool.execute("INSERT INTO model_outage (reason, next_probe_at) VALUES ('away', now())")
    backlog = await reader.backlog()
    assert (backlog.live_waiting_seconds, backlog.model_away, backlog.upgrades_waiting) == (0, True, 1)


async def test_dead_letters_that_stand_are_counted_by_reason(pool: Pool, store: Store) -> None:
    await store(request("r1"))
    for offset, reason in enumerate(("invalid", "invalid", "corrupt")):
        await pool.execute(
            'INSERT INTO dead_letters (topic, partition, "offset", reason, error, excerpt)'
            " VALUES ('t', 0, $1, $2, 'why', '')",
            offset,
            reason,
        )
    assert (await StoreReader(pool).backlog()).dead_letters == {"invalid": 2, "corrupt": 1}
