"""Leases, the ledger and the final transaction, against a real PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from consumer.adapters.postgres.desk import PostgresDesk
from consumer.adapters.postgres.pool import Pool, open_pool
from consumer.adapters.postgres.sql import Queries
from consumer.domain import package
from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.markdown import Rendered
from consumer.domain.package import Package
from consumer.domain.redaction import Redactor
from consumer.flows.desk import Basis, Busy, Claim, Declined, DraftKey, Entry, Finish, Lane, Work
from consumer.flows.schedule import RevisionRules
from schemas.packages import (
    Cause,
    FailureReason,
    PackageStatus,
    Provenance,
    Section,
    SectionKey,
    Usage,
)
from schemas.topics import Topics
from tests.support import build
from tests.support.tables import KEY, Tables

SENDER = package.Sender(topics=Topics(), source="/escalation-consumer")
AT = datetime(2026, 3, 4, tzinfo=UTC)
RULES = RevisionRules(after_seconds=60, window_seconds=86_400, limit=5)
DRAFT_KEY = DraftKey("default", "session-1", "a" * 64, "p1", "m1")
BASIS = Basis(arrivals=2, secrets=0)
REDACTOR = Redactor(b"a key for tests only")


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database, name="test", max_size=10)
    yield opened
    await opened.close()


@pytest.fixture
async def tables(database: str) -> AsyncIterator[Tables]:
    connection = await asyncpg.connect(database)
    yield Tables(connection)
    await connection.close()


def make_desk(
    pool: Pool, *, lease_seconds: float = 20.0, margin_seconds: float = 3.0, rules: RevisionRules = RULES
) -> PostgresDesk:
    return PostgresDesk(
        pool,
        redactor=REDACTOR,
        lease_seconds=lease_seconds,
        margin_seconds=margin_seconds,
        probe_seconds=10.0,
        spread_seconds=60.0,
        rules=rules,
    )


@pytest.fixture
def desk(pool: Pool) -> PostgresDesk:
    return make_desk(pool)


def packed(
    work: Work, *, status: PackageStatus = PackageStatus.READY, cause: Cause = Cause.REQUEST, digest: str = "a" * 64
) -> Package:
    note = package.Note(key=work.key, requested_state_version=None, ticket=None)
    return package.ready(
        SENDER,
        note,
        package.Revision(
            number=work.next_revision,
            cause=cause,
            replay_id=None,
            supersedes=None,
            previous_ticket=None,
            state_version=2,
        ),
        Rendered(
            title="t",
            markdown="m\n",
            plain_text="m\n",
            sections=tuple(Section(key=key, heading=key, markdown="m") for key in SectionKey),
            truncated=False,
        ),
        status=status,
        from_cache=False,
        provenance=Provenance(
            bundle_sha256=digest,
            event_count=2,
            prompt_version="p1",
            model=None,
            drafted_at=AT,
            attempts=0,
            usage=Usage(),
        ),
        redactions=0,
        warnings=(),
        at=AT,
    )


def entry(drafted_for: str = "request-1/1") -> Entry:
    return Entry(
        draft="{}",
        model="m1",
        warnings=(),
        attempts=1,
        usage=Usage(input_tokens=3),
        drafted_at=AT,
        drafted_for=drafted_for,
    )


async def take(desk: PostgresDesk, lane: Lane = Lane.MODEL) -> Work:
    (work,) = await desk.claim(lane, 10)
    return work


async def publish(
    desk: PostgresDesk,
    work: Work,
    basis: Basis = BASIS,
    *,
    status: PackageStatus = PackageStatus.READY,
    cause: Cause = Cause.REQUEST,
    upgrade_in_seconds: float | None = None,
) -> Finish:
    return await desk.finish_ready(
        work, packed(work, status=status, cause=cause), basis, draft_model="m1", upgrade_in_seconds=upgrade_in_seconds
    )


async def a_session(tables: Tables, key: SessionKey = KEY.session) -> None:
    await tables.add_events(build.in_order(build.opened(), build.fact()), key)


async def is_due(tables: Tables, seconds: float, *, since: datetime, key: RequestKey = KEY) -> None:
    """So many seconds after what was done between `since` and now, however long that took."""
    later, row = timedelta(seconds=seconds), await tables.request(key)
    assert since + later <= row["due_at"] <= await tables.now() + later


# leases


async def test_a_lease_is_one_drafters_until_it_runs_out(pool: Pool, desk: PostgresDesk, tables: Tables) -> None:
    await tables.add_request()
    work = await take(desk)
    assert await desk.claim(Lane.MODEL, 10) == []
    await tables.change_request(leased_until=datetime(2020, 1, 1, tzinfo=UTC))
    again = await take(make_desk(pool))
    assert again.token != work.token
    assert (work.attempts, again.attempts) == (1, 2)


async def test_what_is_not_due_is_left_alone(desk: PostgresDesk, tables: Tables) -> None:
    await tables.add_request(due_at=30.0)
    await tables.add_request(RequestKey("default", "session-1", "idle"), due_at=None, state="done", deadline_at=None)
    assert await desk.claim(Lane.MODEL, 10) == []


async def test_work_is_taken_by_rank_then_age(desk: PostgresDesk, tables: Tables) -> None:
    for name, rank, stored_at in [("later", 13, -90.0), ("young", 1, -1.0), ("old", 1, -50.0), ("low", 4, -99.0)]:
        await tables.add_request(RequestKey("default", "s", name), rank=rank, stored_at=stored_at)
    first = await desk.claim(Lane.MODEL, 2)
    rest = await desk.claim(Lane.MODEL, 10)
    assert [work.key.request_id for work in first + rest] == ["old", "young", "low", "later"]


async def test_twenty_claimers_never_share_a_request(pool: Pool, tables: Tables) -> None:
    for number in range(100):
        await tables.add_request(RequestKey("default", f"s-{number}", "r"))
    desks = [make_desk(pool) for _ in range(20)]

    async def drain(desk: PostgresDesk) -> list[Work]:
        mine: list[Work] = []
        while taken := await desk.claim(Lane.MODEL, 3):
            mine.extend(taken)
        return mine

    taken = [work for mine in await asyncio.gather(*map(drain, desks)) for work in mine]
    assert len(taken) == 100 == len({work.key for work in taken}) == len({work.token for work in taken})


async def test_urgent_work_is_that_whose_deadline_is_near(pool: Pool, tables: Tables) -> None:
    desk = make_desk(pool, margin_seconds=60.0)
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
    taken = await desk.claim(Lane.URGENT, 10)
    assert [work.key.request_id for work in taken] == ["shorter", "waits", "near"]
    assert all(work.waited for work in taken)
    left = (await tables.request(taken[0].key))["deadline_at"] - taken[0].taken_at
    assert taken[0].deadline_in_seconds == pytest.approx(left.total_seconds() - 100 / 4)


async def test_without_a_model_upgrades_stay_where_they_are(desk: PostgresDesk, tables: Tables) -> None:
    await tables.add_request(state="done", cause="upgrade", deadline_at=None)
    assert await desk.claim(Lane.RULES, 10) == []
    assert len(await desk.claim(Lane.MODEL, 10)) == 1


async def test_renewing_keeps_a_lease_and_does_not_revive_a_lost_one(pool: Pool, tables: Tables) -> None:
    await tables.add_request()
    short = make_desk(pool, lease_seconds=0.3)
    lost = await take(short)
    await asyncio.sleep(0.4)
    held = await take(short)
    await make_desk(pool).renew([lost, held], [])
    await asyncio.sleep(0.4)
    assert await short.claim(Lane.MODEL, 10) == []
    assert (await tables.request())["lease_token"] == held.token
    await short.renew([lost], [])
    assert (await tables.request())["lease_token"] == held.token


async def test_renewing_waits_for_nobody(desk: PostgresDesk, tables: Tables, database: str) -> None:
    await tables.add_request()
    work = await take(desk)
    other = await asyncpg.connect(database)
    async with other.transaction():
        await other.execute("SELECT 1 FROM requests FOR UPDATE")
        await asyncio.wait_for(desk.renew([work], []), 20)  # a statement that waited would be ended after 5 s
    await other.close()


async def test_released_work_is_due_again_when_it_was_said(desk: PostgresDesk, tables: Tables) -> None:
    await tables.add_request()
    began = await tables.now()
    await desk.release(await take(desk), in_seconds=30.0, counted=True)
    row = await tables.request()
    assert (row["attempts"], row["lease_token"]) == (1, None)
    await is_due(tables, 30, since=began)
    await tables.change_request(due_at=0.0)
    await desk.release(await take(desk), in_seconds=0.0, counted=False)
    assert (await tables.request())["attempts"] == 1
    assert (await take(desk)).attempts == 2


async def test_waiting_for_a_state_ends_with_half_the_deadline_or_the_state(desk: PostgresDesk, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request(requested_state_version=9)
    work = await take(desk)
    assert not work.waited
    await desk.wait_for_state(work)
    row = await tables.request()
    assert row["due_at"] == row["half_deadline_at"]
    # the version arrives between the look at the events and the wait for them
    await tables.change_request(due_at=0.0)
    work = await take(desk)
    await tables.add_events([build.fact(version=9)])
    await desk.wait_for_state(work)
    assert (await take(desk)).attempts == 1


async def test_a_history_is_one_moment(desk: PostgresDesk, tables: Tables) -> None:
    assert await desk.history(KEY.session) is None
    await a_session(tables)
    history = await desk.history(KEY.session)
    assert history is not None
    assert [event.version for event in history.events] == [1, 2]
    assert (history.arrivals, history.secrets, history.erased) == (2, 0, False)
    assert all(event.actor is None for event in history.events)
    assert build.session(*history.events) == build.session(build.opened(), build.fact())


# the ledger


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
    await desk.decline_draft(await claimed(desk), "draft_rejected")
    declined = Declined(warning="draft_rejected")
    assert await desk.claim_draft(DRAFT_KEY, drafted_for="x/1", force=False) == declined
    assert await desk.find_draft(DRAFT_KEY) == declined
    claim = await claimed(desk, "x/1", force=True)
    await desk.release_draft(claim)
    assert await desk.find_draft(DRAFT_KEY) == declined


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
    await _a_secret(tables, "Winter-2026!demo")
    assert not await desk.store_draft(claim, spoilt, BASIS)
    assert await desk.store_draft(claim, entry(), Basis(arrivals=2, secrets=1))
    claim = await claimed(desk, "x/1", force=True)
    await tables.execute("UPDATE sessions SET erased_at = now()")
    assert not await desk.store_draft(claim, entry("x/1"), Basis(arrivals=2, secrets=1))


async def test_a_secret_that_a_draft_does_not_hold_does_not_cost_the_draft(desk: PostgresDesk, tables: Tables) -> None:
    await a_session(tables)
    claim = await claimed(desk)
    await _a_secret(tables, "Nowhere-in-it!42")
    assert await desk.store_draft(claim, entry(), BASIS)


async def _a_secret(tables: Tables, value: str = "Somewhere-else!42") -> None:
    scope = REDACTOR.scope(KEY.tenant_id, KEY.session_id)
    scope.parameters({"parameters": [{"key": "p", "field_type": "password"}]}, {"p": value})
    for secret in scope.known_secrets():
        await tables.execute(
            "INSERT INTO session_secrets (tenant_id, session_id, identity, kind, forms) VALUES ($1, $2, $3, $4, $5)",
            KEY.tenant_id,
            KEY.session_id,
            secret.identity,
            secret.kind.value,
            secret.packed_forms(),
        )


# the final transaction


async def test_package_request_and_outbox_are_written_together(desk: PostgresDesk, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    work = await take(desk)
    assert await publish(desk, work) is Finish.DONE
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
    kept = await tables.connection.fetchrow("SELECT * FROM packages")
    assert kept is not None
    assert json.loads(kept["event"]) == {name: value for name, value in event.items() if name != "type"}
    assert (kept["arrivals"], kept["model"]) == (2, "m1")


async def test_a_zombies_finish_is_refused(pool: Pool, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    short = make_desk(pool, lease_seconds=0.1)
    zombie = await take(short)
    await asyncio.sleep(0.15)
    heir = await take(short)
    assert await publish(short, zombie) is Finish.GONE
    assert await short.finish_unchanged(zombie, BASIS, upgrade_in_seconds=None) is Finish.GONE
    assert await publish(short, heir) is Finish.DONE
    assert await publish(short, heir) is Finish.GONE
    assert await publish(short, zombie) is Finish.GONE
    assert len(await tables.published()) == 1


@pytest.mark.parametrize("how", ["cancelled", "erased"])
async def test_a_request_that_ended_meanwhile_stays_ended(desk: PostgresDesk, tables: Tables, how: str) -> None:
    await a_session(tables)
    await tables.add_request()
    work = await take(desk)
    if how == "cancelled":
        await tables.change_request(state="cancelled")
    else:
        await tables.execute("UPDATE sessions SET erased_at = now()")
    assert await publish(desk, work) is Finish.GONE
    assert await desk.finish_failed(work, _failure(work), FailureReason.UNPROCESSABLE) is Finish.GONE
    assert await tables.published() == []


async def test_a_finish_waits_for_a_cancellation_under_way(desk: PostgresDesk, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    work = await take(desk)
    async with tables.connection.transaction():
        await tables.execute("SELECT 1 FROM sessions FOR UPDATE")
        finishing = asyncio.create_task(publish(desk, work))
        await asyncio.sleep(0.1)
        assert not finishing.done()
        await tables.change_request(state="cancelled")
    assert await finishing is Finish.GONE


async def test_a_secret_found_meanwhile_makes_the_work_stale(desk: PostgresDesk, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    work = await take(desk)
    async with tables.connection.transaction():
        await tables.execute("SELECT 1 FROM sessions FOR UPDATE")
        finishing = asyncio.create_task(publish(desk, work))
        await asyncio.sleep(0.1)
        await _a_secret(tables)
    assert await finishing is Finish.STALE
    assert await tables.published() == []
    assert (await tables.request())["state"] == "open"


def _failure(work: Work) -> package.Publication:
    note = package.Note(key=work.key, requested_state_version=None, ticket=None)
    return package.failed(SENDER, note, reason=FailureReason.UNPROCESSABLE, detail="why", at=AT)


async def test_a_failure_ends_the_request(desk: PostgresDesk, tables: Tables) -> None:
    await tables.add_request()
    work = await take(desk)
    assert await desk.finish_failed(work, _failure(work), FailureReason.UNPROCESSABLE) is Finish.DONE
    row = await tables.request()
    assert (row["state"], row["failure"], row["due_at"], row["lease_token"]) == ("failed", "unprocessable", None, None)
    assert [event["type"] for event in await tables.published()] == ["package_failed"]


async def test_a_request_with_a_package_cannot_fail(desk: PostgresDesk, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    await publish(desk, await take(desk))
    await tables.change_request(due_at=0.0)
    work = await take(desk)
    assert await desk.finish_failed(work, _failure(work), FailureReason.UNPROCESSABLE) is Finish.GONE


# what comes next


async def test_an_event_that_arrived_while_the_first_package_was_made_yields_a_revision(
    desk: PostgresDesk, tables: Tables
) -> None:
    await a_session(tables)
    await tables.add_request(priority=2)
    work = await take(desk)
    await tables.add_events([build.fact("More.", fact_id="f2", version=7)])
    began = await tables.now()
    await publish(desk, work)
    row = await tables.request()
    assert (row["cause"], row["rank"]) == ("state_changed", 12)
    await is_due(tables, 60, since=began)


@pytest.mark.parametrize("rules", [RevisionRules(after_seconds=1, window_seconds=9, limit=0)])
async def test_revisions_can_be_turned_off(pool: Pool, tables: Tables, rules: RevisionRules) -> None:
    desk = make_desk(pool, rules=rules)
    await a_session(tables)
    await tables.add_request()
    work = await take(desk)
    await tables.add_events([build.fact("More.", fact_id="f2", version=7)])
    await publish(desk, work)
    assert (await tables.request())["due_at"] is None


async def test_a_replay_asked_for_meanwhile_is_not_lost(desk: PostgresDesk, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    await publish(desk, await take(desk))
    await tables.change_request(due_at=0.0, cause="state_changed")
    work = await take(desk)
    await tables.change_request(due_at=0.0, cause="replay", replay_id="again", rank=23)
    await publish(desk, work, cause=Cause.STATE_CHANGED)
    row = await tables.request()
    assert (row["cause"], row["replay_id"], row["rank"], row["revisions_by_change"]) == ("replay", "again", 23, 1)
    replayed = await take(desk)
    assert (replayed.cause, replayed.replay_id) == (Cause.REPLAY, "again")
    assert await desk.finish_unchanged(replayed, BASIS, upgrade_in_seconds=None) is Finish.DONE
    assert (await tables.request())["due_at"] is None


async def test_only_changes_count_towards_the_limit(pool: Pool, tables: Tables) -> None:
    desk = make_desk(pool, rules=RevisionRules(after_seconds=0, window_seconds=100, limit=2))
    await a_session(tables)
    await tables.add_request()
    await publish(desk, await take(desk))
    for number, cause in enumerate([Cause.UPGRADE, Cause.STATE_CHANGED, Cause.REPLAY, Cause.STATE_CHANGED]):
        await tables.change_request(due_at=0.0, cause=cause)
        work = await take(desk)
        await tables.add_events([build.fact("More.", fact_id=f"m{number}", version=10 + number)])
        basis = Basis(arrivals=2 + number, secrets=0)
        await publish(desk, work, basis, cause=cause)
    row = await tables.request()
    assert (row["revision"], row["revisions_by_change"], row["due_at"]) == (5, 2, None)


async def test_an_upgrade_is_due_when_it_was_said_and_waits_while_the_model_is_away(
    desk: PostgresDesk, tables: Tables
) -> None:
    await a_session(tables)
    earlier, later = [RequestKey("default", "session-1", name) for name in ("before", "during")]
    await tables.add_request(earlier)
    await tables.add_request(later)
    began = await tables.now()
    for work in await desk.claim(Lane.MODEL, 2):
        if work.key == later:
            await desk.begin_outage("gone", probe_in_seconds=10)
        await publish(desk, work, status=PackageStatus.FALLBACK, upgrade_in_seconds=5.0)
    before, during = await tables.request(earlier), await tables.request(later)
    assert (before["cause"], before["upgrade_wanted"]) == ("upgrade", True)
    await is_due(tables, 5, since=began, key=earlier)
    assert (during["due_at"], during["upgrade_wanted"]) == (None, True)
    assert await desk.wake_upgrades() == 0
    await desk.end_outage()
    began = await tables.now()
    assert await desk.wake_upgrades() == 1
    during = await tables.request(later)
    assert began <= during["due_at"] <= await tables.now() + timedelta(seconds=60)
    assert during["cause"] == "upgrade"


async def test_the_end_of_an_outage_does_not_miss_a_fallback_that_is_being_written(
    desk: PostgresDesk, tables: Tables, database: str
) -> None:
    await a_session(tables)
    await tables.add_request(state="done", due_at=None, upgrade_wanted=False)
    await desk.begin_outage("gone", probe_in_seconds=10)
    writer = await asyncpg.connect(database)
    async with writer.transaction():
        await writer.fetchval(Queries("desk").lock_outage)
        await writer.execute("UPDATE requests SET upgrade_wanted = true")
        ending = asyncio.create_task(desk.end_outage())
        await asyncio.sleep(0.1)
        assert not ending.done()
    await ending
    assert await desk.wake_upgrades() == 1
    await writer.close()


async def test_a_draft_that_came_late_makes_its_upgrade_due_at_once(desk: PostgresDesk, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    await publish(desk, await take(desk), status=PackageStatus.FALLBACK, upgrade_in_seconds=100.0)
    assert await desk.claim(Lane.MODEL, 1) == []
    await desk.hasten_upgrade(KEY)
    work = await take(desk)
    assert (work.cause, work.upgrade_wanted) == (Cause.UPGRADE, True)
    assert work.last is not None
    assert work.last.status is PackageStatus.FALLBACK


async def test_one_probe_at_a_time_over_all_replicas(pool: Pool, tables: Tables) -> None:
    await a_session(tables)
    desks = [make_desk(pool) for _ in range(5)]
    assert await desks[0].outage() is None
    await desks[0].begin_outage("gone", probe_in_seconds=10)
    outage = await desks[1].outage()
    assert outage is not None
    assert not outage.probe_due
    for number in range(5):
        key = RequestKey("default", "session-1", f"r{number}")
        await tables.add_request(key, state="done", due_at=None, upgrade_wanted=True, ended_at=-10.0 * number)
    assert [await desk.claim_probe() for desk in desks] == [None] * 5
    await tables.execute("UPDATE model_outage SET next_probe_at = now()")
    probes = [work for work in await asyncio.gather(*(desk.claim_probe() for desk in desks)) if work is not None]
    assert [work.key.request_id for work in probes] in (["r4"], ["r3"], ["r2"], ["r1"], ["r0"])
    assert await desks[0].claim_probe() is None
    # a retry-after moves the next one, a second word about the outage never brings it nearer
    began, minute = await tables.now(), timedelta(seconds=60)
    await desks[0].begin_outage("still gone", probe_in_seconds=60)
    await desks[1].begin_outage("still gone", probe_in_seconds=10)
    next_probe_at = await tables.connection.fetchval("SELECT next_probe_at FROM model_outage")
    assert began + minute <= next_probe_at <= await tables.now() + minute


async def test_without_anything_to_upgrade_no_probe_is_spent(desk: PostgresDesk, tables: Tables) -> None:
    await desk.begin_outage("gone", probe_in_seconds=10)
    await tables.execute("UPDATE model_outage SET next_probe_at = now()")
    assert await desk.claim_probe() is None
    outage = await desk.outage()
    assert outage is not None
    assert outage.probe_due


# the queries themselves


async def test_every_query_is_valid_on_an_empty_schema(pool: Pool) -> None:
    queries = Queries("desk")
    async with pool.acquire() as connection:
        for name in queries.names():
            await connection.prepare(getattr(queries, name))


async def test_the_claim_stays_on_its_index(pool: Pool, tables: Tables) -> None:
    await tables.execute(
        "INSERT INTO requests (tenant_id, session_id, request_id, state, due_at, rank, stored_at, deadline_at)"
        " SELECT 't', 's' || n, 'r', CASE WHEN n % 10 = 0 THEN 'open' ELSE 'done' END,"
        "        CASE WHEN n % 10 = 0 THEN now() - interval '1 s' END, 1 + n % 4, now() - n * interval '1 ms',"
        "        CASE WHEN n % 10 = 0 THEN now() + n * interval '1 s' END"
        " FROM generate_series(1, 50000) AS n"
    )
    await tables.execute("ANALYZE requests")
    queries = Queries("desk")
    for name, index, arguments in [
        ("claim", "requests_due", (8, 20.0, 3.0, True)),
        ("claim_urgent", "requests_deadline", (8, 20.0, 3.0)),
    ]:
        text = getattr(queries, name)
        async with pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *arguments)
        plan = json.loads(rows[0][0])[0]["Plan"]
        scans = [node for node in _nodes(plan) if node["Node Type"].endswith("Scan")]
        on_requests = [node for node in scans if node.get("Relation Name") == "requests" or node.get("Index Name")]
        assert index in {node.get("Index Name") for node in scans}, name
        assert not [node for node in on_requests if node["Node Type"] == "Seq Scan"], name
        touched = sum(node["Actual Rows"] * node["Actual Loops"] for node in on_requests)
        assert touched <= 100, f"{name} touches {touched} rows for 8"


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]
