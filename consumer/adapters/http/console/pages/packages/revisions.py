"""*What changed* between two revisions: by section, with the cause and the records that changed."""

import asyncio

from aiohttp import web

from consumer.adapters.http.console.pages.packages.package import asked_package, unknown_package
from consumer.adapters.http.console.visit import Visit
from consumer.domain.package.difference import OtherSession, compare_revisions


async def show_difference(visit: Visit) -> web.Response:
    """From the package `from`, by default the revision before, to the package `id`."""
    shelf = visit.readers.packages
    after_id = asked_package(visit, "id")
    before_id = asked_package(visit, "from") if visit.asked("from") else await shelf.before(after_id)
    after = await shelf.evidence(after_id)
    if after is None:
        raise unknown_package(after_id)
    if before_id is None:
        raise web.HTTPNotFound(text="This is the first revision of its note: there is nothing before it.")
    before = await shelf.evidence(before_id)
    if before is None:
        raise unknown_package(before_id)
    try:
        difference = await asyncio.to_thread(compare_revisions, before, after)
    except OtherSession:
        raise web.HTTPBadRequest(text="The two packages are of different sessions.") from None
    return visit.page("package_difference.html", difference=difference)
