"""Applies the numbered migrations, each once and in order. May be repeated, and run by several processes at once."""

from functools import cache
from importlib.resources import files

import asyncpg

from consumer.errors import Permanent

_LOCK = 0x65_73_63_61  # an advisory lock of the transaction, so that it works behind a transaction pooler too
_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
"""
_GRANT = "SELECT format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', coalesce(current_schema(), 'public'), current_user)"


async def migrate(dsn: str) -> list[str]:
    """Applies the missing migrations in one transaction; returns their file names.

    Raises asyncpg's errors when the database is away, Permanent when it is not UTF-8 or its role may not make tables.
    """
    connection = await asyncpg.connect(dsn, timeout=10, statement_cache_size=0)
    try:
        await _insist_on_utf_8(connection)
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await connection.execute(_HISTORY)
            applied_before = {row["number"] for row in await connection.fetch("SELECT number FROM schema_migrations")}
            applied = []
            for number, name, sql in _migrations():
                if number not in applied_before:
                    await connection.execute(sql)
                    await connection.execute("INSERT INTO schema_migrations VALUES ($1, $2)", number, name)
                    applied.append(name)
            return applied
    except asyncpg.exceptions.InsufficientPrivilegeError as error:
        statement = await connection.fetchval(_GRANT)
        raise Permanent(
            f"PostgreSQL: the role may not make or alter tables. As an administrator run: {statement}; tables of an "
            "earlier release must belong to it."
        ) from error
    finally:
        await connection.close()


async def _insist_on_utf_8(connection: asyncpg.Connection) -> None:
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
