"""The HTML of a package: only the contract's tags, no attributes, and the same words as the other forms."""

from html.parser import HTMLParser

from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.domain.language.de import GERMAN
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.language.languages import LANGUAGES
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

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.faults: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
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
