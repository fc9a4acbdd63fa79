"""A draft: what the model (or the rules) adds to the record, and how a model's answer becomes one.

Outcomes, lists and order are no part of a draft; code writes them from the record. An answer is read as the JSON that
was asked for, also in a code fence or with words around it; else as five-section markdown, which gateways return that
drop the answer format. Nothing here raises because of what an answer holds.
"""

import json
import re
from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from consumer.domain.writing import sections
from schemas.packages import SectionKey

LONGEST_ANSWER = 20_000
"""Characters that are read: three times what fits the answer's tokens, so that a runaway gateway costs nothing."""
_MOST_NOTES = 100
"""Wordings and notes that are read."""
_MOST_STEPS = 12
"""Steps that are read; how many there may be is for the checks to say."""


class DraftForm(StrEnum):
    """How a draft came about."""

    JSON = "json"
    MARKDOWN = "markdown"
    """Five sections from a gateway; nothing is cited."""
    RULES = "rules"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, strict=True)


class Statement(_Part):
    """Something said, and the records that it rests on."""

    text: str
    records: tuple[str, ...]


class Wording(_Part):
    """Something said about one record: a shorter wording of a fact, or a note on what was tried."""

    record: str
    text: str


class Draft(_Part):
    """The prose of a package."""

    problem: Statement
    confirmed: tuple[Wording, ...]
    """Shorter wordings of facts, by record; taken where grounded in the fact."""
    notes: tuple[Wording, ...]
    """Notes on what was tried, by record."""
    hypothesis: Statement
    """What is added to the outcome of the active fix; blank where there is nothing to add."""
    next_steps: tuple[Statement, ...]
    form: DraftForm = DraftForm.JSON


class Unreadable(BaseModel):
    """Why an answer is no draft, in words that the model can act on."""

    model_config = ConfigDict(frozen=True)

    problems: tuple[str, ...]


def _record(properties: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _answer_schema() -> dict[str, JsonValue]:
    text: JsonValue = {"type": "string"}
    records: JsonValue = {"type": "array", "items": {"type": "string"}}
    statement: JsonValue = _record({"text": text, "records": records})
    wording: JsonValue = _record({"record": text, "text": text})
    return _record(
        {
            "problem": statement,
            "confirmed": {"type": "array", "items": wording},
            "notes": {"type": "array", "items": wording},
            "hypothesis": statement,
            "next_steps": {"type": "array", "items": statement},
        }
    )


ANSWER_SCHEMA: dict[str, JsonValue] = _answer_schema()
"""For `output_config.format`: flat, all required, nothing unknown, no keyword that the API does not enforce."""

_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_SECTION = re.compile(r"^ {0,3}##\s", re.MULTILINE)
_LIST_ITEM = re.compile(r"^\s{0,3}(?:[-*+•]|\d{1,3}[.)])\s+")


def read_answer(text: str, fact_ids: tuple[str, ...]) -> Draft | Unreadable:
    """The draft that an answer holds, else what is wrong with it.

    `fact_ids` are the records of all live facts, oldest first: bullets of a markdown answer are matched by their place.
    """
    answer = text.strip().lstrip("\ufeff").strip()
    if not answer:
        return Unreadable(problems=("the answer is empty",))
    if len(answer) > LONGEST_ANSWER:
        return Unreadable(problems=("the answer is far too long",))
    if (found := _json_object(answer)) is not None:
        return _bounded(_from_json(found))
    if (fenced := _FENCE.fullmatch(answer)) is not None:
        answer = fenced[1]
    if _SECTION.search(answer):
        return _bounded(_from_sections(answer, fact_ids))
    return Unreadable(problems=("the answer is neither the JSON object that was asked for nor the five sections",))


def _bounded(found: Draft | Unreadable) -> Draft | Unreadable:
    """Checking costs time for each statement: an answer with hundreds of them is not looked at."""
    if isinstance(found, Unreadable):
        return found
    if len(found.next_steps) > _MOST_STEPS or len(found.confirmed) + len(found.notes) > _MOST_NOTES:
        return Unreadable(problems=("the answer has far too many statements",))
    return found


def _json_object(answer: str) -> dict[str, JsonValue] | None:
    """The JSON object of an answer: the whole of it, or the only fenced one, or from its first brace to its last."""
    candidates = [answer, *(found[1] for found in _FENCE.finditer(answer))]
    if _SECTION.search(answer) is None:
        candidates.append(answer[answer.find("{") : answer.rfind("}") + 1])
    for candidate in candidates:
        if not candidate.lstrip().startswith("{"):
            continue
        try:
            value = json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    return None


def _from_json(value: dict[str, JsonValue]) -> Draft | Unreadable:
    try:
        return Draft.model_validate_json(json.dumps({**value, "form": DraftForm.JSON.value}))
    except RecursionError:
        return Unreadable(problems=("the answer is nested too deeply",))
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        return Unreadable(problems=tuple(f"{_place(problem['loc'])}: {problem['msg']}" for problem in problems[:8]))


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "the answer"


def _from_sections(answer: str, fact_ids: tuple[str, ...]) -> Draft | Unreadable:
    found = sections.split(answer)
    if [_plain_heading(heading) for heading, _ in found] != [
        _plain_heading(text) for text in sections.HEADINGS.values()
    ]:
        wanted = ", ".join(f"## {heading}" for heading in sections.HEADINGS.values())
        return Unreadable(problems=(f"the headings must be exactly these, with nothing before them: {wanted}",))
    body = dict(zip(sections.HEADINGS, (text for _, text in found), strict=True))
    if empty := [sections.HEADINGS[key] for key, text in body.items() if not text]:
        return Unreadable(problems=tuple(f"the section {heading} is empty" for heading in empty))
    bullets = _bullets(body[SectionKey.CONFIRMED])
    matched = zip(fact_ids, bullets, strict=True) if len(bullets) == len(fact_ids) else ()
    return Draft(
        problem=_said(_paragraph(body[SectionKey.PROBLEM])),
        confirmed=tuple(Wording(record=record, text=text) for record, text in matched),
        notes=(),
        hypothesis=_said(_paragraph(body[SectionKey.HYPOTHESIS])),
        next_steps=tuple(_said(text) for text in _bullets(body[SectionKey.NEXT_STEPS])),
        form=DraftForm.MARKDOWN,
    )


def _said(text: str) -> Statement:
    return Statement(text=text, records=())


def _plain_heading(heading: str) -> str:
    return heading.replace("\u2019", "'").strip("*_ :").casefold()


def _paragraph(body: str) -> str:
    return " ".join(_LIST_ITEM.sub("", line).strip() for line in body.splitlines()).strip()


def _bullets(body: str) -> list[str]:
    """The items of a list; a line without a mark goes on with the item above it."""
    items: list[str] = []
    for line in body.splitlines():
        if (mark := _LIST_ITEM.match(line)) is not None:
            items.append(line[mark.end() :].strip())
        elif items and line.strip():
            items[-1] += " " + line.strip()
    return items
