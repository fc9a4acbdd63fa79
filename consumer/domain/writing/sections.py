"""The five sections: headings, order and the sentences of empty sections, byte by byte (contract part 5)."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from schemas.packages import SectionKey

HEADINGS: Mapping[SectionKey, str] = MappingProxyType(
    {
        SectionKey.PROBLEM: "Problem",
        SectionKey.CONFIRMED: "What we've confirmed",
        SectionKey.TRIED: "What we've tried",
        SectionKey.HYPOTHESIS: "Current hypothesis",
        SectionKey.NEXT_STEPS: "Suggested next steps",
    }
)
"""In the order of the sections."""

NO_PROBLEM = "No problem description was recorded."
NOTHING_CONFIRMED = "Nothing confirmed yet."
NOTHING_TRIED = "No diagnostic actions run yet."
NO_HYPOTHESIS = "No leading hypothesis yet — symptoms are still being narrowed."

FEWEST_STEPS = 2
MOST_STEPS = 4
LONGEST_MARKDOWN = 30_000
"""Characters of the markdown; the bound of contract part 5."""
LONGEST_TITLE = 100
"""Characters (contract part 5)."""
LONGEST_QUOTE = 299
"""Consecutive characters of the intake that an output may hold. A run of whitespace counts as one."""

BULLET = "- "
_HEADING_LINE = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?[ \t]*#*[ \t]*$")


def split(markdown: str) -> list[tuple[str, str]]:
    """Every heading of a markdown text with the body below it, in order. Text before the first one is headed ``""``.

    A heading of another level than two keeps its marks, so that it never equals a heading of ours.
    """
    parts: list[tuple[str, list[str]]] = [("", [])]
    for line in markdown.splitlines():
        match = _HEADING_LINE.match(line)
        if match is None:
            parts[-1][1].append(line)
        else:
            text = (match[2] or "").strip()
            parts.append((text if match[1] == "##" else f"{match[1]} {text}", []))
    bodies = [(heading, "\n".join(lines).strip()) for heading, lines in parts]
    return bodies if bodies[0][1] else bodies[1:]
