"""The time that a page is about, as its form says it. Without a word it is bounded all the same."""

from datetime import UTC, date, datetime

from aiohttp import web

from consumer.adapters.http.console.visit import Visit

LONGEST_DAYS = 366


def asked_days(visit: Visit, usual: float) -> float:
    """The field `days`. Raises HTTPBadRequest for what is no number between 0 and LONGEST_DAYS."""
    text = visit.asked("days")
    if text is None:
        return usual
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0 < days <= LONGEST_DAYS:
        raise web.HTTPBadRequest(text=f"`days` is a number up to {LONGEST_DAYS}.")
    return days


def asked_date(visit: Visit, name: str) -> date | None:
    """A day, as 2026-03-01. Raises HTTPBadRequest for anything else."""
    text = visit.asked(name)
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise web.HTTPBadRequest(text=f"`{name}` is a day, such as 2026-03-01.") from None


def asked_instant(visit: Visit, name: str) -> datetime | None:
    """A time, as 2026-03-01T09:00 or with an offset; without one in UTC. Raises HTTPBadRequest for anything else."""
    text = visit.asked(name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise web.HTTPBadRequest(text=f"`{name}` is a time, such as 2026-03-01T09:00.") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
