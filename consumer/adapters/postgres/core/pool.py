"""Connections: a pool whose every statement, wait and idle transaction is bounded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
from asyncpg.connect_utils import SessionAttribute

STATEMENT_TIMEOUT_SECONDS = 5.0  # a stuck statement must not hold a loop; migrations and exports take longer ones
IDLE_IN_TRANSACTION_SECONDS = 10
ACQUIRE_TIMEOUT_SECONDS = 2.0
CLOSE_SECONDS = 2.0

# Quoted: generic in the stubs, but not when they run.
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


async def open_pool(dsn: str, *, name: str, max_size: int, min_size: int = 0) -> Pool:
    """A pool that connects when it is first used, so that a database that is away does not stop the start.

    `name` is the application name that PostgreSQL shows. Never raises for a database that is away; using it does.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        timeout=ACQUIRE_TIMEOUT_SECONDS,
        command_timeout=STATEMENT_TIMEOUT_SECONDS + 1,  # the server ends a statement first; this is for a dead network
        max_inactive_connection_lifetime=60,
        target_session_attrs=SessionAttribute.read_write,  # after a failover a read-only node must not be used
        server_settings={
            "application_name": name,
            "statement_timeout": f"{STATEMENT_TIMEOUT_SECONDS:g}s",
            "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
        },
    )


@asynccontextmanager
async def closing_pool(dsn: str, *, name: str, max_size: int) -> AsyncIterator[Pool]:
    """A pool that is closed in bounded time at the end, also while the database is away."""
    opened = await open_pool(dsn, name=f"escalation-{name}", max_size=max_size)
    try:
        yield opened
    finally:
        closing = asyncio.create_task(opened.close(), name=f"close {name}")
        await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
        opened.terminate()
        await asyncio.gather(closing, return_exceptions=True)
