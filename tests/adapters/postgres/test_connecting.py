"""Connections: nothing that a transaction pooler refuses or shares by accident, and a host that answers."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

import asyncpg
import pytest

from consumer.adapters.postgres.core.connecting import Connector
from consumer.adapters.postgres.core.faults import StoreFault, reachable
from consumer.adapters.postgres.core.migrate import indexes
from consumer.adapters.postgres.core.pool import Pool, closing_pool
from consumer.errors import Transient

TAKEN_BY_POOLERS = {"user", "database", "client_encoding", "application_name"}
SSL_REQUEST = 80877103
LEFT = """
CREATE TEMP TABLE seen AS SELECT name FROM pg_prepared_statements
UNION SELECT name FROM pg_settings WHERE name LIKE '%\\_timeout' AND source = 'session'
"""


@contextlib.asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object],
) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)  # type: ignore[arg-type]
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.fixture(params=[False, True], ids=["direct", "pooled"])
async def pool(request: pytest.FixtureRequest, database: str) -> AsyncIterator[Pool]:
    async with closing_pool(database, name="test", max_size=1, pooled=request.param) as made:
        yield made


async def test_the_start_has_no_parameter_that_a_pooler_refuses() -> None:
    seen: dict[str, str] = {}

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length, code = struct.unpack("!ii", await reader.readexactly(8))
        if code == SSL_REQUEST:
            writer.write(b"N")
            length, code = struct.unpack("!ii", await reader.readexactly(8))
        words = (await reader.readexactly(length - 8)).decode().split("\0")
        seen.update(zip(words[::2], words[1::2], strict=False))
        writer.close()

    async with listening(note) as port:
        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            await Connector(f"postgresql://u@127.0.0.1:{port}/d", name="test", pooled=False).connect()
    assert "user" in seen
    assert set(filter(None, seen)) <= TAKEN_BY_POOLERS


async def test_statements_and_pauses_are_bounded_with_and_without_a_pooler(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        assert await connection.fetchval("SHOW statement_timeout") == "5s"
        assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "10s"
    assert await pool.fetchval("SHOW statement_timeout") == "5s"
    with pytest.raises(asyncpg.exceptions.QueryCanceledError, match="statement timeout"):
        await pool.fetchval("SELECT pg_sleep($1)", 30.0)


@pytest.mark.promise(11)
@pytest.mark.failure(36, 42)
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("P0001", StoreFault),  # a customer's trigger
        ("23514", StoreFault),  # a constraint of others
        ("53100", Transient),  # the disk is full
        ("XX001", Transient),  # a damaged block
        ("22023", asyncpg.DataError),
    ],
)
async def test_only_an_error_of_the_data_passes(pool: Pool, code: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        async with reachable(pool):
            await pool.execute(f"DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END $$")


async def test_a_pooled_session_keeps_no_statement_and_no_setting(database: str) -> None:
    async with closing_pool(database, name="test", max_size=1, pooled=True) as pool:
        await pool.fetch("SELECT tenant_id, newest_version FROM sessions WHERE session_id = ANY($1)", ["s"])
        async with pool.acquire() as connection:
            await connection.execute(LEFT)  # without a statement of its own
            assert await connection.fetch("SELECT name FROM seen") == []


async def test_directly_a_statement_is_prepared_once_and_stays_over_uses_of_the_connection(database: str) -> None:
    async with closing_pool(database, name="test", max_size=1) as pool:
        for _ in range(3):
            assert await pool.fetchval("SELECT 1 + $1::int", 1) == 2
        assert (
            await pool.fetchval("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT 1 +%'") == 1
        )


async def test_a_pooler_that_stays_unnoticed_is_named_with_the_setting(database: str) -> None:
    async with closing_pool(database, name="test", max_size=1) as pool:
        for error in (asyncpg.exceptions.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError):
            with pytest.raises(Transient, match="ESCALATION_DATABASE_POOLER=transaction"):
                async with reachable(pool):
                    raise error


async def test_a_silent_host_does_not_hide_the_other_one(database: str) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with listening(silent) as port:
        parts = urlsplit(database)
        user, at, host = parts.netloc.rpartition("@")
        dsn = parts._replace(netloc=f"{user}{at}127.0.0.1:{port},{host}").geturl()
        async with closing_pool(dsn, name="test", max_size=1) as pool:
            with pytest.raises(TimeoutError):
                async with pool.acquire(timeout=2):
                    pass
            async with pool.acquire(timeout=2) as connection:
                assert await connection.fetchval("SELECT 1") == 1


def test_a_migration_is_a_transaction_or_builds_indexes_and_never_both() -> None:
    assert indexes("ALTER TABLE a ADD b text; -- not CONCURRENTLY\n") == {}
    statement = "CREATE INDEX CONCURRENTLY a_b ON a (b)"
    assert indexes(f"-- why\n{statement};\n") == {"a_b": statement}
    with pytest.raises(ValueError, match="no other statements"):
        indexes(f"{statement}; ALTER TABLE a ADD b text;")
