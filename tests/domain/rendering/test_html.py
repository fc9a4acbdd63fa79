"""The HTML of a package: only the contract's tags, no attributes, and the same words as the other forms."""

from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.domain.language.de import GERMAN
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.language.languages import LANGUAGES
from consumer.domain.rendering import html
from consumer.domain.rendering.markdown import Rendered, render
from consumer.domain.writing import rules_draft
from schemas.packages import SectionKey
from tests.support import build

ALLOWED = {"h2", "p", "ul", "li", "strong", "code", "br"}
HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</li></ul><h1>Done</h1>", "<!-- ", "-->", "<?php ?>",
    "<![CDATA[x]]>", "&lt;b&gt;", "&#60;script&#62;", "&amp;amp;", '" onmouseover="x', "'", "<svg/onload=x>", "<p>",
    "<a href=javascript:x>", "<", ">", "&", "<li", "\u202e", "\u200b", "\ufeff", "\x00", "\n", "\r\n", "</h2>",
    "word ", "\u00e4", "\U0001f600",
)  # fmt: skip


class Parsed(HTMLParser):
    """The tags, and the text of each block; what is not closed, or carries an attribute, is a fault."""

    def __init__(self, fragment: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.faults: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(fragment)
        self.close()
        self.faults += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.faults += [f"{tag} {name}" for name, _ in attrs]
        self._open.append(tag)
        if tag in {"h2", "p", "li"}:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "ul":
            self.texts[-1] += data
        elif data.strip():
            self.faults.append(f"{data!r} outside of a block")

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        self.faults.append(decl)

    def unknown_decl(self, data: str) -> None:
        self.faults.append(data)

    def handle_pi(self, data: str) -> None:
        self.faults.append(data)


def package_of(text: str, language: Language = ENGLISH) -> Rendered:
    bundle = build.bundle(
        build.opened(title=text, problem_summary=text, intake_text=text),
        build.fact(f"Seen: {text}"),
        build.check(text),
        build.script(name=text),
        build.fix(title=text, description=text),
        language=language,
    )
    return render(bundle, rules_draft.draft_by_rules(bundle))


def plain_lines(rendered: Rendered) -> list[str]:
    return [line.removeprefix("- ") for line in rendered.plain_text.split("\n") if line]


@given(pieces=st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=10), language=st.sampled_from(LANGUAGES))
@example(pieces=list(HOSTILE), language=GERMAN)
@example(pieces=list(HOSTILE), language=ENGLISH)
@settings(max_examples=150, deadline=None)
def test_no_text_becomes_markup(pieces: list[str], language: Language) -> None:
    rendered = package_of("x" + "".join(pieces), language)
    parsed = Parsed(rendered.html)
    assert parsed.faults == []
    assert parsed.tags <= ALLOWED
    assert parsed.texts == plain_lines(rendered)


def test_it_has_a_heading_for_each_section_and_an_item_for_each_bullet() -> None:
    rendered = package_of("Mail & print")
    assert rendered.html.startswith("<h2>Problem</h2>\n<p>")
    assert "<h2>What we've confirmed</h2>\n<ul>\n<li>Seen: Mail &amp; print" in rendered.html
    assert list(rendered.lines) == list(SectionKey)


@given(pieces=st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=10), language=st.sampled_from(LANGUAGES))
@settings(max_examples=50, deadline=None)
def test_what_is_rendered_is_known_as_a_fragment(pieces: list[str], language: Language) -> None:
    assert html.is_fragment(package_of("x" + "".join(pieces), language).html)


MARKUP = ("<p>", "</p>", "<ul>", "</ul>", "<li>", "</li>", "<br>", "</br>", "<strong>", "</strong>", *HOSTILE)


@given(pieces=st.lists(st.sampled_from(MARKUP), max_size=8))
@settings(max_examples=300, deadline=None)
def test_a_fragment_holds_nothing_but_the_tags_of_the_contract(pieces: list[str]) -> None:
    fragment = f"<p>{''.join(pieces)}</p>"
    if html.is_fragment(fragment):
        reader = Tags(fragment)
        assert reader.seen <= ALLOWED
        assert not reader.strange


class Tags(HTMLParser):
    """The tags as a browser tells them, and whatever else is no text."""

    def __init__(self, fragment: str) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: set[str] = set()
        self.strange: list[object] = []
        self.feed(fragment)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.strange += attrs

    def handle_comment(self, data: str) -> None:
        self.strange.append(data)

    def handle_decl(self, decl: str) -> None:
        self.strange.append(decl)

    def handle_pi(self, data: str) -> None:
        self.strange.append(data)

    def unknown_decl(self, data: str) -> None:
        self.strange.append(data)


@pytest.mark.parametrize(
    "fragment",
    [
        "<p onclick=x>a</p>", "<p >a</p>", "<P>a</P>", "<script>a</script>", "<p>a", "a</p>", "<p><ul>a</p></ul>",
        "<!--a-->", "<p>&</p>", "<p>&#60;</p>", "<p>&nbsp;</p>", "</br>", "<a href=x>a</a>", "<p>a<", "<p>>a</p>",
        "<img src=x>", "<li/>", "<p\n>a</p>", "<p>a</p\n>",
    ],
)  # fmt: skip
def test_anything_else_is_no_fragment(fragment: str) -> None:
    assert not html.is_fragment(fragment)


def test_text_between_tags_is_a_fragment_and_long_ones_take_no_time() -> None:
    assert html.is_fragment("<h2>a</h2>\n<ul>\n<li>b &amp; <code>c</code><br>d</li>\n</ul>")
    assert html.is_fragment("")
    assert not html.is_fragment("a" * 200_000 + "<")
