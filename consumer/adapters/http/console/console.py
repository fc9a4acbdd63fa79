"""The console as a part of the HTTP server."""

from functools import partial

import structlog
from aiohttp import web

from consumer.adapters.http.console.access import Access, Reading
from consumer.adapters.http.console.assets import Assets
from consumer.adapters.http.console.gate import Gate
from consumer.adapters.http.console.live import LiveFragment
from consumer.adapters.http.console.pages import now
from consumer.adapters.http.console.pages.signing import SLOW_DOWN, new_slow_down
from consumer.adapters.http.console.readers import Readers
from consumer.adapters.http.console.routes import ROUTES
from consumer.adapters.http.console.templating import Templates
from consumer.adapters.http.console.visit import Page, Visit

log = structlog.stdlib.get_logger("escalation.console")


class Console:
    """Adds its pages, and the gate before them, to an application."""

    def __init__(self, access: Access, readers: Readers) -> None:
        self._access = access
        self._readers = readers
        self._assets = Assets()
        navigation = [(route.path, route.label) for route in ROUTES if route.label]
        self._templates = Templates(
            self._assets, {"navigation": navigation, "token_setting": "ESCALATION_CONSOLE_TOKEN"}
        )

    def add_to(self, application: web.Application) -> None:
        if self._access.reading is Reading.REFUSED:
            log.warning(
                "The console is closed: the service listens beyond loopback, and ESCALATION_CONSOLE_TOKEN is not set.",
                event_name="console_closed",
                http_host=self._access.host,
            )
        application.middlewares.append(Gate(self._access, self._message).handle)
        application[SLOW_DOWN] = new_slow_down()
        self._assets.add_to(application)
        live = LiveFragment(self._now)
        application.router.add_get(now.LIVE, live.serve)
        application.on_shutdown.append(live.end)
        application.on_shutdown.append(self._end_jobs)
        for route in ROUTES:
            add = application.router.add_get if route.method == "GET" else application.router.add_post
            add(route.path, partial(self._answer, route.page))

    async def _answer(self, page: Page, request: web.Request) -> web.StreamResponse:
        return await page(self._visit(request))

    async def _end_jobs(self, _application: web.Application) -> None:
        await self._readers.replays.close()

    async def _now(self) -> str:
        return self._templates.render("now_live.html", await now.look_now(self._readers))

    def _visit(self, request: web.Request) -> Visit:
        return Visit(request=request, readers=self._readers, access=self._access, templates=self._templates)

    def _message(self, request: web.Request, status: int, title: str, text: str) -> web.Response:
        is_closed = self._access.reading is Reading.REFUSED
        return self._visit(request).page("message.html", status=status, title=title, text=text, bare=is_closed)
