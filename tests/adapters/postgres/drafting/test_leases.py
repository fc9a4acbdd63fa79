"""Leases: one drafter has a request, until its lease runs out."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from consumer.adapters.postgres.core.pool import Pool
from consumer.domain.events import RequestKey
from consumer.domain.request.work import Work
from consumer.flows.drafting.ports import DraftingStores, Lane, Outage, Waiting
from tests.adapters.postgres.drafting.steps import a_session, is_due, make_stores, take
from tests.support import build
from tests.support.tables import KEY, Tables


async def test_a_lease_is_one_drafters_until_it_runs_out(pool: Pool, stores: DraftingStores, tables: Tables) -> None:
    await tables.add_request()
    work = await take(stores)
    assert await stores.queue.claim(Lane.MODEL, 10) == []
    await tables.change_request(leased_until=datetime(2020, 1, 1, tzinfo=UTC))
    again = await take(make_stores(pool))
    assert again.token != work.token
    assert (work.attempts, again.attempts) == (1, 2)


async def test_what_is_not_due_is_left_alone(stores: DraftingStores, tables: Tables) -> None:
    await tables.add_request(due_at=30.0)
    await tables.add_request(RequestKey("default", "session-1", "idle"), due_at=None, state="done", deadline_at=None)
    assert await stores.queue.claim(Lane.MODEL, 10) == []


async def test_one_look_tells_what_waits_and_whether_the_model_is_away(stores: DraftingStores, tables: Tables) -> None:
    assert await stores.queue.waiting(2, reach_seconds=0.0) == Waiting(outage=None, urgent=False, live=0, replayed=0)
    for number in range(3):
        await tables.add_request(RequestKey("default", f"s{number}", "r"), rank=1)
    await tables.add_request(RequestKey("default", "replayed", "r"), rank=23)
    await tables.add_request(RequestKey("default", "later", "r"), rank=1, due_at=30.0)
    await stores.outages.begin_outage("gone", probe_in_seconds=10)
    gone = Outage(reason="gone", probe_due=False)
    assert await stores.queue.waiting(2, reach_seconds=0.0) == Waiting(outage=gone, urgent=False, live=2, replayed=1)
    await tables.add_request(RequestKey("default", "urgent", "r"), due_at=30.0, deadline_at=1.0)
    assert (await stores.queue.waiting(2, reach_seconds=0.0)).urgent
    assert len(await stores.queue.claim_urgent(9, reach_seconds=0.0)) == 1
    assert not (await stores.queue.waiting(2, reach_seconds=0.0)).urgent


async def test_work_is_taken_by_rank_then_age(stores: DraftingStores, tables: Tables) -> None:
    for name, rank, stored_at in [("later", 13, -90.0), ("young", 1, -1.0), ("old", 1, -50.0), ("low", 4, -99.0)]:
        await tables.add_request(RequestKey("default", "s", name), rank=rank, stored_at=stored_at)
    first = await stores.queue.claim(Lane.MODEL, 2)
    rest = await stores.queue.claim(Lane.MODEL, 10)
    assert [work.key.request_id for work in first + rest] == ["old", "young", "low", "later"]


async def test_tenants_take_turns_whatever_priority_they_claim(stores: DraftingStores, tables: Tables) -> None:
    for number in range(6):
        await tables.add_request(RequestKey("loud", f"s{number}", "r"), priority=1, stored_at=-90.0)
    for tenant in ("calm", "quiet"):
        for number in range(2):
            await tables.add_request(RequestKey(tenant, f"s{number}", "r"), priority=4)
    taken = [work.key.tenant_id for _ in range(10) for work in await stores.queue.claim(Lane.MODEL, 1)]
    assert taken[:6] == ["calm", "loud", "quiet"] * 2
    assert taken[6:] == ["loud"] * 4


@pytest.mark.failure(49)
async def test_the_next_tenant_in_the_circle_is_served_when_the_one_before_holds_nothing(
    stores: DraftingStores, tables: Tables
) -> None:
    for tenant in ("calm", "loud", "quiet"):
        for number in range(2):
            await tables.add_request(RequestKey(tenant, f"s{number}", "r"))
    served = []
    for _ in range(6):
        (work,) = await stores.queue.claim(Lane.MODEL, 1)
        served.append(work.key.tenant_id)
        await stores.queue.release(work, in_seconds=600.0, counted=False)
    assert served == ["calm", "loud", "quiet"] * 2


async def test_several_places_are_shared_out_in_one_claim(stores: DraftingStores, tables: Tables) -> None:
    for number in range(9):
        await tables.add_request(RequestKey("loud", f"s{number}", "r"), priority=1)
    for number in range(2):
        await tables.add_request(RequestKey("quiet", f"s{number}", "r"))
    taken = [work.key.tenant_id for work in await stores.queue.claim(Lane.MODEL, 6)]
    assert (taken.count("quiet"), taken.count("loud")) == (2, 4)


async def test_who_holds_the_fewest_places_of_all_replicas_is_next(pool: Pool, tables: Tables) -> None:
    for tenant in ("slow", "swift"):
        for number in range(3):
            await tables.add_request(RequestKey(tenant, f"s{number}", "r"))
    here, there = make_stores(pool).queue, make_stores(pool).queue
    first = await here.claim(Lane.MODEL, 1)
    second = await there.claim(Lane.MODEL, 1)
    assert [work.key.tenant_id for work in first + second] == ["slow", "swift"], "both begin at the same place"


async def test_first_packages_of_all_go_before_upgrades_and_revisions_of_any(
    stores: DraftingStores, tables: Tables
) -> None:
    for number in range(3):
        await tables.add_request(
            RequestKey("loud", f"s{number}", "r"), state="done", cause="upgrade", deadline_at=None, rank=11
        )
    await tables.add_request(RequestKey("quiet", "s", "r"), priority=4)
    taken = await stores.queue.claim(Lane.MODEL, 2)
    assert [work.key.tenant_id for work in taken] == ["quiet", "loud"]


async def test_the_more_fallbacks_wait_the_earlier_they_begin(stores: DraftingStores, tables: Tables) -> None:
    for number in range(50):
        await tables.add_request(RequestKey("default", f"s{number}", "r"), deadline_at=20.0, deadline_seconds=60)
    assert await stores.queue.reach(0.1) == 0.0, "50 take 5 s, and the margin is 3 s: there are 20 s"
    assert await stores.queue.claim_urgent(10, reach_seconds=0.0) == []
    reach = await stores.queue.reach(0.5)
    assert 19 < reach <= 20, "50 take 25 s"
    await tables.change_request(RequestKey("default", "s0", "r"), due_at=5.0, half_deadline_at=5.0)
    taken = await stores.queue.claim_urgent(100, reach_seconds=reach + 1)
    assert len(taken) == 49, "what waits for its state waits until half of its deadline"


async def test_twenty_claimers_never_share_a_request(pool: Pool, tables: Tables) -> None:
    for number in range(100):
        await tables.add_request(RequestKey("default", f"s-{number}", "r"))
    replicas = [make_stores(pool) for _ in range(20)]

    async def drain(stores: DraftingStores) -> list[Work]:
        mine: list[Work] = []
        while taken := await stores.queue.claim(Lane.MODEL, 3):
            mine.extend(taken)
        return mine

    taken = [work for mine in await asyncio.gather(*map(drain, replicas)) for work in mine]
    assert len(taken) == 100 == len({work.key for work in taken}) == len({work.token for work in taken})


async def test_urgent_work_is_that_whose_deadline_is_near(pool: Pool, tables: Tables) -> None:
    stores = make_stores(pool, margin_seconds=60.0)
    requests: list[tuple[str, float, dict[str, Any]]] = [
        ("near", 50.0, {"deadline_seconds": 3600}),
        ("far", 600.0, {"deadline_seconds": 3600}),
        ("short", 50.0, {"deadline_seconds": 100}),
        ("shorter", 20.0, {"deadline_seconds": 100}),
        ("waits", 30.0, {"deadline_seconds": 3600, "due_at": 25.0}),
        ("pauses", 32.0, {"deadline_seconds": 3600, "due_at": 25.0, "attempts": 2}),
    ]
    for name, deadline_at, columns in requests:
        await tables.add_request(RequestKey("default", "s", name), deadline_at=deadline_at, **columns)
    taken = await stores.queue.claim_urgent(10, reach_seconds=0.0)
    assert [work.key.request_id for work in taken] == ["shorter", "waits", "near"]
    assert all(work.waited for work in taken)
    left = (await tables.request(taken[0].key))["deadline_at"] - taken[0].taken_at
    assert taken[0].deadline_in_seconds == pytest.approx(left.total_seconds() - 100 / 4)


async def test_without_a_model_upgrades_stay_where_they_are(stores: DraftingStores, tables: Tables) -> None:
    await tables.add_request(state="done", cause="upgrade", deadline_at=None)
    assert await stores.queue.claim(Lane.RULES, 10) == []
    assert len(await stores.queue.claim(Lane.MODEL, 10)) == 1


async def test_renewing_keeps_a_lease_and_does_not_revive_a_lost_one(pool: Pool, tables: Tables) -> None:
    await tables.add_request()
    short = make_stores(pool, lease_seconds=0.3)
    lost = await take(short)
    await asyncio.sleep(0.4)
    held = await take(short)
    await make_stores(pool).queue.renew([lost, held])
    await asyncio.sleep(0.4)
    assert await short.queue.claim(Lane.MODEL, 10) == []
    assert (await tables.request())["lease_token"] == held.token
    await short.queue.renew([lost])
    assert (await tables.request())["lease_token"] == held.token


async def test_renewing_waits_for_nobody(stores: DraftingStores, tables: Tables, database: str) -> None:
    await tables.add_request()
    work = await take(stores)
    other = await asyncpg.connect(database)
    async with other.transaction():
        await other.execute("SELECT 1 FROM requests FOR UPDATE")
        await asyncio.wait_for(stores.queue.renew([work]), 20)  # a statement that waited would be ended after 5 s
    await other.close()


async def test_released_work_is_due_again_when_it_was_said(stores: DraftingStores, tables: Tables) -> None:
    await tables.add_request()
    began = await tables.now()
    await stores.queue.release(await take(stores), in_seconds=30.0, counted=True)
    row = await tables.request()
    assert (row["attempts"], row["lease_token"]) == (1, None)
    await is_due(tables, 30, since=began)
    await tables.change_request(due_at=0.0)
    await stores.queue.release(await take(stores), in_seconds=0.0, counted=False)
    assert (await tables.request())["attempts"] == 1
    assert (await take(stores)).attempts == 2


async def test_the_time_that_is_left_ends_with_the_margin_and_is_none_while_the_clock_stands(
    pool: Pool, tables: Tables
) -> None:
    queue = make_stores(pool, margin_seconds=10.0).queue
    await tables.add_request(deadline_seconds=120, half_deadline_at=None, deadline_at=None)
    (work,) = await queue.claim(Lane.MODEL, 1)
    assert await queue.left_seconds(work) is None
    await tables.change_request(deadline_at=100.0)
    assert await queue.left_seconds(work) == pytest.approx(90, abs=5)


async def test_waiting_for_a_state_ends_with_half_the_deadline_or_the_state(
    stores: DraftingStores, tables: Tables
) -> None:
    await a_session(tables)
    await tables.add_request(requested_state_version=9)
    work = await take(stores)
    assert not work.waited
    await stores.queue.wait_for_state(work)
    row = await tables.request()
    assert row["due_at"] == row["half_deadline_at"]
    # the version arrives between the look at the events and the wait for them
    await tables.change_request(due_at=0.0)
    work = await take(stores)
    await tables.add_events([build.fact(version=9)])
    await stores.queue.wait_for_state(work)
    assert (await take(stores)).attempts == 1


async def test_a_history_is_one_moment(stores: DraftingStores, tables: Tables) -> None:
    assert await stores.queue.history(KEY.session) is None
    await a_session(tables)
    history = await stores.queue.history(KEY.session)
    assert history is not None
    assert [event.version for event in history.events] == [1, 2]
    assert (history.arrivals, history.secrets, history.erased) == (2, 0, False)
    assert all(event.actor is None for event in history.events)
    assert build.session(*history.events) == build.session(build.opened(), build.fact())


async def test_work_that_was_lost_twice_is_given_out_alone(stores: DraftingStores, tables: Tables) -> None:
    await tables.add_request(attempts=2, deadline_at=1.0)
    assert await stores.queue.claim(Lane.MODEL, 10) == []
    assert await stores.queue.claim(Lane.RULES, 10) == []
    assert await stores.queue.claim_urgent(10, reach_seconds=60.0) == []
    assert await stores.queue.any_lost()
    work = await stores.queue.claim_lost()
    assert work is not None
    assert work.is_suspect
    assert not await stores.queue.any_lost()
    assert await stores.queue.claim_lost() is None


async def test_an_attempt_can_be_forgotten_after_its_lease_was_lost(pool: Pool, tables: Tables) -> None:
    await tables.add_request()
    stores = make_stores(pool)
    lost = await take(stores)
    await tables.change_request(leased_until=datetime(2020, 1, 1, tzinfo=UTC))
    held = await take(stores)
    assert held.attempts == 2
    for _ in range(2):
        await stores.queue.release(lost, in_seconds=0.0, counted=False)
        row = await tables.request()
        assert (row["attempts"], row["lease_token"]) == (1, held.token), "the holder's own attempt counts"
