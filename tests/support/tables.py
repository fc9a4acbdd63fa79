"""Writes rows into the tables as intake would leave them, and reads the tables afterwards."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypeAlias

import asyncpg

from consumer.domain.arrival import stored
from consumer.domain.events import RequestKey, SessionEvent, SessionKey

KEY = RequestKey("default", "session-1", "request-1")
_MOST_AT_ONCE = 4

_Database: TypeAlias = "asyncpg.Pool[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one database. Several tasks may use them at once, as a test and what it does inside the service."""

    database: _Database

    @classmethod
    @asynccontextmanager
    async def of(cls, dsn: str) -> AsyncIterator[Self]:
        async with asyncpg.create_pool(dsn, min_size=1, max_size=_MOST_AT_ONCE) as pool:
            yield cls(pool)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Self]:
        """The same tables, all in one transaction; for one task alone."""
        assert isinstance(self.database, asyncpg.Pool)
        async with self.database.acquire() as connection, connection.transaction():
            yield type(self)(connection)

    async def add_events(self, events: Iterable[SessionEvent], key: SessionKey = KEY.session) -> None:
        """Events as accepted, with arrival numbers; the session's row is made or brought up to date."""
        async with self.transaction() as same:
            await same.execute(
                "INSERT INTO sessions (tenant_id, session_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", *key
            )
            count = await same.database.fetchval(
                "SELECT event_count FROM sessions WHERE (tenant_id, session_id) = ($1, $2) FOR UPDATE", *key
            )
            for event in events:
                count += 1
                await same.execute(
                    "INSERT INTO session_events VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                    *key,
                    event.version,
                    count,
                    event.event_id,
                    event.type,
                    event.occurred_at,
                    "technician-4711",
                    None if event.data is None else stored.dump_data(event.data),
                )
                await same.execute(
                    "UPDATE sessions SET event_count = $3, newest_version = greatest(newest_version, $4)"
                    " WHERE (tenant_id, session_id) = ($1, $2)",
                    *key,
                    count,
                    event.version,
                )

    async def add_request(self, key: RequestKey = KEY, **columns: Any) -> None:
        """A request that is due now, with a deadline far away, unless `columns` says otherwise.

        Columns that end in `_at` take seconds from now, or None.
        """
        given = {"state": "open", "due_at": 0.0, "half_deadline_at": 60.0, "deadline_at": 120.0} | columns
        given.setdefault("rank", given.get("priority", 3))
        names = ["tenant_id", "session_id", "request_id", *given]
        places = [
            f"now() + make_interval(secs => ${number})" if name.endswith("_at") else f"${number}"
            for number, name in enumerate(names, 1)
        ]
        await self.database.execute(
            f"INSERT INTO requests ({', '.join(names)}) VALUES ({', '.join(places)})", *key, *given.values()
        )

    async def change_request(self, key: RequestKey = KEY, **columns: Any) -> None:
        """As `add_request`, for an existing row."""
        changes = [
            f"{name} = now() + make_interval(secs => ${number})" if name.endswith("_at") else f"{name} = ${number}"
            for number, name in enumerate(columns, 4)
        ]
        await self.database.execute(
            f"UPDATE requests SET {', '.join(changes)} WHERE (tenant_id, session_id, request_id) = ($1, $2, $3)",
            *key,
            *columns.values(),
        )

    async def request(self, key: RequestKey = KEY) -> dict[str, Any]:
        """The row and its `due_in_seconds`."""
        row = await self.database.fetchrow(
            "SELECT *, extract(epoch FROM due_at - now())::float8 AS due_in_seconds FROM requests"
            " WHERE (tenant_id, session_id, request_id) = ($1, $2, $3)",
            *key,
        )
        assert row is not None
        return dict(row)

    async def now(self) -> datetime:
        """The database's time, which decides what is due."""
        now: datetime = await self.database.fetchval("SELECT clock_timestamp()")
        return now

    async def published(self) -> list[dict[str, Any]]:
        """The data of the outbox's events in order, each with its `type`."""
        rows = await self.database.fetch("SELECT value FROM outbox ORDER BY id")
        events = [json.loads(row["value"]) for row in rows]
        return [{"type": event["type"].split(".")[1], **event["data"]} for event in events]

    async def count(self, table: str) -> int:
        number: int = await self.database.fetchval(f"SELECT count(*) FROM {table}")
        return number

    async def execute(self, sql: str, *arguments: object) -> None:
        await self.database.execute(sql, *arguments)
