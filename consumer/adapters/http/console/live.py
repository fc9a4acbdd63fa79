"""Keeps open pages fresh by server-sent events.

One look every few seconds serves all who listen, and nobody looks while nobody listens. Who listens is bounded in
number and time; who reads too slowly misses what is old already. At the end of the service all are let go at once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp_sse import EventSourceResponse

from consumer.adapters.http.console.gate import HEADERS
from consumer.errors import Transient

LOOK_SECONDS = 3.0
MOST_LISTENERS = 32
LONGEST_SECONDS = 900.0
"""Then the browser comes again by itself, and whether it may is asked anew."""
SLOWEST_SECONDS = 5.0

log = structlog.stdlib.get_logger("escalation.console")


class LiveFragment:
    """A piece of a page, and those who want it anew. `look` returns it as HTML; while it raises, the last one stays."""

    def __init__(self, look: Callable[[], Awaitable[str]]) -> None:
        self._look = look
        self._listeners = 0
        self._fragment = ""
        self._renewed = asyncio.Condition()
        self._looking: asyncio.Task[None] | None = None
        self._ended = False

    @property
    def listeners(self) -> int:
        return self._listeners

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self._listeners >= MOST_LISTENERS or self._ended:
            raise web.HTTPServiceUnavailable(text="Too many pages are open.", headers={"Retry-After": "30"})
        self._listeners += 1
        try:
            if self._looking is None:
                self._looking = asyncio.create_task(self._keep_looking(), name="console-live")
            return await self._stream(request)
        finally:
            self._listeners -= 1
            if not self._listeners:
                await self._rest()

    async def end(self, _application: web.Application) -> None:
        """Lets all go."""
        self._ended = True
        await self._rest()
        async with self._renewed:
            self._renewed.notify_all()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        until = time.monotonic() + LONGEST_SECONDS
        answer = EventSourceResponse(headers=HEADERS)
        await answer.prepare(request)
        async with answer:  # it sends a comment every 15 s, which shows that the other end is gone
            sent = ""
            while not self._ended and answer.is_connected() and time.monotonic() < until:
                if self._fragment and self._fragment != sent:
                    sent = self._fragment
                    try:
                        async with asyncio.timeout(SLOWEST_SECONDS):
                            await answer.send(sent)
                    except (TimeoutError, ConnectionError):
                        break
                await self._next()
        return answer

    async def _next(self) -> None:
        """Returns after the next look, or soon without one."""
        try:
            async with asyncio.timeout(2 * LOOK_SECONDS), self._renewed:
                await self._renewed.wait()
        except TimeoutError:
            pass

    async def _keep_looking(self) -> None:
        while True:
            try:
                fragment = await self._look()
            except Transient:
                pass  # health says so, and the page that is shown says how old it is
            except Exception as error:  # noqa: BLE001 - what listeners see must not end what they listen to
                log.error(  # noqa: TRY400 - a traceback may quote a record
                    "The console's live part failed.", event_name="console_live_failed", error=type(error).__name__
                )
            else:
                async with self._renewed:
                    self._fragment = fragment
                    self._renewed.notify_all()
            await asyncio.sleep(LOOK_SECONDS)

    async def _rest(self) -> None:
        looking, self._looking = self._looking, None
        self._fragment = ""
        if looking is not None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
