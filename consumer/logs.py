"""Logs: one JSON object per line on standard error, from our own loggers and from those of libraries.

A line is a constant `message` with fields and one stable `event` name. It holds no payload, prompt or secret: a
traceback keeps only types and code locations, and only errors that cannot quote processed data keep their messages.
"""

import logging
import sys
import time
import traceback
from collections.abc import Callable
from types import TracebackType

import structlog
from structlog.typing import EventDict, Processor

from consumer.errors import EscalationError

_QUIET = (
    "aiokafka",
    "aiohttp",
    "anthropic",
    "asyncio",
    "asyncpg",
    "azure",
    "boto3",
    "botocore",
    "google",
    "httpx",
    "httpcore",
    "redis",
    "urllib3",
)
"""At DEBUG and INFO these libraries log what they send, or one line per request."""
_QUOTES_NOTHING = (EscalationError, OSError, NameError, AttributeError, TypeError, RuntimeError, AssertionError)
"""The errors whose messages cannot quote processed data."""
_FIRST = ("message", "level", "timestamp", "event", "logger")
_FRAMES = 12
_REPEAT_SECONDS = 30.0
"""A library's message is logged once in this time: without a broker aiokafka would log thirty lines a second."""


def go_with_libraries() -> None:
    """Until `configure` is called, our own lines go where those of libraries go: structlog alone would print them.

    What a command prints is for programs, too, so nothing else may stand there.
    """
    if not structlog.is_configured():
        structlog.configure(
            processors=[
                structlog.stdlib.filter_by_level,
                structlog.contextvars.merge_contextvars,
                _without_values,
                structlog.processors.JSONRenderer(default=repr),
            ],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )


def configure(level: str) -> None:
    """Configures all logging. Called once, at the start of a process that runs the service."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_values,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _mark_library],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.EventRenamer("message", replace_by="event_name"),
                _in_order,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=repr),
            ],
        )
    )
    handler.addFilter(_RateLimit(time.monotonic))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class _RateLimit(logging.Filter):
    """Passes a library's message once per _REPEAT_SECONDS, with the count of those held back. Ours always pass."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._passed: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_QUIET):
            return True
        message = (record.name, str(record.msg))
        now = self._clock()
        passed_at, held_back = self._passed.get(message, (-_REPEAT_SECONDS, 0))
        if now - passed_at < _REPEAT_SECONDS:
            self._passed[message] = (passed_at, held_back + 1)
            return False
        self._passed[message] = (now, 0)
        record.held_back = held_back
        return True


def _in_order(_logger: object, _method: str, fields: EventDict) -> EventDict:
    """The same fields in the order in which a line is read: what it says, then when and where, then the rest."""
    return {**{name: fields[name] for name in _FIRST if name in fields}, **fields}


def _mark_library(_logger: object, _method: str, fields: EventDict) -> EventDict:
    fields.setdefault("event_name", "library")
    if held_back := getattr(fields.get("_record"), "held_back", 0):
        fields["held_back"] = held_back
    return fields


def _without_values(_logger: object, _method: str, fields: EventDict) -> EventDict:
    """Replaces `exc_info` by the types, safe messages and code locations of the error, without processed values."""
    exc_info = fields.pop("exc_info", None)
    record = fields.get("_record")
    if exc_info is None and isinstance(record, logging.LogRecord):
        exc_info, record.exc_info, record.exc_text = record.exc_info, None, None
    error = exc_info if isinstance(exc_info, BaseException) else (sys.exc_info()[1] if exc_info is True else None)
    if isinstance(exc_info, tuple):
        error = exc_info[1]
    if error is not None:
        fields["error"] = describe(error)
        fields["traceback"] = _locations(error.__traceback__)
    return fields


def describe(error: BaseException) -> str:
    """Returns the error's type, its message where that cannot hold a payload, and the same of its causes."""
    message = f": {error}" if isinstance(error, _QUOTES_NOTHING) and str(error) else ""
    text = f"{type(error).__name__}{message}"
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return f"{text} <- {describe(cause)}" if cause is not None else text


def _locations(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-_FRAMES:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
