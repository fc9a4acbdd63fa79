"""Retention on a real PostgreSQL: what leaves, what stays, and what an old record does later."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from consumer.adapters.postgres import retention as trimming
from consumer.adapters.postgres.core.pool import Pool, open_pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.retention import PostgresTrimmer
from consumer.flows import retention
from consumer.flows.operation.health import Health
from consumer.flows.retention import DAY_SECONDS, Page, RetentionRules, Trimmed
from schemas.topics import REPLAY_SUFFIX, REQUESTS
from tests.adapters.postgres.operation.test_proofs import SECRET, fact, script
from tests.support.store_filler import StoreFiller
from tests.support.waiting import until
from tests.support.wire import arrive, cancellation, change, request

RULES = RetentionRules(content_seconds=30 * DAY_SECONDS, keys_seconds=None, window_seconds=DAY_SECONDS)
WITH_KEYS = RetentionRules(content_seconds=30 * DAY_SECONDS, keys_seconds=60 * DAY_SECONDS, window_seconds=DAY_SECONDS)
TICKET = {"system": "connectwise", "ticket_id": "48213"}
CONTENT = ("session_events", "packages", "drafts")


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    made = await open_pool(database, name="test", max_size=4)
    yield made
    await made.close()


@pytest.fixture
def filler(pool: Pool) -> StoreFiller:
    return StoreFiller(pool)


def opened(**attributes: Any) -> dict[str, Any]:
    return change("session.opened.v1", {"title": "Printer offline", "psa_ticket": TICKET}, **attributes)


async def answered(pool: Pool, filler: StoreFiller, *, days_ago: float = 40, **attributes: Any) -> None:
    """A session with a request, its published package and a draft in the ledger, `days_ago` old."""
    asked = request(reason="The customer waits.", attributes=attributes)
    await filler.store(opened(**attributes), fact("Ping works.", version=2, **attributes), asked)
    await filler.draft()
    await pool.execute(
        "INSERT INTO drafts (tenant_id, session_id, bundle_sha256, prompt_version, model, state, answer)"
        " SELECT tenant_id, session_id, 'b', 'p', 'm', 'drafted', '{}' FROM sessions ON CONFLICT DO NOTHING"
    )
    await pool.execute("DELETE FROM outbox")
    await age(pool, days_ago, attributes.get("subject", "s1"))


async def age(pool: Pool, days: float, session: str = "s1") -> None:
    seconds = days * DAY_SECONDS
    for table, columns in (
        ("sessions", ("changed_at", "trimmed_at")),
        ("requests", ("stored_at", "ended_at", "first_done_at")),
    ):
        changes = ", ".join(f"{name} = {name} - make_interval(secs => $1)" for name in columns)
        await pool.execute(f"UPDATE {table} SET {changes} WHERE session_id = $2", seconds, session)


async def trim(pool: Pool, rules: RetentionRules = RULES, *, dry_run: bool = False) -> Trimmed:
    return await retention.trim_all(PostgresTrimmer(pool), rules, dry_run=dry_run)


async def counts(pool: Pool, *tables: str) -> list[int]:
    return [await pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables]


async def outbox(pool: Pool) -> list[dict[str, Any]]:
    return [json.loads(row["value"]) for row in await pool.fetch("SELECT value FROM outbox ORDER BY id")]


async def test_content_leaves_together_and_is_counted(pool: Pool, filler: StoreFiller) -> None:
    await answered(pool, filler)
    await answered(pool, filler, subject="young", days_ago=20)
    assert await counts(pool, *CONTENT) == [4, 2, 2]
    would = await retention.trim_all(PostgresTrimmer(pool), RULES, dry_run=True)
    assert await counts(pool, *CONTENT, "cache_evictions") == [4, 2, 2, 0]
    done = await retention.trim_all(PostgresTrimmer(pool), RULES)
    assert done == would == Trimmed(sessions=1, events=2, packages=1, drafts=1)
    evictions = await pool.fetch("SELECT tenant_id, session_id FROM cache_evictions")
    assert [tuple(row) for row in evictions] == [("default", "s1")]
    assert await counts(pool, *CONTENT) == [2, 1, 1]
    left = await pool.fetch("SELECT session_id, reason FROM requests ORDER BY 1")
    assert [tuple(row) for row in left] == [("s1", None), ("young", "The customer waits.")]
    assert await trim(pool) == Trimmed()


async def test_an_old_request_that_is_read_again_is_neither_paid_for_nor_published(
    pool: Pool, filler: StoreFiller
) -> None:
    await answered(pool, filler)
    await trim(pool)
    replayed = request(attributes={"replayid": "again"}, reason="The customer waits.")
    await filler.store(opened(), fact("Ping works.", version=2), request(reason="The customer waits."))
    stored = await filler.store(arrive(replayed, topic=REQUESTS + REPLAY_SUFFIX))
    assert (stored.outcomes["replayed"], stored.outcomes["repeated"]) == (0, 1)
    assert await pool.fetchval("SELECT count(*) FROM requests WHERE due_at IS NOT NULL OR state = 'open'") == 0
    assert await filler.draft() == []
    assert await outbox(pool) == []


@pytest.mark.parametrize(
    ("still", "sql"),
    [
        ("an open request", "UPDATE requests SET state = 'open'"),
        ("something due", "UPDATE requests SET due_at = now() + interval '1 day'"),
        ("a lease", "UPDATE requests SET leased_until = now() + interval '1 minute'"),
        ("a young request", "UPDATE requests SET stored_at = now()"),
        ("a young outcome", "UPDATE requests SET ended_at = now()"),
        ("a change", "UPDATE sessions SET changed_at = now()"),
        ("a window", "UPDATE requests SET first_done_at = now() - interval '1 hour'"),
        ("a call", "UPDATE drafts SET state = 'claimed', claimed_until = now() + interval '1 minute'"),
        (
            "an event to publish",
            "INSERT INTO outbox (topic, value, tenant_id, session_id) VALUES ('t', '', 'default', 's1')",
        ),
    ],
)
async def test_what_is_young_or_unfinished_stays_whole(pool: Pool, filler: StoreFiller, still: str, sql: str) -> None:
    await answered(pool, filler)
    await pool.execute(sql)
    assert await trim(pool) == Trimmed(), still
    assert await counts(pool, *CONTENT) == [2, 1, 1], still


async def test_work_that_begins_meanwhile_is_seen_under_the_locks(pool: Pool, filler: StoreFiller) -> None:
    """A writer holds the request after the trimmer took its session for old."""
    await answered(pool, filler)
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("UPDATE requests SET due_at = now(), cause = 'replay'")
        trimmed = asyncio.create_task(trim(pool))
        await until(lambda: pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        await transaction.commit()
    assert await trimmed == Trimmed()
    assert await counts(pool, *CONTENT) == [2, 1, 1]


async def test_a_cancellation_or_an_erasure_afterwards_still_takes_the_note_back(
    pool: Pool, filler: StoreFiller
) -> None:
    await answered(pool, filler)
    await answered(pool, filler, subject="s2")
    await trim(pool)
    await filler.store(cancellation(), change("session.erased.v1", {}, version=9, subject="s2"))
    withdrawn = {event["subject"]: event["data"] for event in await outbox(pool)}
    assert {name: data["reason"] for name, data in withdrawn.items()} == {"s1": "cancelled", "s2": "session_erased"}
    assert [(data["revision"], data["target_ticket_ref"]) for data in withdrawn.values()] == [(1, "CW #48213")] * 2


async def test_a_session_that_goes_on_is_counted_anew_and_still_guarded(pool: Pool, filler: StoreFiller) -> None:
    await filler.store(script(version=1))
    await answered(pool, filler)
    await trim(pool)
    await filler.store(fact(f"Again with {SECRET}", version=50), request("r2"))
    (package,) = await filler.draft()
    data = json.loads(await pool.fetchval("SELECT event FROM packages WHERE package_id = $1", package))
    assert (data["provenance"]["event_count"], data["state_version"]) == (1, 50)
    assert SECRET not in str(await pool.fetch("SELECT data FROM session_events"))
    await pool.execute("DELETE FROM outbox")
    await age(pool, 40)
    assert await trim(pool) == Trimmed(sessions=1, events=1, packages=1, drafts=0)


async def test_keys_go_later_and_an_erasure_never(pool: Pool, filler: StoreFiller) -> None:
    await answered(pool, filler)
    await answered(pool, filler, subject="s2")
    await filler.store(change("session.erased.v1", {}, version=9, subject="s2"))
    await age(pool, 400, "s2")
    assert (await trim(pool, WITH_KEYS)).keys == 0
    await age(pool, 59)
    assert (await trim(pool, WITH_KEYS)).keys == 0
    await age(pool, 2)
    assert (await trim(pool, WITH_KEYS)).keys == 1
    assert [row["session_id"] for row in await pool.fetch("SELECT session_id FROM sessions")] == ["s2"]
    assert [row["session_id"] for row in await pool.fetch("SELECT session_id FROM requests")] == ["s2"]


async def test_excerpts_of_refused_records_are_emptied_and_their_keys_stay(pool: Pool, filler: StoreFiller) -> None:
    await filler.store(arrive(change(data={"text": "kiwi"}), offset=77), arrive(change(data={"text": "pear"})))
    await pool.execute("UPDATE dead_letters SET failed_at = now() - interval '31 days' WHERE \"offset\" = 77")
    await pool.execute("DELETE FROM outbox")
    assert (await trim(pool)).excerpts == 1
    (kiwi,) = await pool.fetch('SELECT excerpt FROM dead_letters WHERE "offset" = 77')
    assert kiwi["excerpt"] == ""
    assert "pear" in str(await pool.fetch("SELECT excerpt FROM dead_letters"))
    await filler.store(arrive(change(data={"text": "kiwi"}), offset=77))
    assert await outbox(pool) == [], "a refused record that is read again was told twice"


async def test_broken_off_anywhere_no_result_outlives_its_key(
    pool: Pool, filler: StoreFiller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimming, "BATCH", 2)
    monkeypatch.setattr(trimming, "PAGE", 3)
    for number in range(7):
        await answered(pool, filler, subject=f"s{number}")
    pages: list[Page] = []
    stop = asyncio.Event()

    def after(page: Page) -> None:
        pages.append(page)
        if len(pages) == 2:
            stop.set()

    first = await retention.trim_all(PostgresTrimmer(pool), RULES, after_page=after, stop=stop)
    assert 0 < first.sessions < 7
    assert await _orphans(pool) == 0
    assert (first + await trim(pool)).sessions == 7
    assert await counts(pool, *CONTENT) == [0, 0, 0]
    assert await counts(pool, "sessions", "requests") == [7, 7]


async def _orphans(pool: Pool) -> int:
    """Content without its key, and sessions that lost only a part of it."""
    orphans: int = await pool.fetchval(
        "SELECT (SELECT count(*) FROM packages p LEFT JOIN requests r USING (tenant_id, session_id, request_id)"
        "        WHERE r.request_id IS NULL)"
        "     + (SELECT count(*) FROM drafts d LEFT JOIN sessions s USING (tenant_id, session_id)"
        "        WHERE s.session_id IS NULL OR s.trimmed_at IS NOT NULL)"
        "     + (SELECT count(*) FROM session_events e JOIN sessions s USING (tenant_id, session_id)"
        "        WHERE s.trimmed_at IS NOT NULL)"
        "     + (SELECT count(*) FROM requests r JOIN sessions s USING (tenant_id, session_id)"
        "        LEFT JOIN packages p ON p.package_id = r.last_package_id"
        "        WHERE s.trimmed_at IS NULL AND p.package_id IS NULL)"
    )
    return orphans


async def test_the_service_trims_by_itself_until_it_is_stopped(pool: Pool, filler: StoreFiller) -> None:
    await answered(pool, filler)
    stop = asyncio.Event()
    loop = retention.Retention(trimmer=PostgresTrimmer(pool), rules=RULES, health=Health(lambda: 0.0))
    running = asyncio.create_task(loop.run(stop))
    await until(lambda: pool.fetchval("SELECT NOT EXISTS (SELECT FROM session_events)"))
    stop.set()
    await running


async def test_every_query_can_be_prepared(pool: Pool) -> None:
    queries = Queries("retention")
    async with pool.acquire() as connection:
        for name in queries.names():
            await connection.prepare(getattr(queries, name))


async def test_settled_dead_letters_and_ended_jobs_leave_with_the_keys(pool: Pool) -> None:
    await pool.execute(
        'INSERT INTO settled_dead_letters (topic, partition, "offset", record_ms, reason, failed_at, became, job_id,'
        " settled_at) SELECT 't', 0, days, 0, 'invalid', now(), 'purged', 'j', now() - days * interval '1 day'"
        " FROM unnest(ARRAY[80, 100]) AS days"
    )
    await pool.execute(
        "INSERT INTO dead_letter_jobs (job_id, action, chosen, state, asked_by, matched, ended_at)"
        " SELECT 'j' || days, 'purge', '{}', 'done', 'a test', 0, now() - days * interval '1 day'"
        " FROM unnest(ARRAY[80, 100]) AS days"
    )
    await pool.execute(
        "INSERT INTO dead_letter_jobs (job_id, action, chosen, asked_by, matched, submitted_at)"
        " VALUES ('unended', 'purge', '{}', 'a test', 0, now() - interval '1 year')"
    )
    await retention.trim_all(PostgresTrimmer(pool), RULES)
    assert await pool.fetchval("SELECT count(*) FROM settled_dead_letters") == 2
    await retention.trim_all(PostgresTrimmer(pool), WITH_KEYS)
    assert await pool.fetchval('SELECT array_agg("offset") FROM settled_dead_letters') == [80]
    assert await pool.fetchval("SELECT array_agg(job_id ORDER BY job_id) FROM dead_letter_jobs") == ["j80", "unended"]
