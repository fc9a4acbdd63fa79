"""A draft: the prose that the model (or the rules) adds to the record. This file also reads a model's answer into one.

A draft holds no outcomes, no lists and no order, because code writes these from the record. An answer is read as the
JSON that was asked for, also inside a code fence or with words around it. Otherwise it is read as five-section
markdown, which gateways return that drop the answer format. Nothing here raises because of what an answer holds.
"""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue, ValidationError

from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.writing import frames, sections
from schemas.packages import SectionKey

LONGEST_ANSWER = 20_000
"""Characters; a longer answer is not read, so that a runaway gateway costs nothing. The bound is three times what fits
the answer's tokens.
"""
_MOST_NOTES = 100
"""Wordings and notes together; an answer with more is not read."""
_MOST_STEPS = 12
"""Steps; an answer with more is not read. The checks decide how many steps a package may have."""


class DraftForm(StrEnum):
    """The form in which a draft was written."""

    JSON = "json"
    MARKDOWN = "markdown"
    """Five sections from a gateway; they cite no records."""
    RULES = "rules"
    """Written by code, without a model."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, strict=True)


class Statement(_Part):
    """A statement, and the ids of the records that it rests on."""

    text: str
    records: tuple[str, ...]


class Wording(_Part):
    """A text about one record: a shorter wording of a fact, or a note on something that was tried."""

    record: str
    text: str


class StepAction(StrEnum):
    """What a next step does with the fix that it is about."""

    TRY = "try"
    """Apply it: it has been proposed only."""
    COMPLETE = "complete"
    """Do what is left of it."""
    CONFIRM = "confirm"
    """Find out whether it held."""
    OTHER_PATH = "other_path"
    """Do something else, because of how it ended."""
    NONE = "none"
    """Nothing: the step is about no fix."""


def _action(value: object) -> object:
    """A word that is no action counts as none: what it means is not known."""
    return value if value in set(StepAction) else StepAction.NONE


class NextStep(Statement):
    """A next step, and what it does with which fix. An answer without these fields is about no fix."""

    fix: str = ""
    """The fix's id; empty for none."""
    action: Annotated[StepAction, BeforeValidator(_action)] = StepAction.NONE


class Draft(_Part):
    """The prose of a package."""

    problem: Statement
    confirmed: tuple[Wording, ...]
    """Other wordings of long facts, and of facts in another language than the package's; by record."""
    notes: tuple[Wording, ...]
    """Notes on what was tried, by record."""
    hypothesis: Statement
    """Prose that follows the outcome of the active fix; blank where there is nothing to add."""
    next_steps: tuple[NextStep, ...]
    form: DraftForm = DraftForm.JSON


class Unreadable(BaseModel):
    """The reasons why an answer is no draft, in words that the model can act on."""

    model_config = ConfigDict(frozen=True)

    problems: tuple[str, ...]


def object_schema(properties: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The JSON schema of an object: all properties are required, and no others are allowed."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _answer_schema() -> dict[str, JsonValue]:
    text: JsonValue = {"type": "string"}
    records: JsonValue = {"type": "array", "items": {"type": "string"}}
    statement: JsonValue = object_schema({"text": text, "records": records})
    wording: JsonValue = object_schema({"record": text, "text": text})
    action: JsonValue = {"type": "string", "enum": [action.value for action in StepAction]}
    step: JsonValue = object_schema({"text": text, "records": records, "fix": text, "action": action})
    return object_schema(
        {
            "problem": statement,
            "confirmed": {"type": "array", "items": wording},
            "notes": {"type": "array", "items": wording},
            "hypothesis": statement,
            "next_steps": {"type": "array", "items": step},
        }
    )


ANSWER_SCHEMA: dict[str, JsonValue] = _answer_schema()
"""For `output_config.format`: flat, all fields required, no others allowed, only keywords that the API enforces."""

_LIST_ITEM = re.compile(r"^\s{0,3}(?:[-*+•]|\d{1,3}[.)])\s+")


def read_answer(text: str, fact_ids: tuple[str, ...], language: Language) -> Draft | Unreadable:
    """Reads an answer into a draft, or says what is wrong with it. Never raises.

    `fact_ids` are the ids of all live facts, oldest first: the bullets of a markdown answer are matched by position.
    Its headings are those of `language` or the English ones, which the instructions are in.
    """
    answer = text.strip().lstrip("\ufeff").strip()
    if not answer:
        return Unreadable(problems=("the answer is empty",))
    if len(answer) > LONGEST_ANSWER:
        return Unreadable(problems=("the answer is far too long",))
    if (value := frames.json_object(answer)) is not None:
        return _bounded(_from_json(value))
    if (sectioned := _sectioned(answer, fact_ids, language)) is not None:
        return _bounded(sectioned)
    if (value := frames.json_object_within(answer)) is not None:
        return _bounded(_from_json(value))
    return Unreadable(problems=("the answer is neither the JSON object that was asked for nor the five sections",))


def _bounded(draft: Draft | Unreadable) -> Draft | Unreadable:
    """Refuses a draft with too many statements, because each statement takes time to check."""
    if isinstance(draft, Unreadable):
        return draft
    if len(draft.next_steps) > _MOST_STEPS or len(draft.confirmed) + len(draft.notes) > _MOST_NOTES:
        return Unreadable(problems=("the answer has far too many statements",))
    return draft


def _from_json(value: dict[str, JsonValue]) -> Draft | Unreadable:
    try:
        return Draft.model_validate_json(json.dumps({**value, "form": DraftForm.JSON.value}))
    except RecursionError:
        return Unreadable(problems=("the answer is nested too deeply",))
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        return Unreadable(problems=tuple(f"{_path(problem['loc'])}: {problem['msg']}" for problem in problems[:8]))


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "the answer"


def _sectioned(answer: str, fact_ids: tuple[str, ...], language: Language) -> Draft | Unreadable | None:
    """None for an answer without any of the headings."""
    readings = [
        _from_sections(five, fact_ids, headings)
        for headings in {language.tag: language.headings, ENGLISH.tag: ENGLISH.headings}.values()
        if (five := frames.unframed(answer, headings.values()))
    ]
    return next((draft for draft in readings if isinstance(draft, Draft)), readings[0] if readings else None)


def _from_sections(answer: str, fact_ids: tuple[str, ...], headings: Mapping[SectionKey, str]) -> Draft | Unreadable:
    parts = sections.split(answer)
    if [heading for heading, _ in parts] != list(headings.values()):
        wanted = ", ".join(f"## {heading}" for heading in headings.values())
        return Unreadable(problems=(f"the headings must be exactly these, and no others: {wanted}",))
    body = dict(zip(headings, (text for _, text in parts), strict=True))
    if empty := [headings[key] for key, text in body.items() if not text]:
        return Unreadable(problems=tuple(f"the section {heading} is empty" for heading in empty))
    bullets = _bullets(body[SectionKey.CONFIRMED])
    matched = zip(fact_ids, bullets, strict=True) if len(bullets) == len(fact_ids) else ()
    return Draft(
        problem=_uncited(_paragraph(body[SectionKey.PROBLEM])),
        confirmed=tuple(Wording(record=record, text=text) for record, text in matched),
        notes=(),
        hypothesis=_uncited(_paragraph(body[SectionKey.HYPOTHESIS])),
        next_steps=tuple(NextStep(text=text, records=()) for text in _bullets(body[SectionKey.NEXT_STEPS])),
        form=DraftForm.MARKDOWN,
    )


def _uncited(text: str) -> Statement:
    return Statement(text=text, records=())


def _paragraph(body: str) -> str:
    return " ".join(_LIST_ITEM.sub("", line).strip() for line in body.splitlines()).strip()


def _bullets(body: str) -> list[str]:
    """The items of a list. A line without a list mark continues the item above it, but not after a blank line.

    What stands below the list is no item: models end with a word to their reader.
    """
    items: list[str] = []
    is_below = False
    for line in body.splitlines():
        if (mark := _LIST_ITEM.match(line)) is not None:
            items.append(line[mark.end() :].strip())
            is_below = False
        elif not line.strip():
            is_below = True
        elif items and (not is_below or line.startswith((" ", "\t"))):
            items[-1] += " " + line.strip()
    return items
