"""The database's clock, which a test moves on at will: `now()` of one migrated database is its own.

A schema that is searched before `pg_catalog` holds the function. Defaults of columns are bound to the function that
they were made with, so they are bound again.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg

from tests.support.databases import connected, with_search_path

HANDS = "moved_clock"
"""The table that holds how far the clock was moved."""
_MAKE = f"""
CREATE TABLE {HANDS} (moved interval NOT NULL);
INSERT INTO {HANDS} VALUES ('0');
CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql STABLE AS
    'SELECT pg_catalog.now() + (SELECT moved FROM {HANDS})';
CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT pg_catalog.clock_timestamp() + (SELECT moved FROM {HANDS})';
"""
_DEFAULTS = """
SELECT c.relname, a.attname
FROM pg_attrdef AS d JOIN pg_class AS c ON c.oid = d.adrelid
     JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE c.relnamespace = current_schema()::regnamespace AND pg_get_expr(d.adbin, d.adrelid) LIKE '%now()'
"""


@dataclass(frozen=True, slots=True)
class MovedClock:
    """`dsn` reaches the database as it was, with the clock in the way."""

    dsn: str

    @classmethod
    async def of(cls, dsn: str) -> "MovedClock":
        (schema,) = parse_qs(urlsplit(dsn).query).get("search_path", ["public"])
        clock = cls(with_search_path(dsn, f"{schema},pg_catalog"))
        async with connected(clock.dsn) as connection:
            await connection.execute(_MAKE)
            for table, column in await connection.fetch(_DEFAULTS):
                await connection.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET DEFAULT now()')
        return clock


async def move(database: "asyncpg.Pool[Any]", seconds: float) -> None:
    """From now on it is so much later, for every session of the database."""
    await database.execute(f"UPDATE {HANDS} SET moved = moved + make_interval(secs => $1)", seconds)
