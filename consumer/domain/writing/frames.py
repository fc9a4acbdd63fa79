"""Takes off what models put around an answer: a fence, words before and after it; a title and other levels of headings.

Nothing within a section is changed, and a heading that is none of the five stays, so that the answer is refused for it.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping

from pydantic import JsonValue

from consumer.domain.writing import sections

FENCE = re.compile(r"(?<![`~])(?P<marks>`{3,}+|~{3,}+)[\w-]*+[ \t]*+\n(?P<inside>.*?)(?P=marks)", re.DOTALL)
"""A fenced block, of backticks or tildes."""
_BOLD = ("**", "__")
_NUMBER = re.compile(r"^\d{1,2}[.)][ \t]+")


def _name(heading: str) -> str:
    """What a heading says, whatever its emphasis, number, apostrophe and case."""
    bare = _NUMBER.sub("", heading.strip("*_ ").replace("\u2019", "'"))
    return bare.strip("*_ :").casefold()


def _heading(line: str) -> str:
    """A heading's text, with its emphasis; that of a line in bold, too. Empty for any other line."""
    heading = sections.heading_of(line)
    return heading[1] if heading else line if line.lstrip().startswith(_BOLD) else ""


def unframed(answer: str, headings: Collection[str]) -> str:
    """The answer from the first of the five headings on, each of them as ours; empty where there is none of them."""
    ours = {_name(heading): f"## {heading}" for heading in headings}
    return next(filter(None, (_from_first(text, ours) for text in _candidates(answer))), "")


def _candidates(answer: str) -> Iterator[str]:
    yield from (fence["inside"] for fence in FENCE.finditer(answer))
    yield answer


def _from_first(text: str, names: Mapping[str, str]) -> str:
    lines: list[str] = []
    for line in text.splitlines():
        ours = names.get(_name(_heading(line)))
        if ours or lines:
            lines.append(ours or line)
    return "\n".join(lines)


def json_object(answer: str) -> dict[str, JsonValue] | None:
    """The answer as a JSON object, also within a fence; None where it is none."""
    return _first_object(answer, *(fence["inside"] for fence in FENCE.finditer(answer)))


def json_object_within(answer: str) -> dict[str, JsonValue] | None:
    """The JSON object from the first brace to the last one, with words around it."""
    return _first_object(answer[answer.find("{") : answer.rfind("}") + 1])


def _first_object(*candidates: str) -> dict[str, JsonValue] | None:
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
