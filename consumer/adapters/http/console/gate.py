"""Stands before every page: who may come in, how many at once, for how long, and what is answered when a page fails.

Nothing here is asked for the probes and the metrics: they pass.
"""

import asyncio
import re
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web

from consumer.adapters.http.console.access import COOKIE, Access, Reading, Visitor, is_loopback
from consumer.adapters.http.console.visit import VISITOR, go_to
from consumer.adapters.http.probes import PROBES
from consumer.errors import Transient

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # no-referrer would make browsers send `Origin: null` with every form
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PAGES_AT_ONCE = 4
WAIT_SECONDS = 3.0
PAGE_SECONDS = 10.0
FORM = "application/x-www-form-urlencoded"
SIGN_IN = "/sign-in"
STATIC = "/static/"
LIVE = "/live/"

log = structlog.stdlib.get_logger("escalation.console")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Message = Callable[[web.Request, int, str, str], web.Response]
"""Makes a page of a status, a title and a text."""


class Gate:
    """`handle` is the middleware."""

    def __init__(self, access: Access, message: Message) -> None:
        self._access = access
        self._message = message
        self._places = asyncio.Semaphore(PAGES_AT_ONCE)

    @web.middleware
    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in PROBES:
            return await handler(request)
        try:
            answer = await self._answer(request, handler)
        except Exception as error:  # noqa: BLE001 - also the page that tells of an error may fail
            _tell(request, error)
            answer = web.Response(status=500, text="This page failed. The log of the service says where.")
        if not answer.prepared:  # a stream has begun with its headers
            answer.headers.update(HEADERS)
            answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            refusal = self._refusal(request) or await self._refused_form(request)
            if refusal is not None:
                return refusal
            if request.path.startswith((STATIC, LIVE)):
                return await handler(request)
            return await self._in_turn(request, handler)
        except web.HTTPException as error:
            return self._of_http(request, error)
        except Transient as error:
            log.warning("A page of the console was not read.", event_name="console_page_unread", page=_page(request))
            return self._message(
                request, 503, "The database does not answer", f"The service goes on by itself. It says: {error}"
            )
        except TimeoutError:
            log.warning("A page of the console took too long.", event_name="console_page_late", page=_page(request))
            return self._message(
                request, 503, "This page took too long", "Narrow it down by its filters, or try again."
            )
        except Exception as error:  # noqa: BLE001 - a page's error is a page's: nothing else may hear of it
            _tell(request, error)
            return self._message(request, 500, "This page failed", "The log of the service says where.")

    async def _in_turn(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        async with asyncio.timeout(WAIT_SECONDS):
            await self._places.acquire()
        try:
            async with asyncio.timeout(PAGE_SECONDS):
                return await handler(request)
        finally:
            self._places.release()

    def _refusal(self, request: web.Request) -> web.StreamResponse | None:
        """None for who may come in; who signed in stands in the request then. The style sheet is for everybody."""
        if request.path.startswith(STATIC):
            return None
        if self._access.reading is Reading.REFUSED:
            return self._message(
                request,
                403,
                "The console is closed",
                f"The service listens on {self._access.host}, beyond this machine. Set ESCALATION_CONSOLE_TOKEN to "
                "open the console to those who know the token, or listen on 127.0.0.1 (ESCALATION_HTTP_HOST).",
            )
        if self._access.on_loopback and not is_loopback(_host(request)):
            return self._message(
                request,
                403,
                "Another name than this machine's",
                "The console listens on loopback and answers to localhost and 127.0.0.1 alone: under another name any "
                "page of the web could read it.",
            )
        visitor = self._access.visitor_of(request.cookies.get(COOKIE))
        if visitor is not None:
            request[VISITOR] = visitor
        elif self._access.reading is Reading.SIGNED_IN and request.path != SIGN_IN:
            if request.path.startswith(LIVE) or request.method != "GET":
                return self._message(request, 403, "Nobody is signed in", "Sign in first.")
            return go_to(f"{SIGN_IN}?next={quote(request.path_qs)}")
        return None

    async def _refused_form(self, request: web.Request) -> web.StreamResponse | None:
        """None for what only reads, and for a form of this console that somebody sent who signed in."""
        if request.method in ("GET", "HEAD"):
            return None
        if not self._access.has_token:
            return self._message(
                request, 403, "The console only reads", "To act in it, set ESCALATION_CONSOLE_TOKEN and sign in."
            )
        if not _from_here(request):
            return self._message(request, 403, "A form of another site", "The form was not sent from this console.")
        if request.content_type != FORM:
            return self._message(request, 415, "No form", "Only forms are taken.")
        visitor: Visitor | None = request.get(VISITOR)
        signing_in = request.path == SIGN_IN
        if visitor is None and not signing_in:
            return self._message(request, 403, "Nobody is signed in", "Sign in, then send the form again.")
        given = (await request.post()).get("form_token")
        if not isinstance(given, str) or not (
            self._access.is_form_token(given, visitor) or (signing_in and self._access.is_form_token(given, None))
        ):
            return self._message(request, 403, "The form is too old", "Open its page again, and send it from there.")
        return None

    def _of_http(self, request: web.Request, error: web.HTTPException) -> web.StreamResponse:
        titles = {404: "There is no such page", 405: "Not in this way", 413: "Too much"}
        text = error.text or ""
        said = "" if re.fullmatch(rf"{error.status}: .*", text) else text
        answer = self._message(request, error.status, titles.get(error.status, error.reason), said)
        if isinstance(error, web.HTTPMethodNotAllowed):
            answer.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return answer


def _host(request: web.Request) -> str:
    return urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""


def _from_here(request: web.Request) -> bool:
    """Browsers say where a form comes from. What says nothing is no browser, and needs a form's token all the same."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("Host")


def _page(request: web.Request) -> str:
    """The route, not the address: that may hold ids and texts."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def _tell(request: web.Request, error: Exception) -> None:
    """Without a traceback or a message: they may quote a record."""
    log.error(
        "A page of the console failed.",
        event_name="console_page_failed",
        page=_page(request),
        error=type(error).__name__,
        at=_place(error),
    )


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
