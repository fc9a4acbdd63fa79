"""Pages of rows. The next page begins after a key, never at a number of rows: it costs the same however far down."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from consumer.errors import Permanent

PAGE_ROWS = 50

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPage(Generic[RowT]):
    """Some of the rows that match, in order."""

    rows: tuple[RowT, ...]
    next_key: str | None = None
    """Opaque text: given as `after`, it yields the next page; None on the last one."""
    store_is_empty: bool = False
    """Whether there is no row without any filter either. Only looked at when `rows` is empty."""


def page_key(values: Sequence[datetime | str | int]) -> str:
    """The key after a row, as text that fits a URL."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain, ensure_ascii=False).encode()).decode().rstrip("=")


def read_page_key(key: str | None, types: Sequence[type]) -> list[datetime | str | int | None]:
    """The values of a key, one None for each without a key.

    Raises Permanent for a text that `page_key` has not made of values of these types.
    """
    if key is None:
        return [None] * len(types)
    try:
        plain = json.loads(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
        values = [_value(value, kind) for value, kind in zip(plain, types, strict=True)]
    except (ValueError, TypeError):  # not base64, not UTF-8, not JSON, or of other values
        raise Permanent("The page's key is none that this service has given: begin at the first page.") from None
    return list(values)


def _value(plain: object, kind: type) -> datetime | str | int:
    """Raises TypeError or ValueError for another kind of value."""
    if kind is datetime:
        return datetime.fromisoformat(str(plain))
    if type(plain) is not kind or not isinstance(plain, str | int):
        raise TypeError
    return plain


def page_of(rows: Sequence[RowT], limit: int, key_of: Callable[[RowT], str], *, store_is_empty: bool) -> RowPage[RowT]:
    """The first `limit` of the rows; if there is one more, the page has a next one."""
    shown = tuple(rows[:limit])
    return RowPage(rows=shown, next_key=key_of(shown[-1]) if len(rows) > limit else None, store_is_empty=store_is_empty)
