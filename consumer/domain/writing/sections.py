"""The bounds of the five sections, and how their headings are read (contract part 5)."""

import re

FEWEST_STEPS = 2
MOST_STEPS = 4
LONGEST_MARKDOWN = 30_000
"""Characters of the markdown; the bound of contract part 5."""
LONGEST_TITLE = 100
"""Characters (contract part 5)."""
LONGEST_QUOTE = 299
"""Consecutive characters of the intake that an output may hold. A run of whitespace counts as one."""

BULLET = "- "
_LEVEL = 2
_MARKS = re.compile(r" {0,3}(#{1,6})(?![^ \t])")


def heading_of(line: str) -> tuple[int, str] | None:
    """The level and the text of a heading's line, as CommonMark has it; None for any other line."""
    marks = _MARKS.match(line)
    if marks is None:
        return None
    text = line[marks.end() :].strip(" \t")
    unclosed = text.rstrip("#")
    return len(marks[1]), unclosed.rstrip(" \t") if unclosed[-1:] in {"", " ", "\t"} else text


def split(markdown: str) -> list[tuple[str, str]]:
    """Every heading of a markdown text with the body below it, in order. Text before the first one is headed ``""``.

    A heading of another level than two keeps its marks, so that it never equals a heading of ours.
    """
    parts: list[tuple[str, list[str]]] = [("", [])]
    for line in markdown.splitlines():
        heading = heading_of(line)
        if heading is None:
            parts[-1][1].append(line)
        else:
            level, text = heading
            parts.append((text if level == _LEVEL else f"{'#' * level} {text}", []))
    bodies = [(heading, "\n".join(lines).strip()) for heading, lines in parts]
    return bodies if bodies[0][1] else bodies[1:]
