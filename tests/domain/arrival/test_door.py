"""One redaction of all texts of an event finds what a redaction of each text finds."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from consumer.domain.arrival import door
from consumer.domain.redaction import Redactor, Scope, is_clean

SECRETS = Path(__file__).parents[2] / "golden" / "secrets"
TEXTS = [
    json.loads(line)["text"]
    for half in ("dev", "held_out")
    for line in (SECRETS / f"{half}.jsonl").read_text(encoding="utf-8").splitlines()
]
PLAIN = ["Outlook crashes at start", "V30 set PROD582 to Accepted / In Progress", "owner in France", "", "Gerät tot"]


def scope() -> Scope:
    return Redactor(b"k" * 32).scope("tenant", "session")


@given(st.lists(st.sampled_from(TEXTS) | st.sampled_from(PLAIN) | st.text(max_size=20), min_size=1, max_size=4))
def test_an_event_is_redacted_as_each_of_its_texts_is(texts: list[str]) -> None:
    data: dict[str, JsonValue] = {f"text_{number}": text for number, text in enumerate(texts)}
    assert door.redacted_data(scope(), data) == {
        name: door.redacted_text(scope(), str(text)) for name, text in data.items()
    }


@given(st.sampled_from(TEXTS), st.sampled_from(PLAIN), st.sampled_from(PLAIN))
def test_what_is_clean_together_is_clean_apart(text: str, before: str, after: str) -> None:
    if is_clean(f"{before}\n{text}\n{after}"):
        assert scope().text(text) is text


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_a_text_that_cannot_be_stored_is_repaired_beside_clean_ones(text: str) -> None:
    data: dict[str, JsonValue] = {"title": "clean", "psa_ticket": {"system": text, "ticket_id": "1"}}
    assert door.redacted_data(scope(), data) == {
        "title": "clean",
        "psa_ticket": {"system": "a\ufffdb", "ticket_id": "1"},
    }


def test_a_clean_event_is_the_same_object() -> None:
    data: dict[str, JsonValue] = {
        "fact_id": "f1",
        "text": PLAIN[1],
        "psa_ticket": {"system": "halopsa", "ticket_id": 7},
    }
    assert door.redacted_data(scope(), data) is data
