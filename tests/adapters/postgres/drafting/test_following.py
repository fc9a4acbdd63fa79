"""A request's next step, also while the model is away."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.domain.events import RequestKey
from consumer.domain.request.schedule import RevisionRules
from consumer.domain.session.history import Basis
from consumer.flows.drafting.ports import DraftingStores, FinishResult, Lane
from schemas.packages import (
    Cause,
    PackageStatus,
)
from tests.adapters.postgres.drafting.steps import BASIS, a_session, is_due, make_stores, publish, take
from tests.support import build
from tests.support.tables import KEY, Tables


async def test_an_event_that_arrived_while_the_first_package_was_made_yields_a_revision(
    stores: DraftingStores, tables: Tables
) -> None:
    await a_session(tables)
    await tables.add_request(priority=2)
    work = await take(stores)
    await tables.add_events([build.fact("More.", fact_id="f2", version=7)])
    began = await tables.now()
    await publish(stores, work)
    row = await tables.request()
    assert (row["cause"], row["rank"]) == ("state_changed", 12)
    await is_due(tables, 60, since=began)


@pytest.mark.parametrize("rules", [RevisionRules(after_seconds=1, window_seconds=9, limit=0)])
async def test_revisions_can_be_turned_off(pool: Pool, tables: Tables, rules: RevisionRules) -> None:
    stores = make_stores(pool, rules=rules)
    await a_session(tables)
    await tables.add_request()
    work = await take(stores)
    await tables.add_events([build.fact("More.", fact_id="f2", version=7)])
    await publish(stores, work)
    assert (await tables.request())["due_at"] is None


async def test_a_replay_asked_for_meanwhile_is_not_lost(stores: DraftingStores, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    await publish(stores, await take(stores))
    await tables.change_request(due_at=0.0, cause="state_changed")
    work = await take(stores)
    await tables.change_request(due_at=0.0, cause="replay", replay_id="again", rank=23)
    await publish(stores, work, cause=Cause.STATE_CHANGED)
    row = await tables.request()
    assert (row["cause"], row["replay_id"], row["rank"], row["revisions_by_change"]) == ("replay", "again", 23, 1)
    replayed = await take(stores, Lane.REPLAY)
    assert (replayed.cause, replayed.replay_id) == (Cause.REPLAY, "again")
    assert await stores.endings.finish_unchanged(replayed, BASIS, upgrade_in_seconds=None) is FinishResult.DONE
    assert (await tables.request())["due_at"] is None


async def test_only_changes_count_towards_the_limit(pool: Pool, tables: Tables) -> None:
    stores = make_stores(pool, rules=RevisionRules(after_seconds=0, window_seconds=100, limit=2))
    await a_session(tables)
    await tables.add_request()
    await publish(stores, await take(stores))
    for number, cause in enumerate([Cause.UPGRADE, Cause.STATE_CHANGED, Cause.REPLAY, Cause.STATE_CHANGED]):
        await tables.change_request(due_at=0.0, cause=cause)
        work = await take(stores)
        await tables.add_events([build.fact("More.", fact_id=f"m{number}", version=10 + number)])
        basis = Basis(arrivals=2 + number, secrets=0)
        await publish(stores, work, basis, cause=cause)
    row = await tables.request()
    assert (row["revision"], row["revisions_by_change"], row["due_at"]) == (5, 2, None)


async def test_an_upgrade_is_due_when_it_was_said_and_waits_while_the_model_is_away(
    stores: DraftingStores, tables: Tables
) -> None:
    await a_session(tables)
    earlier, later = [RequestKey("default", "session-1", name) for name in ("before", "during")]
    await tables.add_request(earlier)
    await tables.add_request(later)
    began = await tables.now()
    for work in await stores.queue.claim(Lane.MODEL, 2):
        if work.key == later:
            await stores.outages.begin_outage("gone", probe_in_seconds=10)
        await publish(stores, work, status=PackageStatus.FALLBACK, upgrade_in_seconds=5.0)
    before, during = await tables.request(earlier), await tables.request(later)
    assert (before["cause"], before["upgrade_wanted"]) == ("upgrade", True)
    await is_due(tables, 5, since=began, key=earlier)
    assert (during["due_at"], during["upgrade_wanted"]) == (None, True)
    assert await stores.outages.wake_upgrades() == 0
    await stores.outages.end_outage()
    began = await tables.now()
    assert await stores.outages.wake_upgrades() == 1
    during = await tables.request(later)
    assert began <= during["due_at"] <= await tables.now() + timedelta(seconds=60)
    assert during["cause"] == "upgrade"


async def test_the_end_of_an_outage_does_not_miss_a_fallback_that_is_being_written(
    stores: DraftingStores, tables: Tables, database: str
) -> None:
    await a_session(tables)
    await tables.add_request(state="done", due_at=None, upgrade_wanted=False)
    await stores.outages.begin_outage("gone", probe_in_seconds=10)
    writer = await asyncpg.connect(database)
    async with writer.transaction():
        await writer.fetchval(Queries("endings").lock_outage)
        await writer.execute("UPDATE requests SET upgrade_wanted = true")
        ending = asyncio.create_task(stores.outages.end_outage())
        await asyncio.sleep(0.1)
        assert not ending.done()
    await ending
    assert await stores.outages.wake_upgrades() == 1
    await writer.close()


async def test_a_draft_that_came_late_makes_its_upgrade_due_at_once(stores: DraftingStores, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    await publish(stores, await take(stores), status=PackageStatus.FALLBACK, upgrade_in_seconds=100.0)
    assert await stores.queue.claim(Lane.MODEL, 1) == []
    await stores.queue.hasten_upgrade(KEY)
    work = await take(stores)
    assert (work.cause, work.upgrade_wanted) == (Cause.UPGRADE, True)
    assert work.last is not None
    assert work.last.status is PackageStatus.FALLBACK


async def test_one_probe_at_a_time_over_all_replicas(pool: Pool, tables: Tables) -> None:
    await a_session(tables)
    replicas = [make_stores(pool) for _ in range(5)]
    assert (await replicas[0].queue.waiting(1, reach_seconds=0.0)).outage is None
    await replicas[0].outages.begin_outage("gone", probe_in_seconds=10)
    outage = (await replicas[1].queue.waiting(1, reach_seconds=0.0)).outage
    assert outage is not None
    assert not outage.probe_due
    for number in range(5):
        key = RequestKey("default", "session-1", f"r{number}")
        await tables.add_request(key, state="done", due_at=None, upgrade_wanted=True, ended_at=-10.0 * number)
    assert [await stores.queue.claim_probe() for stores in replicas] == [None] * 5
    await tables.execute("UPDATE model_outage SET next_probe_at = now()")
    probes = [
        work for work in await asyncio.gather(*(stores.queue.claim_probe() for stores in replicas)) if work is not None
    ]
    assert [work.key.request_id for work in probes] in (["r4"], ["r3"], ["r2"], ["r1"], ["r0"])
    assert await replicas[0].queue.claim_probe() is None
    # a retry-after delays the next probe; a second outage report never brings it nearer
    began, minute = await tables.now(), timedelta(seconds=60)
    await replicas[0].outages.begin_outage("still gone", probe_in_seconds=60)
    await replicas[1].outages.begin_outage("still gone", probe_in_seconds=10)
    next_probe_at = await tables.database.fetchval("SELECT next_probe_at FROM model_outage")
    assert began + minute <= next_probe_at <= await tables.now() + minute


async def test_without_anything_to_upgrade_no_probe_is_spent(stores: DraftingStores, tables: Tables) -> None:
    await stores.outages.begin_outage("gone", probe_in_seconds=10)
    await tables.execute("UPDATE model_outage SET next_probe_at = now()")
    assert await stores.queue.claim_probe() is None
    outage = (await stores.queue.waiting(1, reach_seconds=0.0)).outage
    assert outage is not None
    assert outage.probe_due
