"""Readable answers: the requested JSON, also fenced or wrapped, and a gateway's five sections. Nothing else."""

import json
import re
import time

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.domain.language.en import ENGLISH
from consumer.domain.writing import draft
from consumer.domain.writing.draft import ANSWER_SCHEMA, Draft, DraftForm, Unreadable
from tests.domain import answers

FACTS = ("F1", "F2", "F3")
GOOD = answers.text()


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        f"\ufeff  {GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"```\n{json.dumps(answers.good(), indent=2)}\n```",
        f"Here is the handoff:\n\n```json\n{GOOD}\n```\nLet me know.",
        f"Here is the handoff: {GOOD}",
        json.dumps(answers.good() | {"extra": "unknown fields are ignored", "form": "rules"}),
    ],
)
def test_the_json_is_found(answer: str) -> None:
    result = draft.read_answer(answer, FACTS, ENGLISH)
    assert isinstance(result, Draft)
    assert result.form is DraftForm.JSON
    assert result.next_steps[0].records == ("X2",)


STEPS = re.findall(r"^(?:-|\d\.) (.*)$", answers.SECTIONS.partition("## Suggested")[2], flags=re.MULTILINE)
FRAMES = {
    "none": answers.SECTIONS,
    "a fence": f"```markdown\n{answers.SECTIONS}```",
    "tildes": f"~~~markdown\n{answers.SECTIONS}~~~",
    "four backticks": f"````\n{answers.SECTIONS}````\n",
    "an open fence": f"```markdown\n{answers.SECTIONS}",
    "words around a fence": f"Here is the package:\n\n```\n{answers.SECTIONS}```\n\nTell me if it should be shorter.",
    "words before": f"Here is the package.\n\n{answers.SECTIONS}",
    "words after": f"{answers.SECTIONS}\nTell me if it should be shorter.\n",
    "a title": f"# Handoff package\n\n{answers.SECTIONS}",
    "a title of the same level": f"## Handoff\n\nFor the next engineer.\n\n{answers.SECTIONS}",
    "deeper headings": answers.SECTIONS.replace("## ", "### "),
    "higher headings": answers.SECTIONS.replace("## ", "# "),
    "closed headings": re.sub("^(## .*)$", r"\1 ##", answers.SECTIONS, flags=re.MULTILINE),
    "bold headings": re.sub("^## (.*)$", r"## **\1**", answers.SECTIONS, flags=re.MULTILINE),
    "bold lines": re.sub("^## (.*)$", r"**\1:**", answers.SECTIONS, flags=re.MULTILINE),
    "numbers": re.sub("^## (.*)$", r"## 1. \1", answers.SECTIONS, flags=re.MULTILINE),
    "another case": re.sub("^## (.*)$", lambda line: line[0].upper(), answers.SECTIONS, flags=re.MULTILINE),
    "another apostrophe": answers.SECTIONS.replace("'", "\u2019"),
    "line ends of Windows": answers.SECTIONS.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("answer", FRAMES.values(), ids=FRAMES)
def test_five_sections_from_a_gateway_are_read(answer: str) -> None:
    result = draft.read_answer(answer, FACTS, ENGLISH)
    assert isinstance(result, Draft)
    assert result.form is DraftForm.MARKDOWN
    assert result.problem.text.startswith("Since Monday, Outlook asked")
    assert [wording.record for wording in result.confirmed] == list(FACTS)
    assert result.hypothesis.text == "The name still pointed to the server that was switched off."
    assert [step.text for step in result.next_steps] == STEPS
    assert result.notes == ()


def test_bullets_that_are_not_as_many_as_the_facts_are_no_wordings() -> None:
    result = draft.read_answer(answers.SECTIONS, FACTS[:2], ENGLISH)
    assert isinstance(result, Draft)
    assert result.confirmed == ()


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "   \n",
        "I can't help with that.",
        "<html><body>502 Bad Gateway</body></html>",
        "null",
        "[]",
        "42",
        '"text"',
        GOOD[: len(GOOD) // 2],
        GOOD[:-1],
        "{" * 5000,
        '{"a":' * 5000 + "1" + "}" * 5000,
        json.dumps(answers.good() | {"problem": "a text"}),
        json.dumps(answers.good() | {"next_steps": {"text": "x", "records": []}}),
        json.dumps(answers.good() | {"next_steps": [{"text": 7, "records": ["F1"]}]}),
        json.dumps(answers.good() | {"problem": {"text": "x", "records": [1]}}),
        json.dumps({name: value for name, value in answers.good().items() if name != "hypothesis"}),
        answers.SECTIONS.replace("## What we've tried", "## What was tried"),
        answers.SECTIONS + "\n## Problem\n\nagain\n",
        answers.SECTIONS.replace("The name still pointed to the server that was switched off.", ""),
        "x" * 100_000,
    ],
)
def test_anything_else_is_unreadable_and_says_why(answer: str) -> None:
    result = draft.read_answer(answer, FACTS, ENGLISH)
    assert isinstance(result, Unreadable)
    assert result.problems
    assert all(problem and "\n" not in problem and len(problem) < 300 for problem in result.problems)


def test_a_missing_field_is_named() -> None:
    result = draft.read_answer(
        json.dumps({name: value for name, value in answers.good().items() if name != "hypothesis"}), FACTS, ENGLISH
    )
    assert isinstance(result, Unreadable)
    assert result.problems == ("hypothesis: Field required",)


@given(st.text(max_size=400))
def test_no_text_raises(text: str) -> None:
    draft.read_answer(text, FACTS, ENGLISH)
    draft.read_answer(f"## Problem\n{text}", FACTS, ENGLISH)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["problem", "text", "records", "notes", "confirmed", "hypothesis", "next_steps"]),
                inner,
                max_size=7,
            )
        ),
    )
)
@settings(deadline=None)
def test_no_json_raises(value: object) -> None:
    draft.read_answer(json.dumps(value), FACTS, ENGLISH)


def _schemas(schema: object) -> list[dict[str, object]]:
    if isinstance(schema, dict):
        return [schema, *(nested for inner in schema.values() for nested in _schemas(inner))]
    return []


def test_the_schema_is_one_that_the_api_takes_and_enforces() -> None:
    schemas = _schemas(ANSWER_SCHEMA)
    objects = [each for each in schemas if each.get("type") == "object"]
    assert len(objects) == 6
    for each in objects:
        assert each["additionalProperties"] is False
        assert isinstance(each["properties"], dict)
        assert each["required"] == list(each["properties"])
    keywords = {keyword for each in schemas if "type" in each for keyword in each}
    assert keywords <= {"type", "properties", "required", "additionalProperties", "items", "enum"}


def test_what_keeps_the_schema_is_read() -> None:
    jsonschema.validate(answers.good(), ANSWER_SCHEMA)
    assert set(Draft.model_fields) == set(answers.good()) | {"form"}


def test_a_draft_survives_being_stored() -> None:
    result = draft.read_answer(GOOD, FACTS, ENGLISH)
    assert isinstance(result, Draft)
    assert Draft.model_validate_json(result.model_dump_json()) == result


@pytest.mark.parametrize(
    "piece", ["`", "~", "```\n", "~~~\n```\n", "``` ", "# ", "#", "**", "__", "**a", "## Problem\n", "1.", "\n ", "# a"]
)
def test_an_answer_made_of_frames_is_read_at_once(piece: str) -> None:
    for filler in ("", " " * 500, " " * 19_000):
        answer = (piece + filler) * (draft.LONGEST_ANSWER // (len(piece) + len(filler))) + "x"
        began = time.perf_counter()
        draft.read_answer(answer, FACTS, ENGLISH)
        draft.read_answer(f"## Problem\n{answer}"[: draft.LONGEST_ANSWER], FACTS, ENGLISH)
        assert time.perf_counter() - began < 0.5
