"""The five sections: their headings, their order, and what stands in one with nothing to say: byte by byte."""

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
"""In the order in which they stand."""

NO_PROBLEM = "No problem description was recorded."
NOTHING_CONFIRMED = "Nothing confirmed yet."
NOTHING_TRIED = "No diagnostic actions run yet."
NO_HYPOTHESIS = "No leading hypothesis yet — symptoms are still being narrowed."

FEWEST_STEPS = 2
MOST_STEPS = 4
LONGEST_MARKDOWN = 30_000
"""Characters; the contract's bound."""
LONGEST_TITLE = 100
LONGEST_QUOTE = 299
"""Consecutive characters of the intake, runs of whitespace counted as one, that an output may hold."""

BULLET = "- "
_HEADING_LINE = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?[ \t]*#*[ \t]*$")


def split(markdown: str) -> list[tuple[str, str]]:
    """Every heading of a markdown text with the body below it, in order; what precedes the first is headed ``""``.

    A heading of another level than two keeps its marks, so that it never equals one of ours.
    """
    parts: list[tuple[str, list[str]]] = [("", [])]
    for line in markdown.splitlines():
        found = _HEADING_LINE.match(line)
        if found is None:
            parts[-1][1].append(line)
        else:
            text = (found[2] or "").strip()
            parts.append((text if found[1] == "##" else f"{found[1]} {text}", []))
    whole = [(heading, "\n".join(lines).strip()) for heading, lines in parts]
    return whole if whole[0][1] else whole[1:]
