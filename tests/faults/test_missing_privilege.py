"""A role that lacks rights: the service names what to run and goes on once it is run; a command says it in one line."""

import re
import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from tests.faults.test_stores import NAMED_SECONDS, answers, named, sessions
from tests.support.service import ServiceProcess
from tests.support.stage import Stage
from tests.support.waiting import until

STATEMENT = re.compile(r"GRANT .*")
LACKING = {
    "every right": "",
    "the right to write": "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
    "the sequence of leases": "GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
    "the schema": "REVOKE USAGE ON SCHEMA public FROM PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
}


@pytest.fixture
async def role(stage: Stage) -> AsyncIterator[str]:
    made = f"lesser_{secrets.token_hex(4)}"
    await stage.execute(f"CREATE ROLE {made} LOGIN PASSWORD 'pw'")
    yield made
    await stage.execute(f"DROP OWNED BY {made}; DROP ROLE {made}")


def dsn_of(stage: Stage, role: str) -> str:
    parts = urlsplit(stage.dsn)
    return parts._replace(netloc=f"{role}:pw@{parts.netloc.rpartition('@')[2]}").geturl()


async def statement_to_run(service: ServiceProcess) -> str | None:
    match = STATEMENT.search((await service.prompt_readiness()).stuck.get("database", ""))
    return match and match[0]


@pytest.mark.parametrize(
    "lacking", ["every right", *(pytest.param(name, marks=pytest.mark.long) for name in list(LACKING)[1:])]
)
@pytest.mark.failure(43)
async def test_the_service_names_what_to_run_and_needs_no_restart(stage: Stage, role: str, lacking: str) -> None:
    if LACKING[lacking]:
        await stage.execute(LACKING[lacking].format(role=role))
    service = stage.service(dsn=dsn_of(stage, role))
    service.start()
    await until(service.readiness)
    await stage.send(*sessions(3, "before"))
    statement = await until(lambda: statement_to_run(service), within_seconds=NAMED_SECONDS)
    await named(service, "database")
    await stage.execute(statement)
    await answers(service, 200)
    await stage.settled()
    await stage.verdict()
    assert "Traceback" not in service.logged


@pytest.mark.failure(43)
async def test_a_command_says_it_in_one_line(stage: Stage, role: str) -> None:
    for command in (["session", "list"], ["replay", "plan"], ["trim", "--days", "1"], ["outbox"]):
        done = await stage.command(*command, DATABASE_URL=dsn_of(stage, role))
        (line,) = done.errors.strip().splitlines()
        assert (done.code, f"TO {role}" in line) == (1, True), line


async def test_a_role_that_may_not_make_tables_prepares_what_is_prepared(stage: Stage, role: str) -> None:
    await stage.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
    await stage.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
    service = stage.service(dsn=dsn_of(stage, role))
    service.start("--prepare")
    await service.wait_ready(within_seconds=30)
