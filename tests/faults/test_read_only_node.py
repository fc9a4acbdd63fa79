"""After a failover, connections sit on a node that has become read-only: they are given up, and nobody restarts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from consumer.adapters.postgres.core.pool import closing_pool
from tests.faults.test_stores import answers, named, sessions
from tests.support.stage import Stage

pytestmark = pytest.mark.kills_servers
HEALS_SECONDS = 5.0
WORK_SECONDS = 5.0
"""For the requests themselves, on a busy machine."""


@asynccontextmanager
async def read_only(dsn: str) -> AsyncIterator[None]:
    """All sessions without a setting of their own are read-only, those that are open, too."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await connection.execute("SELECT pg_reload_conf()")
        yield
    finally:
        await connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()


@pytest.mark.failure(27)
async def test_connections_to_a_node_that_is_read_only_now_are_given_up_for_the_writable_one(stage: Stage) -> None:
    service = await stage.running()
    await stage.send(*sessions(5, "before"))
    await stage.published(5)
    name = urlsplit(stage.dsn).path[1:]
    # The new primary: new sessions may write. The open ones stay with the old.
    await stage.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = off')
    async with read_only(stage.dsn):
        await stage.send(*sessions(5, "after"))
        await stage.published(10, within_seconds=HEALS_SECONDS + WORK_SECONDS)
        await answers(service, 200)
        await stage.settled()
    await stage.verdict()


@pytest.mark.failure(27)
async def test_a_node_that_is_read_only_is_not_connected_to(stage: Stage) -> None:
    async with read_only(stage.dsn), closing_pool(stage.dsn, name="test", max_size=1) as pool:
        with pytest.raises(asyncpg.InternalClientError):
            await pool.fetchval("SELECT 1")


@pytest.mark.failure(27)
async def test_without_any_writable_node_it_is_named_and_goes_on_when_there_is_one(stage: Stage) -> None:
    service = await stage.running()
    async with read_only(stage.dsn):
        await stage.send(*sessions(5, "read-only"))
        await named(service, "database")
        await named(service, "store")
    await stage.published(5, within_seconds=HEALS_SECONDS + WORK_SECONDS)
    await answers(service, 200)
    await stage.settled()
    await stage.verdict()
