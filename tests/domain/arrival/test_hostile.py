"""Any legal record is decoded in 250 ms, hostile ones too, and what is not read for want of time is not kept."""

import json
from typing import Any

import pytest

from consumer.domain.arrival.decode import decode
from consumer.domain.arrival.fast import fast
from consumer.domain.arrival.limits import MAX_BYTES
from consumer.domain.arrival.thorough import thorough
from consumer.domain.events import Record, Request, SessionChange
from tests.benchmarks.hostile import seconds
from tests.support import hostile
from tests.support.hostile import Kind
from tests.support.wire import REDACTOR, TOPICS

LIMIT_SECONDS = 0.25 * 1.4  # processor time; `make bench-hostile` prints it, and slower machines run this test, too
MOST_GROWTH = 2.5
"""Of the time, when a record is twice as long."""
NOISE_SECONDS = 0.05
RUNS = 5
KINDS = hostile.kinds()
SECRET = "Marble!2277-quay"


def fastest(record: Record, limit_seconds: float) -> float:
    """Processor time of the fastest run; of the first one that keeps the limit, for a busy machine lies."""
    best = seconds(record, runs=1)
    for _ in range(RUNS - 1):
        if best <= limit_seconds:
            break
        best = min(best, seconds(record, runs=1))
    return best


def test_there_are_enough_kinds() -> None:
    assert len(KINDS) >= 90
    assert len({kind.name for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_is_decoded_in_time_and_grows_no_faster_than_its_length(kind: Kind) -> None:
    whole = kind.make(MAX_BYTES)
    assert MAX_BYTES * 0.7 < len(whole.value or b"") <= MAX_BYTES
    half = seconds(kind.make(MAX_BYTES // 2), runs=1)
    took = fastest(whole, min(LIMIT_SECONDS, MOST_GROWTH * half + NOISE_SECONDS))
    assert took <= LIMIT_SECONDS
    if took > MOST_GROWTH * half + NOISE_SECONDS:
        half = max(half, *(seconds(kind.make(MAX_BYTES // 2), runs=1) for _ in range(RUNS)))
    assert took <= MOST_GROWTH * half + NOISE_SECONDS


DENSE = "pw password is "
FILLED: dict[str, Any] = {
    "a text": lambda text: hostile.fact(text + f"password: {SECRET}"),
    "the reason of a request": lambda text: hostile.reason(text + f"password: {SECRET}"),
    "the text behind a long one": lambda text: hostile.snapshot(
        facts=[
            {"fact_id": "a", "text": text, "source_type": "n"},
            {"fact_id": "b", "text": f"password: {SECRET}", "source_type": "n", "source_summary": "Ping works."},
        ]
    ),
    "another parameter": lambda text: hostile.script({"a": text, "note": f"password: {SECRET}", "password": SECRET}),
    "a list": lambda text: hostile.parameter([text, f"password: {SECRET}", [SECRET], {"password": SECRET}, 7]),
    "an object": lambda text: hostile.parameter({"a": text, "b": {"password": SECRET}, f"password: {SECRET}": 7}),
    "a value that its schema marks": lambda text: hostile.script(
        {"a": text, "b": SECRET}, {"parameters": [{"key": "b", "sensitive": True}]}
    ),
    "a schema": lambda text: hostile.schema(
        {"parameters": [{"key": "a", "label": text}, {"key": "b", "field_type": "password", "default": SECRET}]}
    ),
}


@pytest.mark.parametrize("where", FILLED)
def test_no_secret_passes_where_the_looks_are_used_up(where: str) -> None:
    record = FILLED[where](DENSE * 20_000)
    change = decode(record, TOPICS, REDACTOR).arrival
    assert isinstance(change, SessionChange | Request)
    assert SECRET not in repr(change)
    assert isinstance(change, Request) or change.data is not None
    short = fast(record, TOPICS, REDACTOR)
    assert short is None or short == thorough(record, TOPICS, REDACTOR)


def test_what_was_read_before_is_kept_and_so_is_a_harmless_text_afterwards() -> None:
    facts = [
        {"fact_id": "a", "text": "The printer answers. " + DENSE * 20_000, "source_type": "n"},
        {"fact_id": "b", "text": "The switch answers.", "source_type": "n"},
    ]
    change = decode(hostile.snapshot(facts=facts), TOPICS, REDACTOR).arrival
    assert isinstance(change, SessionChange)
    first, second = json.loads(change.data or "")["facts"]
    assert first["text"].startswith("The printer answers. pw password is ")
    assert first["text"].count("[REDACTED:secret:") == 1
    assert len(first["text"]) < len(facts[0]["text"]) / 2
    assert second["text"] == facts[1]["text"]


@pytest.mark.parametrize("unit", [DENSE, "pw=a1! ", "pw=Qx7!kkk ", "user:Pa55!w@host https://u:Pa55!w@host "])
def test_redacting_again_what_was_not_read_changes_nothing(unit: str) -> None:
    once = REDACTOR.scope("t", "s").text(unit * 20_000)
    assert REDACTOR.scope("t", "s").text(once) == once
    assert len(once) < len(unit * 20_000)
