"""Log lines are JSON and hold no values of processed data."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from consumer import logs
from consumer.errors import Transient

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, {name: logging.getLogger(name).level for name in logs._QUIET})
    stderr = io.StringIO()
    monkeypatch.setattr("sys.stderr", stderr)
    logs.configure("DEBUG")
    yield lambda: [json.loads(line) for line in stderr.getvalue().splitlines()]
    root.handlers[:], root.level = before[0], before[1]
    for name, level in before[2].items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()


def test_a_line_is_a_sentence_with_an_event_and_fields(lines: Lines) -> None:
    structlog.stdlib.get_logger("escalation.test").info("It is so.", event_name="so", topic="t")
    (line,) = lines()
    assert (line["message"], line["event"], line["topic"], line["level"]) == ("It is so.", "so", "t", "info")
    assert line["timestamp"].endswith("Z")
    assert list(line) == ["message", "level", "timestamp", "event", "logger", "topic"]


def test_a_traceback_tells_places_and_no_values(lines: Lines) -> None:
    def fall(secret: str) -> None:
        raise ValueError(f"cannot read {secret}")

    try:
        fall("Vinst-1!")
    except ValueError as error:
        structlog.stdlib.get_logger("escalation.test").exception("It fell.", event_name="fell")
        logging.getLogger("stranger").error("It fell.", exc_info=error)  # noqa: TRY400 - as libraries do
    ours, theirs = lines()
    for line in (ours, theirs):
        assert line["error"] == "ValueError"
        assert any("fall" in place for place in line["traceback"])
        assert "Vinst" not in json.dumps(line)


def test_our_own_errors_say_what_happened(lines: Lines) -> None:
    try:
        try:
            dict[str, int]()["Vinst-1!"]
        except KeyError as error:
            raise Transient("PostgreSQL: refused") from error
    except Transient:
        structlog.stdlib.get_logger("escalation.test").exception("It fell.", event_name="fell")
    (line,) = lines()
    assert line["error"] == "Transient: PostgreSQL: refused <- KeyError"


@pytest.mark.parametrize("name", ["aiokafka.producer.producer", "anthropic", "httpx"])
def test_libraries_that_log_what_they_send_are_kept_quiet(lines: Lines, name: str) -> None:
    logging.getLogger(name).debug("Sending (key=%s value=%s)", "k", "Vinst-1!")
    logging.getLogger(name).info("POST")
    assert lines() == []


def test_a_library_does_not_repeat_itself(lines: Lines) -> None:
    for node in range(50):
        logging.getLogger("aiokafka").error("Unable connect to node with id %s", node)
        structlog.stdlib.get_logger("escalation.test").info("Ours.", event_name="ours")
    logged = lines()
    assert [line["message"] for line in logged if line["event"] == "library"] == ["Unable connect to node with id 0"]
    assert len([line for line in logged if line["event"] == "ours"]) == 50
