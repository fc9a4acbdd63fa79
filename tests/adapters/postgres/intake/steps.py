"""Builders of arriving values with dull defaults, and readers of stored rows."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from consumer.adapters.postgres.core.pool import Pool
from consumer.domain.events import RequestKey
from consumer.domain.package import package
from consumer.flows.inbox import StoredBatch
from tests.support.wire import FACT, change

SECRET = "Hunter-77-blue!"
TICKET = {"system": "connectwise", "ticket_id": "48213"}
Store = Callable[..., Awaitable[StoredBatch]]


def fact(text: str, *, version: int, **attributes: Any) -> dict[str, Any]:
    return change(data=FACT | {"fact_id": f"f{version}", "text": text}, version=version, **attributes)


def opened(*, version: int = 1, ticket: dict[str, str] | None = None, **attributes: Any) -> dict[str, Any]:
    data = {"title": "Printer offline", "psa_ticket": ticket}
    return change("session.opened.v1", data, version=version, **attributes)


def script(*, version: int, secret: str = SECRET, **attributes: Any) -> dict[str, Any]:
    schema = {"parameters": [{"key": "pw", "field_type": "password"}]}
    data = {
        "generation_id": f"g{version}",
        "template": {"name": "Map drive", "parameters_schema": schema},
        "parameters_used": {"pw": secret},
    }
    return change("session.script_generated.v1", data, version=version, **attributes)


def erased(*, version: int = 99, **attributes: Any) -> dict[str, Any]:
    return change("session.erased.v1", {}, version=version, **attributes)


async def rows(pool: Pool, table: str, *columns: str) -> list[tuple[Any, ...]]:
    wanted = ", ".join(columns)
    return [tuple(row) for row in await pool.fetch(f"SELECT {wanted or '*'} FROM {table} ORDER BY {wanted or 1}")]


async def row_of(pool: Pool, sql: str, *arguments: Any) -> dict[str, Any]:
    row = await pool.fetchrow(sql, *arguments)
    assert row is not None
    return dict(row)


async def request_row(pool: Pool, request_id: str = "r1") -> dict[str, Any]:
    return await row_of(pool, "SELECT *, due_at <= now() AS due FROM requests WHERE request_id = $1", request_id)


async def outbox(pool: Pool, kind: str = "") -> list[dict[str, Any]]:
    stored = await pool.fetch("SELECT value FROM outbox ORDER BY id")
    events = [json.loads(row["value"]) for row in stored]
    return [event for event in events if kind in event.get("type", event.get("reason", ""))]


async def everything(pool: Pool) -> str:
    """All that is stored, as one text."""
    tables = await pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    texts = [await pool.fetch(f'SELECT t::text FROM "{row["tablename"]}" AS t') for row in tables]
    values = await pool.fetch("SELECT convert_from(value, 'UTF8') AS text FROM outbox")
    return "\n".join(row[0] for part in [*texts, values] for row in part)


async def finish(pool: Pool, request_id: str = "r1", *, text: str = "a package") -> UUID:
    """Leaves what drafters leave after a first package that waits to be published."""
    key = RequestKey("default", "s1", request_id)
    package_id = package.package_id(package.note_key(key), 1)
    data = {"title": text, "markdown": text, "plain_text": text, "content_sha256": "0", "sections": []}
    await pool.execute(
        "INSERT INTO packages (package_id, tenant_id, session_id, request_id, revision, state_version, arrivals,"
        " status, cause, bundle_sha256, content_sha256, prompt_version, ticket, event)"
        " VALUES ($1, $2, $3, $4, 1, 1, 1, 'ready', 'request', 'b', '0', 'p', $5, $6)",
        package_id,
        *key,
        json.dumps({**TICKET, "ticket_id": "7", "connection_id": None, "record_type": None}),
        json.dumps(data),
    )
    await pool.execute(
        "INSERT INTO outbox (topic, key, headers, value, tenant_id, session_id)"
        " VALUES ('escalation-package-ready', 's1', '[[\"event_type\", \"escalation.package_ready.v1\"]]', $1, $2, $3)",
        json.dumps({"type": "escalation.package_ready.v1", "data": data}).encode(),
        *key.session,
    )
    await pool.execute(
        "UPDATE requests SET state = 'done', revision = 1, last_package_id = $1, first_done_at = now(), due_at = NULL"
        " WHERE request_id = $2",
        package_id,
        request_id,
    )
    return package_id
