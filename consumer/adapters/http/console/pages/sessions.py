"""*Sessions*: the list, and one with its state and its events. Actors are shown here: this is the audit."""

from aiohttp import web

from consumer.adapters.http.console.links import sessions_url
from consumer.adapters.http.console.pages.requests import A_TIME, time_of
from consumer.adapters.http.console.visit import Visit
from consumer.domain.arrival.stored import dump_data
from consumer.domain.events import SessionKey
from consumer.errors import Permanent
from consumer.flows.viewing.filters import SessionCondition, SessionFilter
from consumer.flows.viewing.pages import RowPage
from consumer.flows.viewing.ports import MOST_EVENTS
from consumer.flows.viewing.sessions import SessionView
from consumer.flows.viewing.tickets import ticket_name

FIELDS = ("ticket", "session", "tenant", "condition", "since")


async def show_sessions(visit: Visit) -> web.Response:
    """A wrong filter is named, and nothing is listed."""
    asked = {name: visit.asked(name) for name in FIELDS}
    problems: list[str] = []
    page: RowPage[SessionView] = RowPage(rows=())
    condition = since = None
    try:
        condition = SessionCondition(asked["condition"]) if asked["condition"] else None
    except ValueError:
        problems.append(f"“condition” is one of {', '.join(SessionCondition)}")
    try:
        since = time_of(asked["since"]) if asked["since"] else None
    except ValueError:
        problems.append(f"“since” is {A_TIME}")
    wanted = SessionFilter(
        tenant=asked["tenant"],
        ticket=ticket_name(asked["ticket"] or ""),
        condition=condition,
        id_text=asked["session"],
        since=since,
    )
    if not problems:
        try:
            page = await visit.readers.views.sessions(wanted, after=visit.asked("after"))
        except Permanent as error:  # the key of the page
            problems.append(str(error))
    return visit.page(
        "sessions.html",
        status=422 if problems else 200,
        filters=asked,
        any_filter=any(asked.values()),
        conditions=list(SessionCondition),
        problems=problems,
        rows=page.rows,
        store_is_empty=page.store_is_empty,
        first_url=sessions_url(**asked) if visit.asked("after") else "",
        next_url=sessions_url(**asked, after=page.next_key) if page.next_key else "",
    )


async def show_session_page(visit: Visit) -> web.Response:
    key = SessionKey(visit.needed("tenant"), visit.needed("session"))
    story = await visit.readers.views.session_story(key)
    if story is None:
        raise web.HTTPNotFound(text="No such session is known.")
    return visit.page(
        "session.html",
        key=key,
        story=story,
        view=story.view,
        session=story.state,
        most_events=MOST_EVENTS,
        events=[(event, "" if event.data is None else dump_data(event.data)) for event in reversed(story.events)],
    )
