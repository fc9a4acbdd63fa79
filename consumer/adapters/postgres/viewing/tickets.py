"""Which sessions have a ticket, or once had it."""

from collections.abc import Collection, Mapping

from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.viewing.rows import ticket_text
from consumer.domain.events import SessionKey
from consumer.flows.viewing.tickets import TicketName

MOST_SESSIONS = 500
"""Sessions of one ticket that are looked at."""

_queries = Queries("viewing_sessions")


async def sessions_of_ticket(
    connection: Connection, ticket: TicketName | None
) -> tuple[list[object], list[object]] | tuple[None, None]:
    """The tenants and the ids of the sessions, side by side; None for both without a ticket."""
    if ticket is None:
        return None, None
    found = await connection.fetch(_queries.with_ticket, ticket.ticket_id, ticket.systems, MOST_SESSIONS)
    tenants, sessions = columns([(row["tenant_id"], row["session_id"]) for row in found], 2)
    return tenants, sessions


async def tickets_now(connection: Connection, keys: Collection[SessionKey]) -> Mapping[SessionKey, str | None]:
    """The ticket that each session has now, as people write it."""
    if not keys:
        return {}
    found = await connection.fetch(_queries.last_tickets, *columns(sorted(keys), 2))
    return {SessionKey(row["tenant_id"], row["session_id"]): ticket_text(row["ticket"]) for row in found}
