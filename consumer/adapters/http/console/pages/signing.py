"""Signing in and out. The token is compared and forgotten; the name is kept for the log."""

import time

import structlog
from aiohttp import web

from consumer.adapters.http.console.access import COOKIE, NAME_CHARACTERS, SIGNED_IN_SECONDS
from consumer.adapters.http.console.slowdown import SlowDown
from consumer.adapters.http.console.visit import Visit, go_to

SLOW_DOWN = web.AppKey("slow_down", SlowDown)

log = structlog.stdlib.get_logger("escalation.console")


def new_slow_down() -> SlowDown:
    return SlowDown(time.monotonic)


async def show_sign_in(visit: Visit) -> web.Response:
    return visit.page("sign_in.html", next_path=_inside(visit.query.get("next", "/")), refusal="")


async def sign_in(visit: Visit) -> web.Response:
    """The right token is never slowed; a wrong one is answered late, and the more the later."""
    form = await visit.form()
    next_path = _inside(form.get("next", "/"))
    name = " ".join(form.get("name", "").split())
    address = visit.request.remote or ""
    slow_down = visit.request.app[SLOW_DOWN]
    if not name or len(name) > NAME_CHARACTERS or not name.isprintable():
        refusal = f"Give your name, in up to {NAME_CHARACTERS} characters: the log says who acted."
        return visit.page("sign_in.html", status=422, next_path=next_path, refusal=refusal)
    if slow_down.is_full(address):
        refusal = "Too many wrong tokens are being answered. Try again in a few seconds."
        return visit.page("sign_in.html", status=429, next_path=next_path, refusal=refusal)
    if not visit.access.is_token(form.get("token", "")):
        log.warning("A sign-in to the console failed.", event_name="console_sign_in_failed", address=address)
        await slow_down.failed(address)
        return visit.page("sign_in.html", status=403, next_path=next_path, refusal="The token is wrong.")
    log.info("An operator signed in to the console.", event_name="console_signed_in", operator=name, address=address)
    answer = go_to(next_path)
    answer.set_cookie(
        COOKIE,
        visit.access.cookie_for(name),
        max_age=SIGNED_IN_SECONDS,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=_over_tls(visit.request),
    )
    return answer


async def sign_out(visit: Visit) -> web.Response:
    visit.acted("sign out")
    answer = go_to("/")
    answer.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict", secure=_over_tls(visit.request))
    return answer


def _inside(path: str) -> str:
    """A page of this console, whatever was asked for: no other site."""
    is_inside = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_inside else "/"


def _over_tls(request: web.Request) -> bool:
    """Also as a proxy says: who lies here only keeps his own cookie from himself."""
    return request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
