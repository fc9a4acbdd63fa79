"""Pages of rows. The next page begins after a key, never at a number of rows: it costs the same however far down."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from consumer.errors import Permanent

PAGE_ROWS = 50
MOST_ROWS = 500

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


def read_page_key(key: str, types: Sequence[type]) -> list[datetime | str | int]:
    """The values of a key. Raises Permanent for a text that `page_key` has not made of values of these types."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
        values = [
            datetime.fromisoformat(value) if kind is datetime else value
            for value, kind in zip(plain, types, strict=True)
        ]
    except (ValueError, TypeError, binascii.Error):
        raise Permanent("The page's key is none that this service has given: begin at the first page.") from None
    if not all(type(value) is kind for value, kind in zip(values, types, strict=True)):
        raise Permanent("The page's key is none that this service has given: begin at the first page.")
    return values
