"""Applies the numbered migrations, each once, in order. May be repeated, killed, and run by several processes at once.

The service of the release before runs on meanwhile. A migration that alters tables is one transaction, which waits for
a lock only briefly: whoever comes after it waits as long. One that makes indexes is no transaction: it builds them
CONCURRENTLY, waits for the building that a killed process left running, and builds an index again that is invalid.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files

import asyncpg
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from consumer.adapters.postgres.core.connecting import Connector, StoreConnection
from consumer.adapters.postgres.core.faults import StoreFault
from consumer.errors import Permanent, Transient

LOCK_SECONDS = 1.0
PAUSE_SECONDS = 2.0
"""Between two tries to get a lock: the service's statements, which waited behind the first one, go ahead."""
PATIENCE_SECONDS = 600.0

_LOCK = 0x65_73_63_61  # an advisory lock of the transaction, so that it works behind a transaction pooler too
_LOCK_POLL_SECONDS = 0.2
_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
"""
_GRANT = "SELECT format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', coalesce(current_schema(), 'public'), current_user)"
_COMMENT = re.compile(r"--.*")
_INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY (\w+) ON ")
_IS_WORKED_AT = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND state = 'active' AND query LIKE '% INDEX CONCURRENTLY ' || $1 || '%')"""
_IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)"


async def migrate(dsn: str, *, pooled: bool = False) -> list[str]:
    """Applies the missing migrations; returns their file names.

    Raises asyncpg's errors when the database is away, StoreFault when the role may not make tables, Permanent when the
    database is not UTF-8, and Transient when a lock is held for too long.
    """
    connector = Connector(dsn, name="escalation-migrate", pooled=pooled, statement_seconds=0, idle_seconds=0)
    async with _connected(connector) as connection:
        await _insist_on_utf_8(connection)
        try:
            if not await _missing(connection):
                return []  # this needs no right to make tables
            async with _alone(connector):
                return await _apply_missing(connection)
        except asyncpg.exceptions.InsufficientPrivilegeError as error:
            statement = await connection.fetchval(_GRANT)
            raise StoreFault(
                f"PostgreSQL: the role may not make or alter tables. As an administrator run: {statement}; tables of "
                "an earlier release must belong to it."
            ) from error
        except (asyncpg.exceptions.LockNotAvailableError, asyncpg.exceptions.DeadlockDetectedError) as error:
            raise Transient(
                f"PostgreSQL: another transaction has held a lock that a migration needs for {PATIENCE_SECONDS:g} s; "
                "pg_stat_activity shows it. What is applied stays: run it again."
            ) from error


@asynccontextmanager
async def _connected(connector: Connector) -> AsyncIterator[StoreConnection]:
    connection = await connector.connect()
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _alone(connector: Connector) -> AsyncIterator[None]:
    """Meanwhile no other process migrates.

    Hazard: an index that is built waits for the end of every older snapshot. So nobody waits for the lock in a
    statement or in an open transaction, and the one that holds it closes the portal of the answer.
    """
    async with _connected(connector) as holder:
        while True:
            async with holder.transaction():
                if await holder.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                    await holder.execute("SELECT 1")  # takes the unnamed portal's place, and leaves none
                    yield
                    return
            await asyncio.sleep(_LOCK_POLL_SECONDS)


async def _apply_missing(connection: StoreConnection) -> list[str]:
    await connection.execute(_HISTORY)
    missing = await _missing(connection)
    for number, name, sql in missing:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(
                (asyncpg.exceptions.LockNotAvailableError, asyncpg.exceptions.DeadlockDetectedError)
            ),
            wait=wait_fixed(PAUSE_SECONDS),
            stop=stop_after_delay(PATIENCE_SECONDS),
            reraise=True,
        ):
            with attempt:
                await _apply(connection, number, name, sql)
    return [name for _, name, _ in missing]


async def _missing(connection: StoreConnection) -> list[tuple[int, str, str]]:
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return _migrations()
    applied = {row["number"] for row in await connection.fetch("SELECT number FROM schema_migrations")}
    return [migration for migration in _migrations() if migration[0] not in applied]


async def _apply(connection: StoreConnection, number: int, name: str, sql: str) -> None:
    statements = indexes(sql)
    for index, statement in statements.items():
        await _until_nobody_works_at(connection, index)
        valid = await connection.fetchval(_IS_VALID, index)
        if valid is False:
            await connection.execute(f"DROP INDEX CONCURRENTLY {index}")
        if not valid:
            await connection.execute(statement)
    async with connection.transaction():
        if not statements:
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS:g}s'")
            await connection.execute(sql)
        await connection.execute("INSERT INTO schema_migrations VALUES ($1, $2)", number, name)


async def _until_nobody_works_at(connection: StoreConnection, index: str) -> None:
    """Waits for the statement of a process that was killed.

    Hazard: PostgreSQL builds on after its client's death. Who drops or builds the index beside it gets "tuple
    concurrently updated" or "already exists", and the building would have ended well.
    """
    while True:
        if not await connection.fetchval(_IS_WORKED_AT, index):
            return
        await asyncio.sleep(_LOCK_POLL_SECONDS)


def indexes(sql: str) -> dict[str, str]:
    """The statements of a migration that builds indexes, by index; empty for one that is a transaction.

    Raises ValueError for a migration that is both: half of it could be left after a kill.
    """
    statements = [text for part in _COMMENT.sub("", sql).split(";") if (text := part.strip())]
    if "CONCURRENTLY" not in _COMMENT.sub("", sql):
        return {}
    named = {match[1]: statement for statement in statements if (match := _INDEX.match(statement))}
    if len(named) != len(statements):
        raise ValueError("a migration that builds indexes CONCURRENTLY has no other statements")
    return named


async def _insist_on_utf_8(connection: StoreConnection) -> None:
    """Raises Permanent for a database that cannot hold every text."""
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise Permanent(
            f"PostgreSQL: the database's encoding is {encoding}, and texts of sessions need UTF8. Make it anew: "
            "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'."
        )


@cache
def known_migrations() -> frozenset[int]:
    """The numbers of the migrations that this release needs."""
    return frozenset(number for number, _, _ in _migrations())


def _migrations() -> list[tuple[int, str, str]]:
    folder = files("consumer.adapters.postgres") / "migrations"
    scripts = sorted((entry.name, entry) for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name[:4]), name, entry.read_text(encoding="utf-8")) for name, entry in scripts]
