"""The erasure of sessions: deletes their content, ends their requests, and makes the outcomes to publish.

Runs inside the inbox's transaction, with the sessions locked.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import asyncpg

from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.arrival import deadletters, stored
from consumer.domain.events import RequestKey, SessionChange, SessionKey, TraceContext
from consumer.domain.package.endings import after_erasure, note_of_known
from consumer.domain.package.package import Publication, Sender, ticket_reference
from consumer.domain.request.lifecycle import KnownRequest, RequestState
from schemas.packages import TicketReference
from schemas.sessions import Description, SessionDescribed
from schemas.tickets import PsaTicket

_queries = Queries("erasure")
_inbox = Queries("inbox")
_evictions = Queries("evictions")

Tickets = Mapping[SessionKey, TicketReference | None]


async def erase(
    connection: Connection,
    sessions: Collection[SessionKey],
    arriving: Iterable[SessionChange],
    sender: Sender,
    at: datetime,
) -> tuple[Tickets, list[Publication]]:
    """Deletes all content of the sessions, and stores that the cache must forget them.

    Their ids, their last ticket and the fact of the erasure remain.

    Returns the tickets and the outcomes to publish. `arriving` are the events that come in the same batch: only their
    ticket is kept.
    """
    keys = columns(sorted(sessions), 2)
    tickets = await _last_tickets(connection, sessions, arriving)
    publications = [
        after_erasure(sender, note_of_known(key, request, tickets.get(key.session)), request, at=at)
        for key, request in known_requests(await connection.fetch(_queries.requests_of, *keys))
    ]
    for statement in (
        _queries.forget_foreseen,
        _queries.end_requests,
        _queries.forget_outbox,
        _queries.forget_packages,
        _queries.forget_feedback,
        _queries.forget_doubts,
        _queries.forget_drafts,
        _queries.forget_excerpts,
        _queries.forget_secrets,
        _queries.forget_events,
        _evictions.put,
    ):
        await connection.execute(statement, *keys)
    dead_letters = [
        (row["id"], deadletters.without_excerpt(row["value"]))
        for row in await connection.fetch(_queries.unpublished, *keys)
    ]
    if dead_letters:
        await connection.execute(_queries.rewrite_outbox, *columns(dead_letters, 2))
    rows = [(*key, _json(tickets.get(key))) for key in sorted(sessions)]
    await connection.execute(_queries.mark_sessions, *columns(rows, 3))
    return tickets, publications


async def tickets_of(connection: Connection, sessions: Collection[SessionKey]) -> Tickets:
    """The ticket that each session names last, which may be None. Sessions that never named one are missing."""
    rows = await connection.fetch(_inbox.tickets, *columns(sorted(sessions), 2))
    return {SessionKey(row["tenant_id"], row["session_id"]): _ticket(row["ticket"]) for row in rows}


async def _last_tickets(
    connection: Connection, sessions: Collection[SessionKey], arriving: Iterable[SessionChange]
) -> Tickets:
    """As `tickets_of`, with the tickets that arriving events name."""
    rows = await connection.fetch(_inbox.tickets, *columns(sorted(sessions), 2))
    newest = {SessionKey(row["tenant_id"], row["session_id"]): (row["version"], _ticket(row["ticket"])) for row in rows}
    for event in arriving:
        if event.key not in sessions:
            continue
        data = stored.load_data(event.type, event.data)
        if not isinstance(data, Description):
            continue
        if isinstance(data, SessionDescribed) and "psa_ticket" not in data.model_fields_set:
            continue
        if event.key not in newest or event.version > newest[event.key][0]:
            newest[event.key] = (event.version, ticket_reference(data.psa_ticket))
    return {key: ticket for key, (_, ticket) in newest.items()}


def known_requests(rows: Collection[asyncpg.Record]) -> list[tuple[RequestKey, KnownRequest]]:
    """The requests of rows of `requests_of` in erasure.sql or `standing_requests` in inbox.sql."""
    return [
        (
            RequestKey(row["tenant_id"], row["session_id"], row["request_id"]),
            KnownRequest(
                state=RequestState(row["state"]),
                revision=row["revision"],
                requested_state_version=row["requested_state_version"],
                trace=TraceContext(traceparent=row["traceparent"], tracestate=row["tracestate"]),
                replay_ids=frozenset(row["replay_ids"]),
                has_package=row["has_package"],
                ticket=None if row["ticket"] is None else TicketReference.model_validate_json(row["ticket"]),
            ),
        )
        for row in rows
    ]


def _ticket(text: str | None) -> TicketReference | None:
    """A ticket as an event holds it; None for an absent or null one."""
    ticket = None if text is None else json.loads(text)
    return None if ticket is None else ticket_reference(PsaTicket.model_validate(ticket))


def _json(ticket: TicketReference | None) -> str | None:
    return None if ticket is None else ticket.model_dump_json()
