"""A database of its own for every test, copied from a template in milliseconds."""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from tests.support.servers import run

Database: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class CopiedDatabases:
    """Databases of a server that is ours. The template is migrated once, with the project's own migrations."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._template: str | None = None

    @contextmanager
    def fresh(self, *, migrated: bool) -> Iterator[str]:
        """Yields a DSN. Drops the database afterwards, even with open connections."""
        name = f"test_{secrets.token_hex(6)}"
        template = self._migrated() if migrated else "template0"
        run(_execute(self._dsn, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        try:
            yield with_database(self._dsn, name)
        finally:
            run(_execute(self._dsn, f'DROP DATABASE "{name}" WITH (FORCE)'))

    def _migrated(self) -> str:
        if self._template is None:
            name = f"template_{secrets.token_hex(6)}"
            run(_execute(self._dsn, f'CREATE DATABASE "{name}" TEMPLATE template0'))
            run(_migrate(with_database(self._dsn, name)))
            self._template = name
        return self._template


class SchemasOfGiven:
    """Schemas in a given database, chosen by the connection's `search_path`."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    @contextmanager
    def fresh(self, *, migrated: bool) -> Iterator[str]:
        name = f"test_{secrets.token_hex(6)}"
        run(_execute(self._dsn, f'CREATE SCHEMA "{name}"'))
        dsn = with_search_path(self._dsn, name)
        try:
            if migrated:
                run(_migrate(dsn))
            yield dsn
        finally:
            run(_execute(self._dsn, f'DROP SCHEMA "{name}" CASCADE'))


def with_database(dsn: str, name: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


def with_search_path(dsn: str, schema: str) -> str:
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query)) | {"search_path": schema}
    return urlunsplit(parts._replace(query=urlencode(query)))


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Database]:
    """A new connection, closed in any case."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def _execute(dsn: str, sql: str) -> None:
    async with connected(dsn) as connection:
        await connection.execute(sql)


async def _migrate(dsn: str) -> None:
    from consumer.adapters.postgres.core.migrate import migrate

    await migrate(dsn)
