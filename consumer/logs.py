"""Logs: one JSON object a line on standard error, from our own loggers and from the libraries' alike.

A line is a constant `message` with fields and one stable `event` name. No payload, prompt or secret: of a traceback
only types and places are kept, and messages only of such errors as cannot quote what was processed.
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

_QUIET = ("aiokafka", "aiohttp", "anthropic", "asyncio", "asyncpg", "httpx", "httpcore", "redis")
"""At DEBUG and INFO these write what they send, or one line per request."""
_SPEAKING = (EscalationError, OSError, NameError, AttributeError, TypeError, RuntimeError, AssertionError)
_FRAMES = 12
_REPEAT_SECONDS = 30.0
"""A library says the same at most so often: without a broker aiokafka would write thirty lines a second, for ever."""


def configure(level: str) -> None:
    """Once, at the start of a process that runs the service."""
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
            foreign_pre_chain=[*shared, _library],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.EventRenamer("message", replace_by="event_name"),
                structlog.processors.JSONRenderer(ensure_ascii=False, default=repr),
            ],
        )
    )
    handler.addFilter(_Seldom(time.monotonic))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class _Seldom(logging.Filter):
    """Lets a library's sentence pass once in a while, with how often it was held back. Ours always pass."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_QUIET):
            return True
        sentence = (record.name, str(record.msg))
        now = self._clock()
        said_at, held_back = self._said.get(sentence, (-_REPEAT_SECONDS, 0))
        if now - said_at < _REPEAT_SECONDS:
            self._said[sentence] = (said_at, held_back + 1)
            return False
        self._said[sentence] = (now, 0)
        record.held_back = held_back
        return True


def _library(_logger: object, _method: str, fields: EventDict) -> EventDict:
    fields.setdefault("event_name", "library")
    if held_back := getattr(fields.get("_record"), "held_back", 0):
        fields["held_back"] = held_back
    return fields


def _without_values(_logger: object, _method: str, fields: EventDict) -> EventDict:
    """Replaces `exc_info` by what can be said of it without the values that took part."""
    given = fields.pop("exc_info", None)
    record = fields.get("_record")
    if given is None and isinstance(record, logging.LogRecord):
        given, record.exc_info, record.exc_text = record.exc_info, None, None
    error = given if isinstance(given, BaseException) else (sys.exc_info()[1] if given is True else None)
    if isinstance(given, tuple):
        error = given[1]
    if error is not None:
        fields["error"] = describe(error)
        fields["traceback"] = _places(error.__traceback__)
    return fields


def describe(error: BaseException) -> str:
    """The type, and the message where it cannot hold a payload; causes behind it."""
    said = f": {error}" if isinstance(error, _SPEAKING) and str(error) else ""
    text = f"{type(error).__name__}{said}"
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return f"{text} <- {describe(cause)}" if cause is not None else text


def _places(found: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(found)[-_FRAMES:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
