"""*Sessions*: the list, and one with its state and its events. Actors are shown here: this is the audit."""

import asyncio
from datetime import datetime

from aiohttp import web

from consumer.adapters.http.console.links import sessions_url
from consumer.adapters.http.console.visit import Visit
from consumer.domain.events import SessionKey
from consumer.domain.session.session import fold
from consumer.flows.viewing.request_list import MOST_ROWS
from consumer.flows.viewing.session_list import MOST_EVENTS, SessionFilters


async def show_sessions(visit: Visit) -> web.Response:
    filters = SessionFilters(tenant=visit.asked("tenant"), session=visit.asked("session"), after=_after(visit))
    rows = await visit.readers.sessions.sessions(filters)
    chosen = {"tenant": filters.tenant, "session": filters.session}
    next_url = first_url = ""
    if len(rows) > MOST_ROWS:
        last = rows[MOST_ROWS - 1]
        next_url = sessions_url(
            **chosen, at=last.changed_at.isoformat(), after_tenant=last.tenant_id, after_session=last.session_id
        )
    if filters.after is not None:
        first_url = sessions_url(**chosen)
    return visit.page("sessions.html", filters=filters, rows=rows[:MOST_ROWS], first_url=first_url, next_url=next_url)


async def show_session_page(visit: Visit) -> web.Response:
    key = SessionKey(visit.needed("tenant"), visit.needed("session"))
    shown = await visit.readers.sessions.session(key)
    if shown is None:
        raise web.HTTPNotFound(text="No such session is known.")
    is_whole = shown.line.event_count <= MOST_EVENTS
    session = await asyncio.to_thread(fold, key, shown.events if is_whole else ())
    return visit.page(
        "session.html",
        key=key,
        line=shown.line,
        session=session,
        is_whole=is_whole,
        most_events=MOST_EVENTS,
        events=shown.events[::-1],
        data=shown.data,
        requests=shown.requests,
    )


def _after(visit: Visit) -> tuple[datetime, SessionKey] | None:
    try:
        at = datetime.fromisoformat(visit.query["at"])
        after = SessionKey(visit.query["after_tenant"], visit.query["after_session"])
    except (KeyError, ValueError):
        return None
    return (at, after) if at.tzinfo is not None else None
