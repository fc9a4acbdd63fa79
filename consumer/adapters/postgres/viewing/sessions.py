"""Reads sessions, without and with their content."""

from datetime import datetime

from consumer.adapters.postgres.core import from_rows
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.viewing import rows
from consumer.adapters.postgres.viewing.look import Looker, after_all
from consumer.adapters.postgres.viewing.requests import views_of
from consumer.adapters.postgres.viewing.tickets import sessions_of_ticket
from consumer.domain.events import SessionKey
from consumer.domain.package.package import target_ticket_ref, ticket_reference
from consumer.domain.session.session import fold
from consumer.flows.viewing.filters import SessionFilter
from consumer.flows.viewing.pages import PAGE_ROWS, RowPage, page_key, page_of, read_page_key
from consumer.flows.viewing.ports import MOST_CANDIDATES, MOST_EVENTS
from consumer.flows.viewing.sessions import SessionStory, SessionView, ticket_moves

_sessions = Queries("viewing_sessions")
_requests = Queries("viewing_requests")
_packages = Queries("viewing_packages")
_dead_letters = Queries("viewing_dead_letters")
_KEY = (datetime, str, str)


class SessionTables(Looker):
    """Implements the port `flows.viewing.ports.SessionViews`."""

    async def sessions(
        self, wanted: SessionFilter, *, after: str | None = None, limit: int = PAGE_ROWS
    ) -> RowPage[SessionView]:
        key = read_page_key(after, _KEY)
        async with self._look() as connection:
            fetched = await connection.fetch(
                _sessions.newest,
                wanted.tenant,
                wanted.condition,
                wanted.id_text or None,
                after_all(wanted.id_text) if wanted.id_text else None,
                wanted.since,
                wanted.until,
                *await sessions_of_ticket(connection, wanted.ticket),
                *key,
                limit + 1,
            )
            is_empty = not fetched and not await connection.fetchval(_sessions.any_session)
        views = [rows.session_view(row) for row in fetched]
        return page_of(views, limit, lambda view: page_key((view.changed_at, *view.key)), store_is_empty=is_empty)

    async def session_keys(self, beginning: str, *, tenant: str | None = None) -> tuple[SessionKey, ...]:
        async with self._look() as connection:
            fetched = await connection.fetch(
                _sessions.beginning_with, beginning, after_all(beginning), tenant, MOST_CANDIDATES
            )
        keys = tuple(SessionKey(row["tenant_id"], row["session_id"]) for row in fetched)
        return tuple(key for key in keys if key.session_id == beginning) or keys

    async def session_story(self, key: SessionKey) -> SessionStory | None:
        nothing = (None,) * 7
        async with self._look() as connection:
            row = await connection.fetchrow(_sessions.one_session, *key)
            if row is None:
                return None
            stored = await connection.fetch(_sessions.events, *key)
            last_ticket = await connection.fetch(_sessions.last_tickets, [key.tenant_id], [key.session_id])
            asked = await connection.fetch(_requests.newest, *key, *nothing, None, None, *(None,) * 4, PAGE_ROWS)
            requests = await views_of(connection, asked)
            packages = await connection.fetch(_packages.newest, *key, *(None,) * 9, PAGE_ROWS)
            refused = await connection.fetch(_dead_letters.newest, None, None, *key, *(None,) * 10, PAGE_ROWS)
        events = [from_rows.event(key, event)._replace(actor=event["actor"]) for event in stored]
        kept = [rows.ticket_text(ticket["ticket"]) for ticket in last_ticket]
        named = [
            target_ticket_ref(ticket_reference(ticket))
            for event in events
            if (ticket := getattr(event.data, "psa_ticket", None)) is not None
        ]
        return SessionStory(
            view=rows.session_view(row),
            state=fold(key, events),
            events=tuple(events[-MOST_EVENTS:]),
            tickets=_in_turn([*named, *kept]),
            moves=ticket_moves(events),
            requests=tuple(requests),
            packages=tuple(rows.package_view(package) for package in packages),
            dead_letters=tuple(rows.dead_letter_view(letter) for letter in refused),
        )


def _in_turn(named: list[str | None]) -> tuple[str, ...]:
    """Each ticket once, at its last place."""
    return tuple(reversed(dict.fromkeys(ticket for ticket in reversed(named) if ticket is not None)))
