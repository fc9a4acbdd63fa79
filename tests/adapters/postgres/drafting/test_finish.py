"""The final transaction: package, request and outbox together, or nothing."""

import asyncio
import json

import pytest

from consumer.adapters.postgres.core.pool import Pool
from consumer.domain.package import package
from consumer.domain.request.work import Work
from consumer.flows.drafting.ports import DraftingStores, FinishResult
from schemas.packages import (
    Cause,
    FailureReason,
)
from tests.adapters.postgres.drafting.steps import AT, BASIS, SENDER, a_secret, a_session, make_stores, publish, take
from tests.support.tables import Tables


async def test_package_request_and_outbox_are_written_together(stores: DraftingStores, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    work = await take(stores)
    assert await publish(stores, work) is FinishResult.DONE
    row = await tables.request()
    assert (row["state"], row["revision"], row["due_at"], row["lease_token"], row["attempts"]) == (
        "done",
        1,
        None,
        None,
        0,
    )
    assert row["first_done_at"] is not None
    (event,) = await tables.published()
    assert event["package_id"] == str(row["last_package_id"])
    kept = await tables.database.fetchrow("SELECT * FROM packages")
    assert kept is not None
    assert json.loads(kept["event"]) == {name: value for name, value in event.items() if name != "type"}
    assert (kept["arrivals"], kept["model"]) == (2, "m1")


@pytest.mark.promise(3)
async def test_a_zombies_finish_is_refused(pool: Pool, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    short = make_stores(pool, lease_seconds=0.1)
    zombie = await take(short)
    await asyncio.sleep(0.15)
    heir = await take(short)
    assert await publish(short, zombie) is FinishResult.GONE
    assert await short.endings.finish_unchanged(zombie, BASIS, upgrade_in_seconds=None) is FinishResult.GONE
    assert await publish(short, heir) is FinishResult.DONE
    assert await publish(short, heir) is FinishResult.GONE
    assert await publish(short, zombie) is FinishResult.GONE
    assert len(await tables.published()) == 1


@pytest.mark.parametrize("how", ["cancelled", "erased"])
async def test_a_request_that_ended_meanwhile_stays_ended(stores: DraftingStores, tables: Tables, how: str) -> None:
    await a_session(tables)
    await tables.add_request()
    work = await take(stores)
    if how == "cancelled":
        await tables.change_request(state="cancelled")
    else:
        await tables.execute("UPDATE sessions SET erased_at = now()")
    assert await publish(stores, work) is FinishResult.GONE
    assert await stores.endings.finish_failed(work, _failure(work), FailureReason.UNPROCESSABLE) is FinishResult.GONE
    assert await tables.published() == []


async def test_a_finish_waits_for_a_cancellation_under_way(stores: DraftingStores, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    work = await take(stores)
    async with tables.transaction() as same:
        await same.execute("SELECT 1 FROM sessions FOR UPDATE")
        finishing = asyncio.create_task(publish(stores, work))
        await asyncio.sleep(0.1)
        assert not finishing.done()
        await same.change_request(state="cancelled")
    assert await finishing is FinishResult.GONE


async def test_a_secret_found_meanwhile_makes_the_work_stale(stores: DraftingStores, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    work = await take(stores)
    async with tables.transaction() as same:
        await same.execute("SELECT 1 FROM sessions FOR UPDATE")
        finishing = asyncio.create_task(publish(stores, work))
        await asyncio.sleep(0.1)
        await a_secret(same)
    assert await finishing is FinishResult.STALE
    assert await tables.published() == []
    assert (await tables.request())["state"] == "open"


async def test_a_secret_found_before_makes_the_work_stale(stores: DraftingStores, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    work = await take(stores)
    await a_secret(tables)
    assert await publish(stores, work) is FinishResult.STALE
    assert await tables.published() == []


@pytest.mark.parametrize("taken_for", [Cause.REQUEST, Cause.REPLAY])
async def test_a_replay_that_is_asked_for_meanwhile_comes_next(
    stores: DraftingStores, tables: Tables, taken_for: Cause
) -> None:
    await a_session(tables)
    await tables.add_request(cause=taken_for)
    work = await take(stores)
    replay = None if taken_for is Cause.REQUEST else "replay-1"
    await tables.change_request(cause="replay", replay_id=replay, due_at=0.0)
    assert await publish(stores, work) is FinishResult.DONE
    row = await tables.request()
    assert (row["cause"], row["replay_id"], row["state"]) == ("replay", replay, "done")
    assert row["due_at"] is not None


async def test_a_revision_that_is_there_already_is_not_made_again(stores: DraftingStores, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    work = await take(stores)
    await tables.change_request(revision=1)
    assert await publish(stores, work) is FinishResult.GONE
    assert await tables.published() == []


def _failure(work: Work) -> package.Publication:
    note = package.Note(key=work.key, requested_state_version=None, ticket=None)
    return package.failed(SENDER, note, reason=FailureReason.UNPROCESSABLE, detail="why", at=AT)


async def test_a_failure_ends_the_request(stores: DraftingStores, tables: Tables) -> None:
    await tables.add_request()
    work = await take(stores)
    assert await stores.endings.finish_failed(work, _failure(work), FailureReason.UNPROCESSABLE) is FinishResult.DONE
    row = await tables.request()
    assert (row["state"], row["failure"], row["due_at"], row["lease_token"]) == ("failed", "unprocessable", None, None)
    assert [event["type"] for event in await tables.published()] == ["package_failed"]


async def test_a_request_with_a_package_cannot_fail(stores: DraftingStores, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    await publish(stores, await take(stores))
    await tables.change_request(due_at=0.0)
    work = await take(stores)
    assert await stores.endings.finish_failed(work, _failure(work), FailureReason.UNPROCESSABLE) is FinishResult.GONE


async def test_a_first_outcome_after_its_deadline_is_late_and_a_revision_is_not(
    stores: DraftingStores, tables: Tables
) -> None:
    await a_session(tables)
    await tables.add_request(deadline_at=-1.0)
    assert await publish(stores, await take(stores)) is FinishResult.LATE
    await tables.change_request(due_at=0.0)
    work = await take(stores)
    assert await stores.endings.finish_unchanged(work, BASIS, upgrade_in_seconds=None) is FinishResult.DONE


async def test_a_failure_after_the_deadline_is_late_too(stores: DraftingStores, tables: Tables) -> None:
    await tables.add_request(deadline_at=-1.0)
    work = await take(stores)
    assert await stores.endings.finish_failed(work, _failure(work), FailureReason.UNPROCESSABLE) is FinishResult.LATE
