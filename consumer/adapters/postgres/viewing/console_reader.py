"""Reads what the console's lists and stories show."""

import json
from uuid import UUID

import asyncpg

from consumer.adapters.postgres.core import from_rows
from consumer.adapters.postgres.core.faults import reachable, transaction
from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.domain.events import RequestKey, SessionKey
from consumer.flows.viewing.finding import IdMatches
from consumer.flows.viewing.present import Present, RefusedForReason
from consumer.flows.viewing.request_list import MOST_ROWS, RequestFilters, RequestLine, RequestOrder
from consumer.flows.viewing.request_story import RequestStory, ToldCall, ToldFeedback, ToldPackage, Unpublished
from consumer.flows.viewing.session_list import MOST_EVENTS, SessionFilters, SessionLine, ShownSession

_queries = Queries("console")
_NEAR = 10
_LAST_CHARACTER = "\U0010ffff"
_SHORTEST_BEGINNING = 4
_UUID_DIGITS = 32


class ConsoleReader:
    """Implements the ports of `flows.viewing`."""

    def __init__(self, pool: Pool, *, budget_usd: float | None) -> None:
        """`budget_usd` is what all tenants together may spend in a month."""
        self._pool = pool
        self._budget_usd = budget_usd

    async def present(self) -> Present:
        async with transaction(self._pool, readonly=True) as connection:
            (row,) = await connection.fetch(_queries.present, self._budget_usd)
            near = await connection.fetch(_queries.near_deadline, _NEAR)
            refused = await connection.fetch(_queries.dead_letters_by_reason)
        return Present(
            **dict(row),
            near_deadline=tuple(_line(line) for line in near),
            dead_letters=tuple(RefusedForReason(**dict(reason)) for reason in refused),
        )

    async def requests(self, filters: RequestFilters) -> list[RequestLine]:
        query = _queries.newest_requests if filters.order is RequestOrder.NEWEST else _queries.oldest_requests
        after = (None,) * 4 if filters.after is None else (filters.after.stored_at, *filters.after.key)
        async with transaction(self._pool, readonly=True) as connection:
            tenants = sessions = None
            if filters.ticket is not None:
                keys = await _of_ticket(connection, filters.ticket)
                tenants, sessions = [key.tenant_id for key in keys], [key.session_id for key in keys]
            rows = await connection.fetch(
                query,
                filters.tenant,
                filters.session,
                None if filters.request is None else f"%{_literal(filters.request)}%",
                filters.state,
                filters.status,
                filters.cause,
                filters.since,
                filters.until,
                tenants,
                sessions,
                *after,
                MOST_ROWS + 1,
            )
        return [_line(row) for row in rows]

    async def story(self, key: RequestKey) -> RequestStory | None:
        async with transaction(self._pool, isolation="repeatable_read", readonly=True) as connection:
            row = await connection.fetchrow(_queries.request, *key)
            if row is None:
                return None
            packages = await connection.fetch(_queries.packages, *key)
            calls = await connection.fetch(_queries.calls, *key)
            feedback = await connection.fetch(_queries.feedback, *key)
            unpublished = await connection.fetch(_queries.unpublished, *key.session)
        return RequestStory(
            request=_line(row),
            **{name: row[name] for name in _STORY_COLUMNS},
            packages=tuple(
                ToldPackage(**{**dict(package), "event": json.loads(package["event"])}) for package in packages
            ),
            calls=tuple(_call(call) for call in calls),
            feedback=tuple(ToldFeedback(**{**dict(row), "said": json.loads(row["said"])}) for row in feedback),
            unpublished=tuple(
                Unpublished(**{**dict(waiting), "event_id": waiting["event_id"] or ""}) for waiting in unpublished
            ),
        )

    async def sessions(self, filters: SessionFilters) -> list[SessionLine]:
        after = (None,) * 3 if filters.after is None else (filters.after[0], *filters.after[1])
        lowest, highest = (None, None) if filters.session is None else _beginning(filters.session, 1)
        async with reachable(self._pool):
            rows = await self._pool.fetch(_queries.sessions, filters.tenant, lowest, highest, *after, MOST_ROWS + 1)
        return [SessionLine(**dict(row)) for row in rows]

    async def session(self, key: SessionKey) -> ShownSession | None:
        async with transaction(self._pool, isolation="repeatable_read", readonly=True) as connection:
            row = await connection.fetchrow(_queries.session, *key)
            if row is None:
                return None
            events = (await connection.fetch(_queries.events, *key, MOST_EVENTS))[::-1]
            requests = await connection.fetch(_queries.requests_of_session, *key, MOST_ROWS)
        return ShownSession(
            line=SessionLine(**dict(row)),
            events=tuple(from_rows.event(key, event)._replace(actor=event["actor"]) for event in events),
            data={event["version"]: event["data"] for event in events if event["data"] is not None},
            requests=tuple(_line(request) for request in requests),
        )

    async def find(self, text: str) -> IdMatches:
        bounds = _beginning(text, _SHORTEST_BEGINNING)
        async with transaction(self._pool, readonly=True) as connection:
            ids = _uuids(text)
            packages = [] if ids is None else await connection.fetch(_queries.find_packages, *ids)
            requests = await connection.fetch(_queries.find_requests, *bounds)
            sessions = await connection.fetch(_queries.find_sessions, *bounds)
            by_ticket = await _of_ticket(connection, text.removeprefix("#").strip())
        return IdMatches(
            packages=tuple(row["package_id"] for row in packages),
            requests=tuple(RequestKey(*row) for row in requests),
            sessions=tuple(SessionKey(*row) for row in sessions),
            by_ticket=tuple(by_ticket[:MOST_ROWS]),
        )


_STORY_COLUMNS = (
    "reason",
    "force",
    "deadline_seconds",
    "from_replay",
    "traceparent",
    "first_done_at",
    "revisions_by_change",
)


async def _of_ticket(connection: Connection, ticket_id: str) -> list[SessionKey]:
    return [SessionKey(*row) for row in await connection.fetch(_queries.sessions_of_ticket, ticket_id)]


def _line(row: asyncpg.Record) -> RequestLine:
    values = {name: value for name, value in row.items() if name in RequestLine.__dataclass_fields__}
    named = row["named_ticket"]
    ticket = json.loads(named) if named is not None else None
    return RequestLine(
        **values,
        ticket=f"{ticket['system']} #{ticket['ticket_id']}" if ticket else None,
        ticket_id=str(ticket["ticket_id"]) if ticket else None,
    )


def _call(row: asyncpg.Record) -> ToldCall:
    values = dict(row)
    revision = values.pop("drafted_for").rpartition("/")[2]
    return ToldCall(**values, revision=int(revision) if revision.isdecimal() else None)


def _literal(text: str) -> str:
    """Without a meaning of its own in a LIKE pattern."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _beginning(text: str, shortest: int) -> tuple[str, str]:
    """The lowest and the highest id that begin with the text; a text that is too short is an id."""
    return text, text + _LAST_CHARACTER if len(text) >= shortest else text


def _uuids(text: str) -> tuple[UUID, UUID] | None:
    """The lowest and the highest UUID that begin with the text; None where none does, or too many."""
    digits = text.replace("-", "").lower()
    if not _SHORTEST_BEGINNING <= len(digits) <= _UUID_DIGITS or not set(digits) <= set("0123456789abcdef"):
        return None
    return UUID(digits.ljust(_UUID_DIGITS, "0")), UUID(digits.ljust(_UUID_DIGITS, "f"))
