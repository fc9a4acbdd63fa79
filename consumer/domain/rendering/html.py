"""A package as an HTML fragment, for PSAs that take HTML: made of its parts, never of its markdown.

Only `h2`, `p`, `ul` and `li` without attributes stand in it; every text is escaped here.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple


class Block(NamedTuple):
    """A section as plain lines: the items of a list, or one paragraph a line."""

    heading: str
    lines: Sequence[str]
    is_list: bool


def fragment(blocks: Iterable[Block]) -> str:
    """The sections in order, a tag a line."""
    return "\n".join(line for block in blocks for line in _lines(block))


def _lines(block: Block) -> Iterable[str]:
    yield f"<h2>{_text(block.heading)}</h2>"
    if block.is_list:
        yield "<ul>"
        yield from (f"<li>{_text(line)}</li>" for line in block.lines)
        yield "</ul>"
    else:
        yield from (f"<p>{_text(line)}</p>" for line in block.lines)


def _text(text: str) -> str:
    return escape(text, quote=False)
