"""A package as an HTML fragment, for PSAs that take HTML: made of its parts, never of its markdown.

Only `h2`, `p`, `ul` and `li` without attributes stand in it; every text is escaped here.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

TAGS = frozenset({"h2", "p", "ul", "li", "strong", "code", "br"})
"""All that a fragment may hold, by the contract."""
_PIECE = re.compile(rf"<(/?)({'|'.join(sorted(TAGS))})>|[^<>&]++|&(?:amp|lt|gt|quot|#39|#x27);")


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


def is_fragment(html: str) -> bool:
    """Whether it is text of ours between the contract's tags, each without attributes and closed in its order.

    What holds anything else must not be shown as HTML. Linear in the length.
    """
    waiting: list[str] = []
    end = 0
    while end < len(html):
        piece = _PIECE.match(html, end)
        if piece is None:
            return False
        end, tag = piece.end(), piece[2]
        if tag is None or (tag == "br" and not piece[1]):
            continue
        if not piece[1]:
            waiting.append(tag)
        elif not waiting or waiting.pop() != tag:
            return False
    return not waiting
