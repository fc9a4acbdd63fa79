"""`rebuild` as a process, killed in each of its phases: the store equals an undisturbed one."""

import json
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from consumer.adapters.postgres.core.pool import closing_pool
from consumer.adapters.postgres.operation.proofs import Proofs
from consumer.domain.events import Origin
from consumer.domain.package import proof
from consumer.domain.package.proof import ProofResult
from tests.support.contents import Contents, contents
from tests.support.databases import Database, connected
from tests.support.forked import ForkedCommand
from tests.support.oracle import Written
from tests.support.stage import Event, Stage, Story

SESSIONS = 200
FACTS = 50
"""Per session; in all more than ten batches."""
KEY = "a key that all stores have"
PASSWORD = "Kf7-vault-Winter!49"
SLOW = """
    CREATE FUNCTION take_a_while() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(TG_ARGV[0]::float8); RETURN NULL; END';
    CREATE TRIGGER slow AFTER INSERT ON session_events FOR EACH STATEMENT EXECUTE FUNCTION take_a_while(0.05);
    CREATE TRIGGER slow AFTER INSERT OR UPDATE ON intake_positions
        FOR EACH STATEMENT EXECUTE FUNCTION take_a_while(0.05);
    CREATE TRIGGER slow AFTER INSERT ON packages FOR EACH STATEMENT EXECUTE FUNCTION take_a_while(0.005)
"""
"""Makes kills hit transactions."""
_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
WRITING = f"SELECT backend_xid::text {_OTHERS} AND backend_xid IS NOT NULL"
PREPARED = "SELECT to_regclass('rebuild') IS NOT NULL"
REQUESTED = "SELECT EXISTS (SELECT FROM requests)"  # stored, and perhaps not yet dated
PACKING = f"SELECT EXISTS (SELECT {_OTHERS} AND query LIKE '%INTO packages%')"
COPIED = {
    "requests": "SELECT tenant_id, session_id, request_id, stored_at, first_done_at, ended_at, due_at IS NULL"
    " FROM requests ORDER BY 1, 2, 3",
    "packages": "SELECT package_id, created_at FROM packages ORDER BY 1",
    "positions": "SELECT topic, partition, next_offset FROM intake_positions ORDER BY 1, 2",
}
"""Further rows that rebuilt stores share."""


@pytest.fixture
async def tables(empty_database: str) -> AsyncIterator[Database]:
    async with connected(empty_database) as connection:
        yield connection


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_killed_in_every_phase_it_ends_with_the_store_that_an_undisturbed_one_makes(
    stage: Stage, empty_database: str, undisturbed_database: str, tables: Database, tmp_path: Path
) -> None:
    seed = secrets.randbelow(10_000)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    chance = random.Random(seed)
    before = await served(stage, tmp_path / "served.log")
    calls = stage.model.calls
    with (
        rebuilding(stage, undisturbed_database, tmp_path / "undisturbed.log") as undisturbed,
        rebuilding(stage, empty_database, tmp_path / "disturbed.log") as disturbed,
    ):
        whole = json.loads(await undisturbed.finished())
        await disturbed.killed_at(when(tables, PREPARED), empty_database)
        await tables.execute(SLOW)
        moments = [transaction(tables, chance) for _ in range(4)]
        moments += [when(tables, query) for query in (REQUESTED, PACKING, PACKING)]
        for reached in moments:
            await disturbed.killed_at(reached, empty_database)
            events = await tables.fetchval("SELECT count(*) FROM session_events")
            print(f"killed with {events} events stored")  # noqa: T201 - as above
        last = json.loads(await disturbed.finished())
    assert whole["events"] > SESSIONS * FACTS
    assert (last["events"], last["outcomes"]) == (0, whole["outcomes"]), "it did not go on where it was"
    assert (last["lost"], last["ready_to_serve"]) == ({}, True)
    assert await copied_rows(empty_database) == await copied_rows(undisturbed_database)
    kept = await contents(empty_database)
    assert kept == await contents(undisturbed_database)
    assert kept | {"drafts": []} == await contents(stage.dsn) | {"drafts": []}
    assert await verdicts(empty_database, kept) == {ProofResult.VERIFIED}
    assert published(await stage.oracle.read()) == published(before)
    assert await tables.fetchval("SELECT count(*) FROM outbox") == 0
    assert stage.model.calls == calls


async def served(stage: Stage, log: Path) -> Written:
    """A service reads the history and ends."""
    with ForkedCommand(stage.environment(revise_after_seconds="0.2", redaction_key=KEY), log, "run") as service:
        await service.start()
        for events in history():
            await stage.send(*events)
            await stage.settled()
    return await stage.oracle.read()


def history() -> tuple[list[Event], list[Event]]:
    """Sessions with their requests, and what comes after the packages: changes, conflicts, cancellations, erasures."""
    schema = {"parameters": [{"key": "pass", "field_type": "password"}]}
    script = {"generation_id": "g", "template": {"name": "Reset", "parameters_schema": schema}}
    script["parameters_used"] = {"pass": PASSWORD}
    stories = [Story(f"s-{number}") for number in range(SESSIONS)]
    first = [story.opened(psa_ticket={"system": "connectwise", "ticket_id": story.session_id}) for story in stories]
    first += [story.fact(f"Look {number} at {story.session_id}.") for number in range(FACTS) for story in stories]
    first += [story.event("session.script_generated.v1", script) for story in stories[::10]]
    first += [story.request(reason=f"They still use {PASSWORD}") for story in stories[: SESSIONS // 2]]
    later = [story.fact("Known after the package.") for story in stories[1::5]]
    later += [story.fact("It comes second.") | {"id": "a rival", "stateversion": 1} for story in stories[2::5]]
    later += [story.cancel() for story in stories[3 : SESSIONS // 2 : 10]]
    later += [story.event("session.erased.v1") for story in stories[4::20]]
    return first, later


def rebuilding(stage: Stage, dsn: str, log: Path) -> ForkedCommand:
    environment = stage.environment(revise_after_seconds="0.2", redaction_key=KEY) | {"DATABASE_URL": dsn}
    return ForkedCommand(environment, log, "rebuild", "--json")


def when(tables: Database, query: str) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return bool(await tables.fetchval(query))

    return reached


def transaction(tables: Database, chance: random.Random) -> Callable[[], Awaitable[bool]]:
    """Reached in or right after one of the next writing transactions."""
    number, over = chance.randint(1, 3), chance.random() < 0.5
    print(f"{'after' if over else 'in'} transaction {number}")  # noqa: T201 - as above
    seen: list[str] = []

    async def reached() -> bool:
        transaction_id: str | None = await tables.fetchval(WRITING)
        if transaction_id is not None and transaction_id not in seen:
            seen.append(transaction_id)
        return len(seen) >= number and not (over and transaction_id == seen[number - 1])

    return reached


async def copied_rows(dsn: str) -> dict[str, list[dict[str, Any]]]:
    async with connected(dsn) as connection:
        return {name: [dict(row) for row in await connection.fetch(query)] for name, query in COPIED.items()}


async def verdicts(dsn: str, kept: Contents) -> set[ProofResult]:
    async with closing_pool(dsn, name="test", max_size=1) as pool:
        evidence = [await Proofs(pool).evidence(row["package_id"]) for row in kept["packages"]]
    return {proof.prove(piece).verdict for piece in evidence if piece is not None}


def published(written: Written) -> set[Origin]:
    return {record.origin for record in (*written.ready, *written.failed, *written.dead_letters)}
