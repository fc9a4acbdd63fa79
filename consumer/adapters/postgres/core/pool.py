"""Pools of connections. Every statement, wait and idle transaction is bounded in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from consumer.adapters.postgres.core.connecting import Connector, Dsn
from consumer.adapters.postgres.core.sql import Queries

ACQUIRE_TIMEOUT_SECONDS = 2.0
CLOSE_SECONDS = 2.0

_queries = Queries("trust")

# Quoted: these types are generic in the stubs only, not at run time.
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class StoreReplaced(asyncpg.InterfaceError):
    """The database was started anew; it may have lost commits, and nobody has looked yet."""


@dataclass(slots=True)
class Trust:
    """The incarnation of the database that was found whole; None before the first look, when any is used."""

    incarnation: str | None = None

    async def check(self, connection: asyncpg.Connection) -> None:
        """Raises StoreReplaced for a connection to another incarnation."""
        if self.incarnation is not None and await connection.fetchval(_queries.incarnation) != self.incarnation:
            raise StoreReplaced("the database was started anew, and whether it has lost commits is looked at first")


async def open_pool(dsn: Dsn, *, name: str, max_size: int, pooled: bool = False, trust: Trust | None = None) -> Pool:
    """A pool that connects at its first use, so that the service starts while the database is away.

    `name` is the application name that PostgreSQL shows. `pooled` says that a transaction pooler stands before the
    database; most are noticed without it. Opening does not raise while the database is away; use does.
    """
    return await asyncpg.create_pool(
        min_size=0,
        max_size=max_size,
        max_inactive_connection_lifetime=60,
        init=None if trust is None else trust.check,
        connect=Connector(dsn, name=name, pooled=pooled).connect,
    )


@asynccontextmanager
async def closing_pool(
    dsn: Dsn, *, name: str, max_size: int, pooled: bool = False, trust: Trust | None = None
) -> AsyncIterator[Pool]:
    """A pool that is closed at the end, within CLOSE_SECONDS, also while the database is away."""
    pool = await open_pool(dsn, name=f"escalation-{name}", max_size=max_size, pooled=pooled, trust=trust)
    try:
        yield pool
    finally:
        closing = asyncio.create_task(pool.close(), name=f"close {name}")
        await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
        pool.terminate()
        await asyncio.gather(closing, return_exceptions=True)
