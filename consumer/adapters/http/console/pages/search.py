"""The search box: straight to what the text names, or a list when it may mean several things."""

from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

from consumer.adapters.http.console.links import package_url, request_url, session_url
from consumer.adapters.http.console.visit import Visit, go_to
from consumer.domain.events import RequestKey, SessionKey
from consumer.flows.viewing.filters import SessionFilter
from consumer.flows.viewing.ports import Viewing
from consumer.flows.viewing.tickets import ticket_name

LONGEST = 256
SHORTEST_BEGINNING = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMatches:
    """What a text may mean."""

    by_ticket: tuple[SessionKey, ...]
    sessions: tuple[SessionKey, ...]
    requests: tuple[RequestKey, ...]
    packages: tuple[UUID, ...]

    @property
    def urls(self) -> list[str]:
        """Of all of them, each once."""
        sessions = dict.fromkeys((*self.by_ticket, *self.sessions))
        return [
            *(session_url(*key) for key in sessions),
            *(request_url(*key) for key in self.requests),
            *(package_url(package_id) for package_id in self.packages),
        ]


async def show_search(visit: Visit) -> web.Response:
    text = visit.asked("q") or ""
    if not text or len(text) > LONGEST:
        return visit.page("search.html", text=text, matches=None)
    matches = await _matches(visit.readers.views, text)
    if len(matches.urls) == 1:
        return go_to(matches.urls[0])
    return visit.page("search.html", text=text, matches=matches)


async def _matches(views: Viewing, text: str) -> TextMatches:
    """A text of fewer than four characters is a whole id or a ticket."""
    ticket = ticket_name(text)
    by_ticket = (await views.sessions(SessionFilter(ticket=ticket))).rows if ticket is not None else ()
    sessions, requests = await views.session_keys(text), await views.request_keys(text)
    packages: tuple[UUID, ...] = ()
    if len(text) < SHORTEST_BEGINNING:
        sessions = tuple(key for key in sessions if key.session_id == text)
        requests = tuple(key for key in requests if key.request_id == text)
    else:
        packages = await views.package_ids(text.lower())
    return TextMatches(
        by_ticket=tuple(view.key for view in by_ticket), sessions=sessions, requests=requests, packages=packages
    )
