"""Statements that are stuck, connections that run out, notifications that are lost: only what needs them waits."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.faults.test_store_refuses import stuck
from tests.faults.test_stores import answers, sessions
from tests.support.service import ServiceProcess
from tests.support.stage import Stage
from tests.support.waiting import until

LOCKED_SECONDS = 20.0
POLLED_SECONDS = 1.2
"""Promise: work is taken up in that time without any notification."""
MARGIN_SECONDS = 1.0
"""For the work itself and a busy machine."""


@asynccontextmanager
async def locked(dsn: str, table: str) -> AsyncIterator[None]:
    """Somebody holds the table for LOCKED_SECONDS or longer."""
    connection = await asyncpg.connect(dsn)
    until_at = time.monotonic() + LOCKED_SECONDS
    try:
        await connection.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield
        await asyncio.sleep(max(0.0, until_at - time.monotonic()))
    finally:
        connection.terminate()


async def never_dead(service: ServiceProcess) -> None:
    """/livez is 200 and /readyz answers at once, for as long as this runs."""
    while True:
        assert (await service.get("/livez") or (0, ""))[0] == 200
        await service.prompt_readiness()
        await asyncio.sleep(0.5)


@pytest.mark.long
@pytest.mark.parametrize(("table", "what"), [("drafts", "drafting"), ("sessions", "store"), ("outbox", "publish")])
@pytest.mark.failure(29)
async def test_a_locked_table_stops_only_what_needs_it(stage: Stage, table: str, what: str) -> None:
    service = await stage.running()
    await stage.send(*sessions(5, "before"))
    await stage.published(5)
    await stage.settled()
    watching = asyncio.create_task(never_dead(service))
    async with locked(stage.dsn, table):
        await stage.send(*sessions(30, "while-locked"))  # more than there are connections
        await stuck(service, what)
        if table == "drafts":
            await until(lambda: requests_stored(stage, 35), within_seconds=LOCKED_SECONDS / 2)
    await answers(service, 200)
    await stage.published(35)
    watching.cancel()
    (end,) = await asyncio.gather(watching, return_exceptions=True)
    assert isinstance(end, asyncio.CancelledError), end
    await stage.settled()
    await stage.verdict()


async def requests_stored(stage: Stage, count: int) -> bool:
    return await stage.query("SELECT count(*) FROM requests") == [{"count": count}]


@pytest.mark.long
@pytest.mark.failure(31)
async def test_work_is_taken_up_in_time_without_notifications(stage: Stage) -> None:
    await stage.running(keyed=False, database_pooler="transaction")  # which does without LISTEN
    listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    assert await stage.query(listening) == [{"count": 0}]
    for number in range(6):
        await stage.send(*sessions(1, f"quiet-{number}"))
        await stage.published(number + 1)
    (row,) = await stage.query(
        "SELECT max(p.created_at - r.stored_at) AS longest"
        " FROM packages AS p JOIN requests r USING (session_id, request_id)"
    )
    assert row["longest"].total_seconds() < POLLED_SECONDS + MARGIN_SECONDS
