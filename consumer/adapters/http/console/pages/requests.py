"""*Requests*: found by what they are about, a page at a time."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from aiohttp import web

from consumer.adapters.http.console.links import requests_url
from consumer.adapters.http.console.visit import Visit
from consumer.domain.events import RequestKey
from consumer.flows.viewing.request_list import MOST_ROWS, RequestFilters, RequestOrder, RequestPlace
from schemas.packages import Cause, PackageStatus

STATES = ("open", "done", "failed", "cancelled", "foreseen")
_CHOICES = {
    "state": STATES,
    "status": tuple(status.value for status in PackageStatus),
    "cause": tuple(cause.value for cause in Cause),
    "order": tuple(order.value for order in RequestOrder),
}
_FIELDS = ("tenant", "session", "request", "ticket", "state", "status", "cause", "since", "until", "order")
_AGO = re.compile(r"(\d{1,6})\s*(s|min|m|h|d)")
_UNITS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400}


async def show_requests(visit: Visit) -> web.Response:
    """A wrong filter is named, and nothing is listed: an empty list would look like an answer."""
    asked = {name: visit.asked(name) for name in _FIELDS}
    if asked["ticket"]:
        asked["ticket"] = asked["ticket"].removeprefix("#").strip()
    problems = [
        f"{name} is one of {', '.join(words)}" for name, words in _CHOICES.items() if asked[name] not in (None, *words)
    ]
    times: dict[str, datetime | None] = {}
    for name in ("since", "until"):
        try:
            times[name] = _time_of(asked[name])
        except ValueError:
            problems.append(f"{name} is a time such as 2026-11-29, 2026-11-29 14:30 (UTC), or 2h for two hours ago")
    if problems:
        return _page(visit, asked, problems=problems, status=422)
    filters = RequestFilters(
        tenant=asked["tenant"],
        session=asked["session"],
        request=asked["request"],
        ticket=asked["ticket"],
        state=asked["state"],
        status=asked["status"],
        cause=asked["cause"],
        since=times["since"],
        until=times["until"],
        order=RequestOrder(asked["order"] or RequestOrder.NEWEST),
    )
    after = _after(visit)
    rows = await visit.readers.requests.requests(replace(filters, after=after))
    next_url = ""
    if len(rows) > MOST_ROWS:
        last = rows[MOST_ROWS - 1]
        next_url = requests_url(
            **asked,
            at=last.stored_at.isoformat(),
            after_tenant=last.tenant_id,
            after_session=last.session_id,
            after_request=last.request_id,
        )
    first_url = requests_url(**asked) if after is not None else ""
    return _page(visit, asked, rows=rows[:MOST_ROWS], first_url=first_url, next_url=next_url)


def _page(visit: Visit, asked: dict[str, str | None], *, status: int = 200, **values: object) -> web.Response:
    given: dict[str, object] = {"rows": (), "problems": (), "first_url": "", "next_url": ""}
    return visit.page(
        "requests.html",
        status=status,
        filters=asked,
        any_filter=any(value for name, value in asked.items() if name != "order"),
        states=_CHOICES["state"],
        statuses=_CHOICES["status"],
        causes=_CHOICES["cause"],
        orders=[("newest", "newest first"), ("oldest", "oldest first")],
        **given | values,
    )


def _time_of(text: str | None) -> datetime | None:
    """Raises ValueError for what is no time. Without an offset it is UTC."""
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return datetime.now(UTC) - timedelta(seconds=min(int(ago[1]) * _UNITS[ago[2]], 10 * 366 * 86_400))
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _after(visit: Visit) -> RequestPlace | None:
    query = visit.query
    try:
        at = datetime.fromisoformat(query["at"])
        key = RequestKey(query["after_tenant"], query["after_session"], query["after_request"])
    except (KeyError, ValueError):
        return None
    return RequestPlace(stored_at=at, key=key) if at.tzinfo is not None else None
