"""The fields of forms, as pages read them.

What is no such value is refused by HTTPBadRequest, which names the field.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TypeVar

from aiohttp import web

LONGEST_DAYS = 366

WordT = TypeVar("WordT", bound=StrEnum)


def text(fields: Mapping[str, str], name: str) -> str | None:
    """Without blanks around it; None when it is missing or empty. What PostgreSQL could hold in no text is refused."""
    given = fields.get(name, "").strip()
    if "\x00" in given or any("\ud800" <= letter <= "\udfff" for letter in given):
        raise web.HTTPBadRequest(text=f"`{name}` holds a sign that no text of a record holds.")
    return given or None


def figure(fields: Mapping[str, str], name: str, *, least: float, most: float) -> float | None:
    """A number within these bounds."""
    given = text(fields, name)
    if given is None:
        return None
    try:
        number = float(given)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise web.HTTPBadRequest(text=f"`{name}` is a number from {least:g} to {most:g}.")
    return number


def day(fields: Mapping[str, str], name: str) -> date | None:
    given = text(fields, name)
    try:
        return None if given is None else date.fromisoformat(given)
    except ValueError:
        raise web.HTTPBadRequest(text=f"`{name}` is a day, such as 2026-03-01.") from None


def time_field(fields: Mapping[str, str], name: str) -> datetime | None:
    """A time; without an offset it is in UTC."""
    given = text(fields, name)
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(given)
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise web.HTTPBadRequest(text=f"`{name}` is a time, such as 2026-03-01T09:00.") from None


def word(fields: Mapping[str, str], name: str, known: type[WordT]) -> WordT | None:
    """One of the known words."""
    given = text(fields, name)
    if given is None:
        return None
    try:
        return known(given)
    except ValueError:
        raise web.HTTPBadRequest(text=f"`{name}` is one of {', '.join(known)}.") from None
