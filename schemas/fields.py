"""The field types that the events share: texts, ids, numbers, times.

Each refuses what the contract refuses and repairs what it repairs; none coerces a JSON type into another one,
except where a member says so.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from math import isfinite
from typing import Annotated, Any, LiteralString

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    JsonValue,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

MAX_VERSION = 2**63 - 1  # PostgreSQL's bigint, and the contract's bound
_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:)(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Matching:
    """What a text has to hold. Said as a pattern, for a call into Python for every text of every event takes long."""

    pattern: str
    error_type: LiteralString
    message: LiteralString

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        matching = core_schema.str_schema(pattern=self.pattern, regex_engine="rust-regex")
        refusing = core_schema.custom_error_schema(
            matching, custom_error_type=self.error_type, custom_error_message=self.message
        )
        return core_schema.chain_schema([handler(source), refusing])


_VISIBLE = r"[^\s\x1c-\x1f\x00]"
_NOT_BLANK = _Matching(r"[^\s\x1c-\x1f]", "blank", "must not be blank")
_SOUND = _Matching(
    rf"^[^\x00]*{_VISIBLE}[^\x00]*$", "unsound", "must not be blank and must not hold U+0000 or a lone surrogate"
)


STORED = "stored"
"""The validation context of data that was validated before: what is repaired once is not repaired again."""


def is_finite(value: float) -> bool:
    """Whether a double holds a number, however many digits it has."""
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _number_as_text(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not is_finite(value):
        raise PydanticCustomError("not_finite", "must be a number that is finite as a double")
    return str(int(value)) if value == int(value) else str(value)


def _ticket(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str) or info.context == STORED:
        return value
    return value.strip().removeprefix("#").strip()


def local_instant(value: Any) -> datetime:
    """RFC 3339, with an offset, which is kept; to the nearest microsecond. Raises PydanticCustomError otherwise."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if not isinstance(value, str) or not (match := _RFC_3339.fullmatch(value)):
        raise PydanticCustomError("rfc_3339", "must be an RFC 3339 time with an offset")
    minute, second, fraction, offset = match.groups()
    if second == "60":  # a leap second, which Python's datetime does not know
        second = "59"
    nanoseconds = int((fraction or "0").ljust(9, "0")[:9])
    try:
        whole = datetime.fromisoformat(f"{minute}{second}{offset}".upper())
        rounded = whole + timedelta(microseconds=(nanoseconds + 500) // 1000)
        rounded.astimezone(UTC)  # in UTC it has to be a date, too
    except (ValueError, OverflowError):
        raise PydanticCustomError("rfc_3339", "must be an RFC 3339 time with an offset") from None
    return rounded


def instant(value: Any) -> datetime:
    """A time as `local_instant` reads it, in UTC."""
    return local_instant(value).astimezone(UTC)


def _percent(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("percent", "must be a number from 0 to 100")
    if not 0 <= value <= 100:
        raise PydanticCustomError("percent", "must be a number from 0 to 100")
    return int(Decimal(str(value)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


Text = Annotated[
    StrictStr,
    _NOT_BLANK,
    WithJsonSchema({"type": "string", "pattern": r"\S"}),
]
"""A required text; not blank. U+0000 and lone surrogates have become U+FFFD by then."""

Word = Annotated[
    StrictStr,
    Field(max_length=256),
    _NOT_BLANK,
    WithJsonSchema({"type": "string", "pattern": r"\S", "maxLength": 256}),
]
"""A required text that is copied into headers and references: as `Text`, at most 256 characters."""

OptionalText = StrictStr | None
"""A text that may be absent or null. U+0000 and lone surrogates have become U+FFFD by then."""

Id = Annotated[StrictStr, Field(min_length=1, max_length=256), _SOUND]
"""An identifier: 1 to 256 characters (tenant, session and request together must fit an index row of 2,704 bytes),
not blank; U+0000 and lone surrogates are refused, for a changed id would name something else."""

ShortId = Annotated[StrictStr, Field(min_length=1, max_length=128), _SOUND]
"""A session or tenant id: as `Id`, 1 to 128 characters."""

NumberOrText = Annotated[
    StrictStr,
    BeforeValidator(_number_as_text),
    Field(min_length=1, max_length=256),
    _SOUND,
    WithJsonSchema({"type": ["string", "number"], "minLength": 1, "maxLength": 256}, mode="validation"),
]
"""Another system's key: a text, or a number, which is kept as text."""

TicketId = Annotated[NumberOrText, BeforeValidator(_ticket)]
"""A ticket's id, kept without blanks around it and without one leading `#`."""

Version = Annotated[StrictInt, Field(ge=0, le=MAX_VERSION)]
"""A session's version: an integer from 0 to 2^63-1, written without a fraction."""

_DATE_TIME = WithJsonSchema({"type": "string", "format": "date-time"})

Instant = Annotated[datetime, BeforeValidator(instant), _DATE_TIME]
"""An RFC 3339 time with an offset, kept in UTC to the microsecond; a leap second counts as the second before."""

LocalInstant = Annotated[datetime, BeforeValidator(local_instant), _DATE_TIME]
"""As `Instant`, and its offset is kept: it is the local time of whoever emitted the event."""

Percent = Annotated[
    int,
    BeforeValidator(_percent),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 100}, mode="validation"),
]
"""0 to 100; a fraction is rounded half up. Out of range is refused, not clamped."""

Json = JsonValue
"""Any JSON value; U+0000 and lone surrogates in its texts and names have become U+FFFD by then."""

JsonObject = dict[str, JsonValue]
"""Any JSON object, with texts and names as in `Json`."""

Flag = StrictBool
"""`true` or `false`, nothing that looks like it."""
