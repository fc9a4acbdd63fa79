"""What five public renderers show of a package is what the record says, whatever characters its texts hold."""

from collections.abc import Callable
from html.parser import HTMLParser

import cmarkgfm
import marko
import mistletoe
import mistune
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from marko.ext.gfm import gfm

from consumer.domain.language.de import GERMAN
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.language.languages import LANGUAGES
from consumer.domain.rendering.markdown import render
from consumer.domain.text.sanitize import clean
from consumer.domain.writing import rules_draft
from schemas.packages import SectionKey
from tests.support import build

RENDERERS: dict[str, Callable[[str], str]] = {
    "markdown-it-py": MarkdownIt("gfm-like", {"linkify": False}).disable("linkify").render,
    "cmark-gfm": cmarkgfm.github_flavored_markdown_to_html,
    "marko": lambda text: str(gfm.convert(text)),
    "marko without extensions": lambda text: str(marko.convert(text)),
    "mistletoe": mistletoe.markdown,
    "mistune": lambda text: str(mistune.create_markdown(plugins=["strikethrough", "table", "task_lists"])(text)),
}


class Shown(HTMLParser):
    """The text of each list item and paragraph, and the tags that stand in them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.blocks: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.tags.add(tag)
        if tag in {"li", "h2"} or (tag == "p" and (not self.blocks or self.blocks[-1])):
            self.blocks.append("")

    def handle_data(self, data: str) -> None:
        if self.blocks:
            self.blocks[-1] += data

    @property
    def texts(self) -> list[str]:
        return [" ".join(block.split()) for block in self.blocks if block.strip()]


_PIECES = (
    *"~*_`#>+-=|[]()<>!&;:@\\/.0123456789$%^{}\"'",
    *("~~", "**", "__", "``", "C:\\PROGRA~1\\MICROS~2", "1. ", "- ", "word", "two words", " ", "&amp;", "&#42;", "\\*"),
    *(
        "https://a.example/x_y~z",
        "\\\\SRV-01\\data$",
        "a_b_c",
        "<b>",
        "[x](y)",
        "![i](j)",
        "www.example.com",
        "~~old~~",
    ),
    *("~/bin", "(c)", "...", "\u00e4\u00f6\u00fc", "\u4f60\u597d", "[ ] ", "[x] "),
)
PIECES = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=12)


@pytest.mark.parametrize("name", RENDERERS)
@given(pieces=PIECES, language=st.sampled_from(LANGUAGES))
@example(pieces=["C:\\PROGRA~1\\MICROS~2 and ~/bin"], language=GERMAN)
@example(pieces=["~~struck~~ *bold* _it_ `code` # no heading"], language=ENGLISH)
@example(pieces=["1. no list"], language=ENGLISH)
@example(pieces=["[ ] no task"], language=ENGLISH)
@example(pieces=["_", "https://a.example/x_y~z"], language=ENGLISH)
@example(pieces=["0", "https://a.example/x_y~z"], language=ENGLISH)
@example(pieces=[")"], language=ENGLISH)
@settings(max_examples=60, deadline=None, derandomize=True)  # mistletoe loses a backslash before code
def test_a_fact_is_shown_as_it_is_recorded(name: str, pieces: list[str], language: Language) -> None:
    text = "".join(pieces)
    facts = (build.fact(f"Seen: {text} there"), build.check(f"{text} was seen"))
    bundle = build.bundle(build.opened(title="T"), *facts, language=language)
    rendered = render(bundle, rules_draft.draft_by_rules(bundle))
    shown = Shown(RENDERERS[name](rendered.markdown))
    plain = rendered.plain_text.split("\n")
    assert shown.texts == [" ".join(line.removeprefix("- ").split()) for line in plain if line.strip()]
    assert shown.tags <= {"h2", "p", "ul", "li", "code"}
    assert any(clean(f"Seen: {text} there")[:200] in line for line in shown.texts)
    assert SectionKey.CONFIRMED in {section.key for section in rendered.sections}
