"""*Requests*: found by what they are about, a page at a time."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from aiohttp import web

from consumer.adapters.http.console.links import requests_url
from consumer.adapters.http.console.visit import Visit
from consumer.domain.request.lifecycle import RequestState
from consumer.errors import Permanent
from consumer.flows.viewing.filters import RequestFilter, RequestOrder
from consumer.flows.viewing.pages import RowPage
from consumer.flows.viewing.requests import RequestView
from consumer.flows.viewing.tickets import ticket_name
from schemas.packages import Cause, PackageStatus

FIELDS = ("ticket", "request", "session", "tenant", "state", "status", "cause", "since", "until", "order")
A_TIME = "a time such as 2026-11-29, 2026-11-29 14:30 (UTC), or 2h for two hours ago"
_AGO = re.compile(r"(\d{1,6})\s*(s|min|m|h|d)")
_UNITS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_AGO_SECONDS = 10 * 366 * 86_400
_ORDERS = {
    RequestOrder.NEWEST: "newest",
    RequestOrder.OLDEST: "oldest",
    RequestOrder.DEADLINE: "deadline",
}

ValueT = TypeVar("ValueT")


async def show_requests(visit: Visit) -> web.Response:
    """A wrong filter is named, and nothing is listed: an empty list would look like an answer."""
    asked = {name: visit.asked(name) for name in FIELDS}
    problems: list[str] = []

    def read(name: str, parse: Callable[[str], ValueT], allowed: str) -> ValueT | None:
        text = asked[name]
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError:
            problems.append(f"“{name}” is {allowed}")
            return None

    wanted = RequestFilter(
        tenant=asked["tenant"],
        session=asked["session"],
        ticket=ticket_name(asked["ticket"] or ""),
        state=read("state", RequestState, _one_of(RequestState)),
        status=read("status", PackageStatus, _one_of(PackageStatus)),
        cause=read("cause", Cause, _one_of(Cause)),
        id_text=asked["request"],
        since=read("since", time_of, A_TIME),
        until=read("until", time_of, A_TIME),
    )
    order = read("order", RequestOrder, _one_of(RequestOrder)) or RequestOrder.NEWEST
    page: RowPage[RequestView] = RowPage(rows=())
    if not problems:
        try:
            page = await visit.readers.views.requests(wanted, order=order, after=visit.asked("after"))
        except Permanent as error:  # the key of the page
            problems.append(str(error))
    return visit.page(
        "requests.html",
        status=422 if problems else 200,
        filters=asked,
        any_filter=any(value for name, value in asked.items() if name != "order"),
        states=list(RequestState),
        statuses=list(PackageStatus),
        causes=list(Cause),
        orders=list(_ORDERS.items()),
        problems=problems,
        rows=page.rows,
        store_is_empty=page.store_is_empty,
        first_url=requests_url(**asked) if visit.asked("after") else "",
        next_url=requests_url(**asked, after=page.next_key) if page.next_key else "",
    )


def time_of(text: str) -> datetime:
    """Raises ValueError for what is no time. Without an offset it is UTC; `2h` is two hours ago."""
    if ago := _AGO.fullmatch(text):
        return datetime.now(UTC) - timedelta(seconds=min(int(ago[1]) * _UNITS[ago[2]], _LONGEST_AGO_SECONDS))
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _one_of(words: type[StrEnum]) -> str:
    return f"one of {', '.join(words)}"
