"""The ledger: a draft is paid for once, and found by all."""

import asyncio

import pytest

from consumer.adapters.postgres.core.pool import Pool
from consumer.domain.session.history import Basis
from consumer.domain.writing.ledger import Declined
from consumer.flows.drafting.ports import Busy, Claim, DraftingStores
from tests.adapters.postgres.drafting.steps import BASIS, DRAFT_KEY, a_secret, a_session, entry, make_stores
from tests.support.tables import Tables


@pytest.mark.promise(4)
async def test_one_of_fifty_gets_the_claim(stores: DraftingStores) -> None:
    results = await asyncio.gather(
        *(stores.ledger.claim_draft(DRAFT_KEY, drafted_for=f"r-{number}/1", force=False) for number in range(50))
    )
    assert sum(isinstance(result, Claim) for result in results) == 1
    assert sum(isinstance(result, Busy) for result in results) == 49


async def claimed(stores: DraftingStores, drafted_for: str = "request-1/1", *, force: bool = False) -> Claim:
    claim = await stores.ledger.claim_draft(DRAFT_KEY, drafted_for=drafted_for, force=force)
    assert isinstance(claim, Claim)
    return claim


async def test_a_draft_is_stored_once_and_found_by_all(stores: DraftingStores, tables: Tables) -> None:
    await a_session(tables)
    claim = await claimed(stores)
    assert await stores.ledger.find_draft(DRAFT_KEY) is None
    assert await stores.ledger.store_draft(claim, entry(), BASIS)
    assert not await stores.ledger.store_draft(claim, entry("other/1"), BASIS)
    assert await stores.ledger.find_draft(DRAFT_KEY) == entry()
    assert await stores.ledger.claim_draft(DRAFT_KEY, drafted_for="other/1", force=False) == entry()


async def test_force_passes_over_what_was_drafted_for_others_and_keeps_it_when_it_fails(
    stores: DraftingStores, tables: Tables
) -> None:
    await a_session(tables)
    await stores.ledger.store_draft(await claimed(stores), entry(), BASIS)
    assert await stores.ledger.claim_draft(DRAFT_KEY, drafted_for="request-1/1", force=True) == entry()
    claim = await claimed(stores, "request-2/1", force=True)
    await stores.ledger.release_draft(claim)
    assert await stores.ledger.find_draft(DRAFT_KEY) == entry()
    claim = await claimed(stores, "request-2/1", force=True)
    assert await stores.ledger.store_draft(claim, entry("request-2/1"), BASIS)
    assert await stores.ledger.find_draft(DRAFT_KEY) == entry("request-2/1")


async def test_a_claim_left_behind_is_taken_over_and_its_owner_comes_too_late(
    stores: DraftingStores, tables: Tables
) -> None:
    await a_session(tables)
    zombie = await claimed(stores)
    assert isinstance(await stores.ledger.claim_draft(DRAFT_KEY, drafted_for="x/1", force=False), Busy)
    await tables.execute("UPDATE drafts SET claimed_until = now() - interval '1 second'")
    heir = await claimed(stores, "x/1")
    assert await stores.ledger.model_away(zombie) is None
    assert await stores.ledger.model_away(heir) is False
    assert not await stores.ledger.store_draft(zombie, entry(), BASIS)
    assert await stores.ledger.store_draft(heir, entry("x/1"), BASIS)


async def test_a_renewed_claim_does_not_run_out(pool: Pool) -> None:
    short = make_stores(pool, lease_seconds=0.3)
    claim = await claimed(short)
    await make_stores(pool).ledger.renew([claim])
    await asyncio.sleep(0.4)
    assert isinstance(await short.ledger.claim_draft(DRAFT_KEY, drafted_for="x/1", force=False), Busy)


async def test_a_claim_that_came_to_nothing_leaves_nothing(stores: DraftingStores, tables: Tables) -> None:
    await stores.ledger.release_draft(await claimed(stores))
    assert await tables.count("drafts") == 0


async def test_what_was_declined_is_not_asked_again(stores: DraftingStores) -> None:
    warnings = ("draft_rejected", "violated:foreign:2")
    await stores.ledger.decline_draft(await claimed(stores), warnings, drafted_for="request-1/1")
    declined = Declined(warnings=warnings)
    assert await stores.ledger.claim_draft(DRAFT_KEY, drafted_for="x/1", force=False) == declined
    assert await stores.ledger.find_draft(DRAFT_KEY) == declined
    claim = await claimed(stores, "x/1", force=True)
    await stores.ledger.release_draft(claim)
    assert await stores.ledger.find_draft(DRAFT_KEY) == declined


async def test_what_was_declined_with_force_is_not_asked_again_for_the_same(
    stores: DraftingStores, tables: Tables
) -> None:
    await a_session(tables)
    await stores.ledger.store_draft(await claimed(stores), entry(), BASIS)
    claim = await claimed(stores, "x/1", force=True)
    await stores.ledger.decline_draft(claim, ("draft_rejected",), drafted_for="x/2")  # the deadline came first
    declined = await stores.ledger.claim_draft(DRAFT_KEY, drafted_for="x/2", force=True)
    assert declined == Declined(warnings=("draft_rejected",))


async def test_a_draft_of_another_release_is_made_again(stores: DraftingStores, tables: Tables) -> None:
    await a_session(tables)
    await stores.ledger.store_draft(await claimed(stores), entry(), BASIS)
    await tables.execute("UPDATE drafts SET answer = '{}'")
    assert await stores.ledger.find_draft(DRAFT_KEY) is None
    await claimed(stores, "x/1")


async def test_no_draft_is_stored_for_an_erased_session_or_with_a_secret_found_since(
    stores: DraftingStores, tables: Tables
) -> None:
    await a_session(tables)
    claim = await claimed(stores)
    spoilt = entry().model_copy(update={"draft": '{"problem": "the password is Winter-2026!demo"}'})
    await a_secret(tables, "Winter-2026!demo")
    assert not await stores.ledger.store_draft(claim, spoilt, BASIS)
    assert await stores.ledger.store_draft(claim, entry(), Basis(arrivals=2, secrets=1))
    claim = await claimed(stores, "x/1", force=True)
    await tables.execute("UPDATE sessions SET erased_at = now()")
    assert not await stores.ledger.store_draft(claim, entry("x/1"), Basis(arrivals=2, secrets=1))


async def test_storing_a_draft_waits_for_a_secret_under_way(stores: DraftingStores, tables: Tables) -> None:
    await a_session(tables)
    claim = await claimed(stores)
    spoilt = entry().model_copy(update={"draft": '{"problem": "the password is Winter-2026!demo"}'})
    async with tables.transaction() as same:
        await same.execute("SELECT 1 FROM sessions FOR UPDATE")
        storing = asyncio.create_task(stores.ledger.store_draft(claim, spoilt, BASIS))
        await asyncio.sleep(0.1)
        await a_secret(same, "Winter-2026!demo")
    assert not await storing


async def test_no_draft_is_stored_with_a_secret_found_since_around_one_that_is_numbered_in_it(
    stores: DraftingStores, tables: Tables
) -> None:
    await a_session(tables)
    claim = await claimed(stores)
    await a_secret(tables, "Winter-2026!demo")
    spoilt = entry().model_copy(update={"draft": '{"problem": "they used xx[REDACTED:password#1]yy-tail"}'})
    await a_secret(tables, "xxWinter-2026!demoyy-tail")
    assert not await stores.ledger.store_draft(claim, spoilt, Basis(arrivals=2, secrets=1))
    assert await stores.ledger.store_draft(claim, entry(), Basis(arrivals=2, secrets=1))


async def test_a_secret_that_a_draft_does_not_hold_does_not_cost_the_draft(
    stores: DraftingStores, tables: Tables
) -> None:
    await a_session(tables)
    claim = await claimed(stores)
    await a_secret(tables, "Nowhere-in-it!42")
    assert await stores.ledger.store_draft(claim, entry(), BASIS)
