"""What pages that act have in common."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from consumer.adapters.http.console.visit import Visit
from consumer.errors import Permanent

WATCH_SECONDS = 3


def need_sign_in(visit: Visit) -> None:
    """Raises HTTPForbidden for who may only look."""
    if visit.visitor is None:
        how = "Sign in first." if visit.access.has_token else "Set ESCALATION_CONSOLE_TOKEN to act in the console."
        raise web.HTTPForbidden(text=how)


@contextmanager
def refusing() -> Iterator[None]:
    """What cannot be done is answered with the reason, by HTTPConflict."""
    try:
        yield
    except Permanent as error:
        raise web.HTTPConflict(text=str(error)) from None


def reloading(answer: web.Response, *, goes_on: bool) -> web.Response:
    """Lets the browser load the page again, without a script, while something goes on."""
    if goes_on:
        answer.headers["Refresh"] = str(WATCH_SECONDS)
    return answer
