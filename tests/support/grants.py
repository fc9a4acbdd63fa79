"""What the roles of PostgreSQL need, found out by trial: every query is planned under a role that lacks one right.

`python -m tests.support.grants` writes deploy/postgres/grants.sql from consumer/adapters/postgres/core/rights.py. A
test holds both against the queries and the tables: `needed` says what rights.py must say.
"""

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

import asyncpg

from consumer.adapters.postgres.core import rights
from consumer.adapters.postgres.core.sql import Queries

FILE = Path(__file__).resolve().parents[2] / "deploy" / "postgres" / "grants.sql"
OWNERS = frozenset({"make_redaction_key"})
"""Queries of `prepare`."""
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_HEAD = """\
-- Generated (`python -m tests.support.grants`) from consumer/adapters/postgres/core/rights.py, which a test holds
-- against every query of the service. The owner of the tables runs it after each `escalation-consumer prepare`:
--
--   psql "$OWNER_URL" --set ON_ERROR_STOP=1 --single-transaction --file deploy/postgres/grants.sql
--
-- It takes back what an earlier release needed. Neither role may make, alter, drop or truncate anything.

"""


def service_queries() -> dict[str, str]:
    """All SQL that a service and its commands run, by file and name; COPY counts as the INSERT that it is."""
    folder = files("consumer.adapters.postgres") / "queries"
    stems = sorted(entry.name.removesuffix(".sql") for entry in folder.iterdir() if entry.name.endswith(".sql"))
    named = {
        f"{stem}.{name}": getattr(Queries(stem), name)
        for stem in stems
        for name in Queries(stem).names()
        if name not in OWNERS
    }
    return named | {"copy_events": "INSERT INTO session_events SELECT * FROM session_events"}


async def tables(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1")
    return [row["tablename"] for row in rows]


@asynccontextmanager
async def lesser_role(connection: asyncpg.Connection) -> AsyncIterator[str]:
    """A new role that may do nothing, and that the connection may take on."""
    role = f"lesser_{secrets.token_hex(4)}"
    schema = await connection.fetchval("SELECT quote_ident(current_schema())")
    await connection.execute(f"CREATE ROLE {role}; GRANT USAGE ON SCHEMA {schema} TO {role}")
    try:
        yield role
    finally:
        await connection.execute(f"RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")


async def refused(connection: asyncpg.Connection, role: str, queries: Mapping[str, str]) -> list[str]:
    """The queries that the role may not run. Nothing is run: planning asks for the rights, and a lock is given back."""
    await connection.execute(f"SET ROLE {role}")
    lacking = []
    try:
        for name, sql in queries.items():
            how = "" if re.search(r"^LOCK ", sql, re.MULTILINE) else "EXPLAIN (GENERIC_PLAN) "
            moment = connection.transaction()
            await moment.start()
            try:
                await connection.execute(how + sql)
            except asyncpg.InsufficientPrivilegeError:
                lacking.append(name)
            finally:
                await moment.rollback()
    finally:
        await connection.execute("RESET ROLE")
    return lacking


async def needed(connection: asyncpg.Connection) -> dict[str, tuple[str, ...]]:
    """The verbs that the service's queries need on each table: those without which one of them is refused."""
    queries = service_queries()
    result = {}
    async with lesser_role(connection) as role:
        named = await tables(connection)
        await connection.execute(f"GRANT {', '.join(VERBS)} ON {', '.join(named)} TO {role}")
        await connection.execute(f"GRANT USAGE ON SEQUENCE {', '.join(rights.SEQUENCES)} TO {role}")
        assert await refused(connection, role, queries) == []
        for table in named:
            concerned = {name: sql for name, sql in queries.items() if re.search(rf"\b{table}\b", sql)}
            verbs = []
            for verb in VERBS:
                await connection.execute(f"REVOKE {verb} ON {table} FROM {role}")
                if await refused(connection, role, concerned):
                    verbs.append(verb)
                await connection.execute(f"GRANT {verb} ON {table} TO {role}")
            result[table] = tuple(verbs)
    return result


def script() -> str:
    """grants.sql, for the roles of roles.sql."""
    service, reader = rights.SERVICE_ROLE, rights.READER_ROLE
    lines = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {service}, {reader};",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {service}, {reader};",
        f"GRANT USAGE ON SCHEMA public TO {service}, {reader};",
        "",
        "-- The service, and the commands that change something.",
        *_grants(rights.SERVICE, service),
        f"GRANT USAGE ON SEQUENCE {', '.join(rights.SEQUENCES)} TO {service};",
        "",
        "-- Commands and pages that only look. They see how many secrets a session has, and no key.",
        *(
            f"GRANT SELECT{f' ({columns})' if columns else ''} ON {table} TO {reader};"
            for table in rights.SERVICE
            if (columns := rights.UNREAD.get(table)) or table not in rights.UNREAD
        ),
    ]
    return _HEAD + "\n".join(lines) + "\n"


def _grants(of_tables: Mapping[str, Sequence[str]], role: str) -> list[str]:
    return [f"GRANT {', '.join(verbs)} ON {table} TO {role};" for table, verbs in of_tables.items() if verbs]


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(script(), encoding="utf-8")
