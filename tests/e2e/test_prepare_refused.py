"""`prepare` on a database that cannot serve: one line that says what to run, and no traceback."""

import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from tests.support.service import Finished
from tests.support.stage import Stage


@pytest.fixture
async def name(stage: Stage) -> AsyncIterator[str]:
    """Of a role and a database that the test makes."""
    made = f"refused_{secrets.token_hex(4)}"
    yield made
    await stage.execute(f"DROP DATABASE IF EXISTS {made}")
    await stage.execute(f"DROP ROLE IF EXISTS {made}")


async def prepared(stage: Stage, dsn: str) -> Finished:
    return await stage.command("prepare", DATABASE_URL=dsn)


def one_line(done: Finished) -> str:
    assert done.code == 1
    (line,) = done.errors.strip().splitlines()
    return line


async def test_a_role_that_may_not_make_tables_is_told_the_statement(stage: Stage, name: str) -> None:
    await stage.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'pw'")
    await stage.execute(f"CREATE DATABASE {name}")
    parts = urlsplit(stage.dsn)
    host = parts.netloc.rpartition("@")[2]
    dsn = parts._replace(netloc=f"{name}:pw@{host}", path=f"/{name}").geturl()
    line = one_line(await prepared(stage, dsn))
    statement = f"GRANT USAGE, CREATE ON SCHEMA public TO {name}"
    assert statement in line
    await stage.execute(statement, database=name)
    assert (await prepared(stage, dsn)).code == 0
    await stage.execute(f"DROP OWNED BY {name}", database=name)


async def test_a_database_that_is_not_utf_8_is_refused(stage: Stage, name: str) -> None:
    await stage.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    line = one_line(await prepared(stage, urlsplit(stage.dsn)._replace(path=f"/{name}").geturl()))
    assert "SQL_ASCII" in line
    assert "UTF8" in line
