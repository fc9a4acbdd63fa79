"""*Now*: what needs attention first."""

from typing import Any

from aiohttp import web

from consumer.adapters.http.console.readers import Readers
from consumer.adapters.http.console.visit import Visit

LIVE = "/live/now"


async def show_now(visit: Visit) -> web.Response:
    return visit.page("now.html", live=LIVE, **await look_now(visit.readers))


async def look_now(readers: Readers) -> dict[str, Any]:
    """The values of the live part."""
    return {"stuck": readers.health.stuck()}
