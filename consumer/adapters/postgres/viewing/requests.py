"""Reads pages of requests, and finds a request by the beginning of its id."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.viewing import rows
from consumer.adapters.postgres.viewing.look import Looker, after_all
from consumer.adapters.postgres.viewing.tickets import sessions_of_ticket, tickets_now
from consumer.domain.events import RequestKey, SessionKey
from consumer.flows.viewing.filters import RequestFilter, RequestOrder
from consumer.flows.viewing.pages import PAGE_ROWS, RowPage, page_key, page_of, read_page_key
from consumer.flows.viewing.ports import MOST_CANDIDATES
from consumer.flows.viewing.requests import RequestView

_queries = Queries("viewing_requests")
_KEY = (datetime, str, str, str)
_ORDERS = {
    RequestOrder.NEWEST: _queries.newest,
    RequestOrder.OLDEST: _queries.oldest,
    RequestOrder.DEADLINE: _queries.deadline,
}


class RequestTables(Looker):
    """Implements a part of the port `flows.viewing.ports.RequestViews`."""

    async def requests(
        self,
        wanted: RequestFilter,
        *,
        order: RequestOrder = RequestOrder.NEWEST,
        after: str | None = None,
        limit: int = PAGE_ROWS,
    ) -> RowPage[RequestView]:
        key = read_page_key(after, _KEY)
        async with self._look() as connection:
            found = await connection.fetch(
                _ORDERS[order],
                *_restrictions(wanted),
                *await sessions_of_ticket(connection, wanted.ticket),
                *key,
                limit + 1,
            )
            views = await views_of(connection, found)
            is_empty = not found and not await connection.fetchval(_queries.any_request)
        return page_of(views, limit, lambda view: _key(view, order), store_is_empty=is_empty)

    async def request_keys(
        self, beginning: str, *, tenant: str | None = None, session: str | None = None
    ) -> tuple[RequestKey, ...]:
        async with self._look() as connection:
            found = await connection.fetch(
                _queries.beginning_with, beginning, after_all(beginning), tenant, session, MOST_CANDIDATES
            )
        keys = tuple(RequestKey(row["tenant_id"], row["session_id"], row["request_id"]) for row in found)
        return tuple(key for key in keys if key.request_id == beginning) or keys


async def views_of(connection: Connection, found: Sequence[asyncpg.Record]) -> list[RequestView]:
    """The rows as views; those without a package get the ticket that their session has now."""
    without = {SessionKey(row["tenant_id"], row["session_id"]) for row in found if row["status"] is None}
    tickets = await tickets_now(connection, without)
    return [rows.request_view(row, tickets.get(SessionKey(row["tenant_id"], row["session_id"]))) for row in found]


def _restrictions(wanted: RequestFilter) -> tuple[object, ...]:
    return (
        wanted.tenant,
        wanted.session,
        wanted.state,
        wanted.status,
        wanted.cause,
        wanted.id_text or None,
        after_all(wanted.id_text) if wanted.id_text else None,
        wanted.since,
        wanted.until,
    )


def _key(view: RequestView, order: RequestOrder) -> str:
    at = view.deadline_at if order is RequestOrder.DEADLINE else view.stored_at
    assert at is not None  # noqa: S101 - `deadline` selects no row without one
    return page_key((at, *view.key))
