"""`trim` as a process, killed at random moments: sessions leave whole, and the next run finds the rest."""

import json
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from consumer.adapters.postgres.core.pool import closing_pool
from tests.support.contents import contents
from tests.support.databases import Database, connected
from tests.support.forked import ForkedCommand
from tests.support.store_filler import StoreFiller
from tests.support.wire import FACT, arrive, change, request

SESSIONS = {"old": 3000, "busy": 100, "forgotten": 600, "young": 100}
"""By kind; ids end in it, so that kinds are mixed. The command takes a hundred at a time."""
MOMENTS = ["committed", "deleting"] * 4
"""Each kill waits for more trimmed sessions, then comes at once or during a deletion."""
STANDING = """
    SELECT DISTINCT ltrim(session_id, '0123456789') AS kind, trimmed_at IS NOT NULL AS trimmed,
        (SELECT count(*) FROM session_events AS e WHERE (e.tenant_id, e.session_id) = (s.tenant_id, s.session_id)),
        (SELECT count(*) FROM packages AS p WHERE (p.tenant_id, p.session_id) = (s.tenant_id, s.session_id)),
        (SELECT count(*) FROM drafts AS d WHERE (d.tenant_id, d.session_id) = (s.tenant_id, s.session_id)),
        (SELECT count(*) FROM session_secrets AS k WHERE (k.tenant_id, k.session_id) = (s.tenant_id, s.session_id)),
        (SELECT count(*) FROM requests AS r WHERE (r.tenant_id, r.session_id) = (s.tenant_id, s.session_id)),
        (SELECT count(reason) FROM requests AS r WHERE (r.tenant_id, r.session_id) = (s.tenant_id, s.session_id))
    FROM sessions AS s FULL JOIN (
        SELECT tenant_id, session_id FROM requests UNION SELECT tenant_id, session_id FROM session_secrets
        UNION SELECT tenant_id, session_id FROM packages UNION SELECT tenant_id, session_id FROM drafts
        UNION SELECT tenant_id, session_id FROM session_events) AS named USING (tenant_id, session_id)
"""
"""Per session: whether it is trimmed, and the counts of events, packages, drafts, secrets, requests, reasons."""
WHOLE, TRIMMED = (False, 3, 1, 1, 1, 1, 1), (True, 0, 0, 0, 1, 1, 0)
ALLOWED = {
    *((kind, *WHOLE) for kind in ("old", "busy", "young")),
    *((kind, *TRIMMED) for kind in ("old", "forgotten")),
}
TABLES = ("sessions", "session_events", "session_secrets", "requests", "packages", "drafts")
COLUMNS = """
    SELECT array_agg(attname::text) FROM pg_attribute
    WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
COPY = """
    INSERT INTO {table} ({columns}) SELECT {columns_of_copy} FROM {table} AS one, generate_series(1, $2) AS number,
        LATERAL (SELECT number || $1 AS session_id) AS new,
        LATERAL jsonb_populate_record(one, to_jsonb(new) || jsonb_build_object(
            'package_id', md5(new.session_id)::uuid, 'last_package_id', md5(new.session_id)::uuid)) AS copy
    WHERE one.session_id = 's1'
"""
AGED = """
    UPDATE sessions SET changed_at = now() - interval '100 days';
    UPDATE requests SET stored_at = now() - interval '100 days', ended_at = now() - interval '100 days',
                        first_done_at = now() - interval '100 days';
    UPDATE dead_letters SET failed_at = now() - interval '40 days';
    UPDATE requests SET due_at = now() + interval '1 day' WHERE session_id LIKE '%busy';
    UPDATE sessions SET changed_at = now() WHERE session_id LIKE '%young';
    UPDATE sessions SET trimmed_at = now() - interval '61 days', event_count = 0, newest_version = NULL
    WHERE session_id LIKE '%forgotten';
    UPDATE requests SET reason = NULL WHERE session_id LIKE '%forgotten';
    DELETE FROM session_events WHERE session_id LIKE '%forgotten';
    DELETE FROM packages WHERE session_id LIKE '%forgotten';
    DELETE FROM drafts WHERE session_id LIKE '%forgotten'
"""
SLOW = """
    CREATE FUNCTION take_a_while() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END';
    CREATE TRIGGER slow AFTER DELETE ON session_events FOR EACH STATEMENT EXECUTE FUNCTION take_a_while()
"""
"""Makes kills hit transactions."""
LEFT = "SELECT count(*) FROM sessions WHERE session_id LIKE '%old' AND trimmed_at IS NOT NULL"
LEAVING = """
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                   AND state = 'active' AND query LIKE '%DELETE FROM session_events%')
"""


@pytest.fixture
async def tables(database: str) -> AsyncIterator[Database]:
    async with connected(database) as connection:
        yield connection


async def fill(dsn: str) -> None:
    """Copies one session as the service leaves it."""
    async with closing_pool(dsn, name="test", max_size=2) as pool:
        filler = StoreFiller(pool)
        schema = {"parameters": [{"key": "pw", "field_type": "password"}]}
        script = {
            "generation_id": "g1",
            "template": {"name": "Map drive", "parameters_schema": schema},
            "parameters_used": {"pw": "Hunter-77-blue!"},
        }
        await filler.store(
            change("session.opened.v1", {"title": "Printer offline"}),
            change(data=FACT, version=2),
            change("session.script_generated.v1", script, version=3),
            request(reason="The customer waits."),
            *(arrive(change(data={"text": "kiwi"}), offset=number) for number in range(1, 11)),
        )
        await filler.draft()
        await pool.execute("DELETE FROM outbox")
        await pool.execute("UPDATE packages SET event = '{}'")  # it holds the time of its making
        await pool.execute(
            "INSERT INTO drafts (tenant_id, session_id, bundle_sha256, prompt_version, model, state, answer)"
            " SELECT tenant_id, session_id, 'b', 'p', 'm', 'drafted', '{}' FROM sessions"
        )
        for table in TABLES:
            columns = await pool.fetchval(COLUMNS, table)
            copied = ", ".join(f"copy.{column}" for column in columns)
            copy = COPY.format(table=table, columns=", ".join(columns), columns_of_copy=copied)
            for kind, many in SESSIONS.items():
                await pool.execute(copy, kind, many)
            await pool.execute(f"DELETE FROM {table} WHERE session_id = 's1'")
        await pool.execute(AGED)


def trimming(dsn: str, redis_url: str, prefix: str, log: Path) -> ForkedCommand:
    environment = {
        "DATABASE_URL": dsn,
        "REDIS_URL": redis_url,
        "ESCALATION_TOPIC_PREFIX": prefix,
        "ESCALATION_RETENTION_DAYS": "30",
        "ESCALATION_KEY_RETENTION_DAYS": "60",
    }
    return ForkedCommand(environment, log, "trim", "--json")


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_killed_at_random_moments_it_leaves_every_session_whole_or_trimmed_and_ends_as_undisturbed(
    database: str, undisturbed_database: str, tables: Database, redis_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    seed = secrets.randbelow(10_000)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    chance = random.Random(seed)
    for dsn in (database, undisturbed_database):
        await fill(dsn)
    with (
        trimming(undisturbed_database, redis_url, topic_prefix, tmp_path / "undisturbed.log") as undisturbed,
        trimming(database, redis_url, topic_prefix, tmp_path / "disturbed.log") as disturbed,
    ):
        report = json.loads(await undisturbed.finished())
        assert (report["sessions"], report["keys"], report["excerpts"]) == (SESSIONS["old"], SESSIONS["forgotten"], 10)
        await tables.execute(SLOW)
        for left, moment in zip(range(len(MOMENTS), 0, -1), chance.sample(MOMENTS, len(MOMENTS)), strict=True):
            await disturbed.killed_at(await further(tables, moment, chance, left), database)
            standing = {tuple(row) for row in await tables.fetch(STANDING)}
            print(f"{moment}: {await tables.fetchval(LEFT)} have left")  # noqa: T201 - as above
            assert standing <= ALLOWED
        before = await tables.fetchval(LEFT)
        rest = json.loads(await disturbed.finished())
    assert 0 < before < SESSIONS["old"]
    assert rest["sessions"] == SESSIONS["old"] - before
    assert await contents(database) == await contents(undisturbed_database)


async def further(tables: Database, moment: str, chance: random.Random, left: int) -> Callable[[], Awaitable[bool]]:
    """Reached after more sessions are trimmed, few enough to leave some for the other kills."""
    so_far: int = await tables.fetchval(LEFT)
    wanted = so_far + chance.randint(1, (SESSIONS["old"] - so_far) // (left + 1))

    async def reached() -> bool:
        enough: bool = await tables.fetchval(LEFT) >= wanted
        return enough and (moment == "committed" or bool(await tables.fetchval(LEAVING)))

    return reached
