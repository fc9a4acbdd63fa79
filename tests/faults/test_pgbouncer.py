"""PgBouncer in transaction mode stands before the database: the service works as without it."""

import asyncio
import json
from collections.abc import AsyncIterator

import asyncpg
import pytest

from consumer.adapters.postgres.core.pool import closing_pool
from tests.faults.test_stores import answers, named, sessions
from tests.support import servers as support
from tests.support.pgbouncer import POOL_SIZE, PgBouncer
from tests.support.stage import Stage, Story


@pytest.fixture
async def pgbouncer(servers: support.TestServers) -> AsyncIterator[PgBouncer]:
    async with PgBouncer(servers.postgres.dsn) as made:
        yield made


LEFT = """
SELECT (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_listening_channels()),
       current_setting('statement_timeout')
"""


async def left_in_sessions(dsn: str) -> set[tuple[int, int, str]]:
    """What stayed in the sessions that the pooler shares: named statements, channels, the limit of a statement."""
    connections = [await asyncpg.connect(dsn, statement_cache_size=0) for _ in range(POOL_SIZE)]
    try:
        for connection in connections:
            await connection.execute("BEGIN")  # each keeps a session for itself
        return {tuple((await connection.fetch(LEFT))[0]) for connection in connections}
    finally:
        for connection in connections:
            connection.terminate()


@pytest.mark.long
@pytest.mark.failure(32)
async def test_prepare_and_every_command_of_an_operator(
    stage: Stage, pgbouncer: PgBouncer, empty_database: str
) -> None:
    prepared = [stage.command("prepare", DATABASE_URL=pgbouncer.before(empty_database)) for _ in range(2)]
    assert [(done.code, done.errors) for done in await asyncio.gather(*prepared)] == [(0, "")] * 2
    dsn = pgbouncer.before(stage.dsn)
    await stage.running(dsn=dsn)
    await stage.send(*sessions(3, "asked"))
    package, *_ = await stage.published(3)
    for command in (
        ["session", "list"], ["package", "list"], ["request", "list"], ["dead-letters", "list"], ["outbox"],
        ["verify", package["package_id"]], ["trim", "--days", "1"], ["replay", "plan"],
    ):  # fmt: skip
        done = await stage.command(*command, DATABASE_URL=dsn)
        assert (done.code, done.errors) == (0, ""), command


@pytest.mark.failure(32)
async def test_sessions_are_answered_erased_and_replayed_and_nothing_stays_in_shared_connections(
    stage: Stage, pgbouncer: PgBouncer
) -> None:
    dsn = pgbouncer.before(stage.dsn)
    service = await stage.running(dsn=dsn)
    await stage.running(dsn=dsn)
    await stage.send(*sessions(40, "shared"))
    await stage.published(40)
    erased = Story("shared-0")
    erased.version = 9
    await stage.send(erased.event("session.erased.v1"))
    planned = await stage.command("replay", "plan", "--json", DATABASE_URL=dsn)
    assert planned.code == 0, planned.errors
    await stage.settled()
    await stage.verdict()
    assert await left_in_sessions(dsn) == {(0, 0, "0")}
    assert service.logged.count("pooler_noticed") == 1
    logged = [json.loads(line) for line in service.logged.splitlines()]
    assert [line for line in logged if "PostgreSQL" in line.get("error", "")] == []


@pytest.mark.failure(32)
async def test_a_pooler_that_restarts_under_load_costs_nothing(stage: Stage, pgbouncer: PgBouncer) -> None:
    service = await stage.running(dsn=pgbouncer.before(stage.dsn))
    await stage.send(*sessions(20, "before"))
    await stage.model.called(4)
    pgbouncer.kill()
    await named(service, "database")
    await stage.send(*sessions(20, "while-away"))
    await pgbouncer.start()
    await answers(service, 200)
    await stage.settled()
    await stage.verdict()


@pytest.mark.failure(32)
async def test_a_stuck_statement_is_ended_behind_the_pooler_too(stage: Stage, pgbouncer: PgBouncer) -> None:
    async with closing_pool(pgbouncer.before(stage.dsn), name="test", max_size=1) as pool:
        with pytest.raises(asyncpg.exceptions.QueryCanceledError, match="statement timeout"):
            await pool.execute("SELECT pg_sleep($1)", 30.0)
        async with pool.acquire() as connection, connection.transaction():
            assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "10s"
