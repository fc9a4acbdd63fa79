"""The next release's migrations beside a running service: nobody waits for them, and a kill leaves nothing for good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from consumer.adapters.postgres.core import migrate
from tests.faults.test_stores import sessions
from tests.support.service import ServiceProcess
from tests.support.stage import Stage
from tests.support.waiting import until

NEXT_RELEASE = (9999, "9999_next.sql", "ALTER TABLE packages ADD COLUMN of_the_next_release text")
WITHOUT_INDEX = "DROP INDEX dead_letters_failed; DELETE FROM schema_migrations WHERE number = 4"
INDEX = (
    "SELECT indexrelid::bigint AS oid, indisvalid FROM pg_index WHERE indexrelid = to_regclass('dead_letters_failed')"
)
END_BUILDING = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
    AND state = 'active' AND query LIKE 'CREATE INDEX CONCURRENTLY dead_letters_failed%'"""
ANSWERED_SECONDS = 15.0
"""For requests of a second while a migration waits: a statement waits for one try at most."""


@asynccontextmanager
async def somebody_reads(dsn: str, table: str) -> AsyncIterator[None]:
    """A long transaction of others, which has read the table."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM {table}")
        yield
    finally:
        connection.terminate()


@pytest.mark.failure(35, 58)
async def test_a_migration_that_waits_for_a_lock_holds_up_nobody(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.running()
    known = migrate._migrations()
    monkeypatch.setattr(migrate, "_migrations", lambda: [*known, NEXT_RELEASE])
    async with somebody_reads(stage.dsn, "packages"):
        migrating = asyncio.create_task(migrate.migrate(stage.dsn))
        for round_number in range(3):
            await stage.send(*sessions(5, f"round-{round_number}"))
            await stage.published(5 * (round_number + 1), within_seconds=ANSWERED_SECONDS)
        assert not migrating.done()
    assert await asyncio.wait_for(migrating, 30) == [NEXT_RELEASE[1]]
    await stage.settled()
    await stage.verdict()


@pytest.mark.long
@pytest.mark.failure(58)
async def test_an_index_whose_builder_was_killed_is_awaited_beside_a_running_service(
    stage: Stage, tmp_path: Path
) -> None:
    """PostgreSQL builds on after its client's death: who drops the index meanwhile falls over it."""
    await stage.running()
    await stage.execute(WITHOUT_INDEX)
    prepare = ServiceProcess(stage.environment(), tmp_path / "prepare.log", "prepare")
    stage.services.append(prepare)
    async with somebody_reads(stage.dsn, "dead_letters"):
        prepare.start()
        await until(lambda: is_begun(stage))
        begun = await stage.query(INDEX)
        await stage.send(*sessions(5, "while-building"))
        await stage.send_poison((stage.topics.sessions, b"k", b"no JSON", ()))
        await stage.published(5, within_seconds=ANSWERED_SECONDS)
        await prepare.kill()
        prepare.start()
        await asyncio.sleep(3)
        assert prepare.running
    assert await prepare.finished(within_seconds=60) == 0, prepare.logged
    assert await stage.query(INDEX) == [{**begun[0], "indisvalid": True}]
    await stage.settled()
    await stage.verdict()


@pytest.mark.failure(58)
async def test_an_index_that_is_left_invalid_is_built_again(stage: Stage) -> None:
    await stage.running()
    await stage.execute(WITHOUT_INDEX)
    async with somebody_reads(stage.dsn, "dead_letters"):
        building = asyncio.create_task(migrate.migrate(stage.dsn))
        await until(lambda: is_begun(stage))
        await stage.execute(END_BUILDING)
        with pytest.raises(asyncpg.PostgresError):
            await building
        begun = await stage.query(INDEX)
    await migrate.migrate(stage.dsn)
    (built,) = await stage.query(INDEX)
    assert (begun[0]["indisvalid"], built["indisvalid"]) == (False, True)
    assert built["oid"] != begun[0]["oid"]


async def is_begun(stage: Stage) -> bool:
    return [row["indisvalid"] for row in await stage.query(INDEX)] == [False]
