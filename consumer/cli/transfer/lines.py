"""The lines of a file for `load`: records to send, and packages of an export."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from consumer.errors import Permanent
from schemas.topics import FEEDBACK, POLICIES, READY, REPLAY_SUFFIX, REQUESTS, SESSIONS, Topics

if TYPE_CHECKING:
    from consumer.domain.package.export import Copy

_REPLAYABLE = (SESSIONS, REQUESTS)
_INPUTS = (SESSIONS, REQUESTS, FEEDBACK, POLICIES, SESSIONS + REPLAY_SUFFIX, REQUESTS + REPLAY_SUFFIX)


class WrongLine(Permanent):
    """A line of the file is no record to send. The message names the line and the field."""

    def __init__(self, number: int, error: str) -> None:
        super().__init__(f"line {number}: {error}")
        self.number = number
        self.error = error


class InputLine(NamedTuple):
    """One record to send; `topic` is the full name."""

    topic: str
    key: str
    value: bytes | None


def read_lines(
    source: TextIO, topics: Topics, *, replay: bool = False
) -> Iterator[tuple[int, "InputLine | Copy | WrongLine"]]:
    """Yields records to send, packages, and what is neither, each with the number of its line."""
    for number, text in enumerate(source, start=1):
        if text.isspace():
            continue
        try:
            yield number, _line(number, _parsed(number, text), topics, replay=replay)
        except WrongLine as wrong:
            yield number, wrong


def _parsed(number: int, text: str) -> Any:
    try:
        text.isascii() or text.encode()
        return json.loads(text)
    except UnicodeEncodeError:
        raise WrongLine(number, "not UTF-8") from None
    except ValueError as error:
        raise WrongLine(number, f"not JSON: {error}") from None
    except RecursionError:
        raise WrongLine(number, "nested too deeply") from None


def _line(number: int, raw: Any, topics: Topics, *, replay: bool) -> "InputLine | Copy":
    if not isinstance(raw, dict):
        raise WrongLine(number, "not an object with topic, key and value")
    topic, key = raw.get("topic"), raw.get("key")
    if topic == READY:
        from consumer.domain.package import export  # slow to load, and seldom needed

        copy = export.read_package(raw)
        if isinstance(copy, str):
            raise WrongLine(number, copy)
        return copy
    if topic not in _INPUTS:
        raise WrongLine(number, f"topic: must be one of {', '.join(_INPUTS)} (without the prefix)")
    if not isinstance(key, str) or not _has_bytes(key):
        raise WrongLine(number, "key: must be a text, the session id or, of a policy, the tenant id")
    if "value" not in raw:
        raise WrongLine(number, "value: is missing")
    if replay and topic in _REPLAYABLE:
        topic += REPLAY_SUFFIX
    value = None if raw["value"] is None else json.dumps(raw["value"]).encode()
    return InputLine(topics.prefix + topic, key, value)


def _has_bytes(key: str) -> bool:
    """A text of JSON may hold half a character."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def open_lines(file: str) -> Iterator[TextIO]:
    """The file, or standard input for `-`. Bytes that are no UTF-8 are kept, so that their line can be named."""
    if file == "-":
        if sys.stdin is None:
            raise Permanent("standard input is closed")
        if (reconfigure := getattr(sys.stdin, "reconfigure", None)) is not None:
            reconfigure(encoding="utf-8", errors="surrogateescape")
        yield sys.stdin
        return
    try:
        with Path(file).open(encoding="utf-8", errors="surrogateescape") as source:
            yield source
    except OSError as error:
        raise Permanent(f"{file}: {error.strerror}") from error
    except ValueError:
        raise Permanent(f"{file!r} is no name of a file") from None
