"""The ledger: a draft is paid for once, and found by all."""

import asyncio

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.drafting.desk import PostgresDesk
from consumer.flows.drafting.ports import Basis, Busy, Claim, Declined
from tests.adapters.postgres.drafting.steps import BASIS, DRAFT_KEY, a_secret, a_session, entry, make_desk
from tests.support.tables import Tables


async def test_one_of_fifty_gets_the_claim(desk: PostgresDesk) -> None:
    found = await asyncio.gather(
        *(desk.claim_draft(DRAFT_KEY, drafted_for=f"r-{number}/1", force=False) for number in range(50))
    )
    assert sum(isinstance(one, Claim) for one in found) == 1
    assert sum(isinstance(one, Busy) for one in found) == 49


async def claimed(desk: PostgresDesk, drafted_for: str = "request-1/1", *, force: bool = False) -> Claim:
    found = await desk.claim_draft(DRAFT_KEY, drafted_for=drafted_for, force=force)
    assert isinstance(found, Claim)
    return found


async def test_a_draft_is_stored_once_and_found_by_all(desk: PostgresDesk, tables: Tables) -> None:
    await a_session(tables)
    claim = await claimed(desk)
    assert await desk.find_draft(DRAFT_KEY) is None
    assert await desk.store_draft(claim, entry(), BASIS)
    assert not await desk.store_draft(claim, entry("other/1"), BASIS)
    assert await desk.find_draft(DRAFT_KEY) == entry()
    assert await desk.claim_draft(DRAFT_KEY, drafted_for="other/1", force=False) == entry()


async def test_force_passes_over_what_was_drafted_for_others_and_keeps_it_when_it_fails(
    desk: PostgresDesk, tables: Tables
) -> None:
    await a_session(tables)
    await desk.store_draft(await claimed(desk), entry(), BASIS)
    assert await desk.claim_draft(DRAFT_KEY, drafted_for="request-1/1", force=True) == entry()
    claim = await claimed(desk, "request-2/1", force=True)
    await desk.release_draft(claim)
    assert await desk.find_draft(DRAFT_KEY) == entry()
    claim = await claimed(desk, "request-2/1", force=True)
    assert await desk.store_draft(claim, entry("request-2/1"), BASIS)
    assert await desk.find_draft(DRAFT_KEY) == entry("request-2/1")


async def test_a_claim_left_behind_is_taken_over_and_its_owner_comes_too_late(
    desk: PostgresDesk, tables: Tables
) -> None:
    await a_session(tables)
    zombie = await claimed(desk)
    assert isinstance(await desk.claim_draft(DRAFT_KEY, drafted_for="x/1", force=False), Busy)
    await tables.execute("UPDATE drafts SET claimed_until = now() - interval '1 second'")
    heir = await claimed(desk, "x/1")
    assert not await desk.holds(zombie)
    assert await desk.holds(heir)
    assert not await desk.store_draft(zombie, entry(), BASIS)
    assert await desk.store_draft(heir, entry("x/1"), BASIS)


async def test_a_renewed_claim_does_not_run_out(pool: Pool) -> None:
    short = make_desk(pool, lease_seconds=0.3)
    claim = await claimed(short)
    await make_desk(pool).renew([], [claim])
    await asyncio.sleep(0.4)
    assert isinstance(await short.claim_draft(DRAFT_KEY, drafted_for="x/1", force=False), Busy)


async def test_a_claim_that_came_to_nothing_leaves_nothing(desk: PostgresDesk, tables: Tables) -> None:
    await desk.release_draft(await claimed(desk))
    assert await tables.count("drafts") == 0


async def test_what_was_declined_is_not_asked_again(desk: PostgresDesk) -> None:
    told = ("draft_rejected", "violated:foreign:2")
    await desk.decline_draft(await claimed(desk), told, drafted_for="request-1/1")
    declined = Declined(warnings=told)
    assert await desk.claim_draft(DRAFT_KEY, drafted_for="x/1", force=False) == declined
    assert await desk.find_draft(DRAFT_KEY) == declined
    claim = await claimed(desk, "x/1", force=True)
    await desk.release_draft(claim)
    assert await desk.find_draft(DRAFT_KEY) == declined


async def test_what_was_declined_with_force_is_not_asked_again_for_the_same(desk: PostgresDesk, tables: Tables) -> None:
    await a_session(tables)
    await desk.store_draft(await claimed(desk), entry(), BASIS)
    claim = await claimed(desk, "x/1", force=True)
    await desk.decline_draft(claim, ("draft_rejected",), drafted_for="x/2")  # the deadline came first
    found = await desk.claim_draft(DRAFT_KEY, drafted_for="x/2", force=True)
    assert found == Declined(warnings=("draft_rejected",))


async def test_a_draft_of_another_release_is_made_again(desk: PostgresDesk, tables: Tables) -> None:
    await a_session(tables)
    await desk.store_draft(await claimed(desk), entry(), BASIS)
    await tables.execute("UPDATE drafts SET answer = '{}'")
    assert await desk.find_draft(DRAFT_KEY) is None
    await claimed(desk, "x/1")


async def test_no_draft_is_stored_for_an_erased_session_or_with_a_secret_found_since(
    desk: PostgresDesk, tables: Tables
) -> None:
    await a_session(tables)
    claim = await claimed(desk)
    spoilt = entry().model_copy(update={"draft": '{"problem": "the password is Winter-2026!demo"}'})
    await a_secret(tables, "Winter-2026!demo")
    assert not await desk.store_draft(claim, spoilt, BASIS)
    assert await desk.store_draft(claim, entry(), Basis(arrivals=2, secrets=1))
    claim = await claimed(desk, "x/1", force=True)
    await tables.execute("UPDATE sessions SET erased_at = now()")
    assert not await desk.store_draft(claim, entry("x/1"), Basis(arrivals=2, secrets=1))


async def test_no_draft_is_stored_with_a_secret_found_since_around_one_that_is_numbered_in_it(
    desk: PostgresDesk, tables: Tables
) -> None:
    await a_session(tables)
    claim = await claimed(desk)
    await a_secret(tables, "Winter-2026!demo")
    spoilt = entry().model_copy(update={"draft": '{"problem": "they used xx[REDACTED:password#1]yy-tail"}'})
    await a_secret(tables, "xxWinter-2026!demoyy-tail")
    assert not await desk.store_draft(claim, spoilt, Basis(arrivals=2, secrets=1))
    assert await desk.store_draft(claim, entry(), Basis(arrivals=2, secrets=1))


async def test_a_secret_that_a_draft_does_not_hold_does_not_cost_the_draft(desk: PostgresDesk, tables: Tables) -> None:
    await a_session(tables)
    claim = await claimed(desk)
    await a_secret(tables, "Nowhere-in-it!42")
    assert await desk.store_draft(claim, entry(), BASIS)
