"""The text of a package, read back by a markdown parser: nothing but five headings, paragraphs, bullets and code."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.language.languages import LANGUAGES, language_of
from consumer.domain.rendering import markdown
from consumer.domain.rendering.markdown import Rendered, render
from consumer.domain.review import shape
from consumer.domain.text import sanitize
from consumer.domain.writing import rules_draft
from consumer.domain.writing.draft import Draft, NextStep, Statement, Wording
from schemas.packages import SectionKey
from tests.domain import answers
from tests.support import build

SHARED = Path(os.environ.get("ESCALATION_SHARED_DIR", Path(__file__).resolve().parents[3].parent / "shared"))
PARSER = MarkdownIt("gfm-like", {"linkify": False, "html": True}).disable("linkify")
HARMLESS = {"heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline", "bullet_list_open",
            "bullet_list_close", "list_item_open", "list_item_close"}  # fmt: skip
LIST = ["bullet_list_open", "list_item_open", "list_item_close", "bullet_list_close"]
INLINE = {"text", "code_inline", "text_special"}


def plain(bundle: Bundle) -> Rendered:
    return render(bundle, rules_draft.draft_by_rules(bundle))


def body(rendered: Rendered, key: SectionKey) -> str:
    return next(section.markdown for section in rendered.sections if section.key is key)


def bullets(rendered: Rendered, key: SectionKey) -> list[str]:
    return [line.removeprefix("- ") for line in body(rendered, key).split("\n")]


def assert_harmless(rendered: Rendered) -> None:
    tokens = PARSER.parse(rendered.markdown)
    assert {token.type for token in tokens} <= HARMLESS, rendered.markdown
    assert {child.type for token in tokens for child in token.children or ()} <= INLINE, rendered.markdown
    headings = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    assert headings == list(language_of(rendered.language).headings.values())
    assert all(token.level in {0, 1, 2, 3} for token in tokens)


def shown(rendered: Rendered) -> list[str]:
    """What a reader of the rendered markdown sees, block by block."""
    return [
        "".join(child.content for child in token.children or ())
        for token in PARSER.parse(rendered.markdown)
        if token.type == "inline"
    ]


@pytest.mark.skipif(not (SHARED / "CONTRACT.md").exists(), reason="the contract does not lie beside the checkout")
def test_headings_and_fixed_sentences_are_the_contracts_byte_by_byte() -> None:
    contract = (SHARED / "CONTRACT.md").read_bytes()
    fixed = (ENGLISH.no_problem, ENGLISH.nothing_confirmed, ENGLISH.nothing_tried, ENGLISH.no_hypothesis)
    for text in (*fixed, *(f"## {heading}" for heading in ENGLISH.headings.values())):
        assert f"`{text}`".encode() in contract


def test_an_empty_session_says_so_in_every_section() -> None:
    rendered = plain(build.bundle(build.opened(title=None)))
    assert body(rendered, SectionKey.PROBLEM) == "No problem description was recorded."
    assert body(rendered, SectionKey.CONFIRMED) == "Nothing confirmed yet."
    assert body(rendered, SectionKey.TRIED) == "No diagnostic actions run yet."
    assert (
        body(rendered, SectionKey.HYPOTHESIS) == "No leading hypothesis yet \u2014 symptoms are still being narrowed."
    )
    assert 2 <= len(bullets(rendered, SectionKey.NEXT_STEPS)) <= 4
    assert rendered.title == "Escalation handoff"


@pytest.mark.parametrize(
    "known", [{"title": "T"}, {"problem_summary": "S"}, {"intake_text": "I"}, {"problem_domain": "D"}]
)  # fmt: skip
def test_anything_known_of_the_problem_is_told(known: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"title": None} | known
    assert ENGLISH.no_problem not in plain(build.bundle(build.opened(**fields))).markdown


def test_a_reason_or_a_fact_alone_tells_the_problem() -> None:
    nothing = build.opened(title=None)
    assert "needs a hand" in body(plain(build.bundle(nothing, reason="needs a hand")), SectionKey.PROBLEM)
    assert "the door is open" in body(plain(build.bundle(nothing, build.fact("the door is open"))), SectionKey.PROBLEM)


@pytest.mark.parametrize(("confidence_pct", "leads"), [(59, False), (60, True), (100, True)])
def test_a_proposal_leads_from_sixty_percent_on(confidence_pct: int, leads: bool) -> None:
    rendered = plain(build.bundle(build.opened(), build.fix(confidence_pct=confidence_pct)))
    hypothesis = body(rendered, SectionKey.HYPOTHESIS)
    assert (hypothesis == ENGLISH.no_hypothesis) != leads
    assert (f"{confidence_pct}%" in hypothesis) == leads
    assert body(rendered, SectionKey.TRIED) == ENGLISH.nothing_tried


@pytest.mark.parametrize("form", ["json", "rules"])
def test_the_outcome_of_the_active_fix_leads_whatever_a_draft_says(form: str) -> None:
    bundle = answers.session()
    said = Statement(text="The issue is resolved.", records=("X2",))
    draft = rules_draft.draft_by_rules(bundle) if form == "rules" else Draft(
        problem=said, confirmed=(), notes=(), hypothesis=said, next_steps=(NextStep(text="Look.", records=()),) * 2
    )  # fmt: skip
    hypothesis = body(render(bundle, draft), SectionKey.HYPOTHESIS)
    assert hypothesis.startswith(
        '"Remove the stale autodiscover record" is recorded as in place but not yet confirmed: waiting for, in'
        " the record's words: Dana signs in after the 16:00 restart. What is awaited tells whether it has been"
        " carried out; it is unverified, and leads until it is confirmed."
    )


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_the_sentence_for_no_hypothesis_never_follows_one(language: Language) -> None:
    bundle = build.bundle(*answers.events(), language=language)
    sentinel = Statement(text=language.no_hypothesis, records=("X2",))
    rendered = render(bundle, rules_draft.draft_by_rules(bundle).model_copy(update={"hypothesis": sentinel}))
    assert language.no_hypothesis not in rendered.markdown


def test_a_wording_and_a_note_stand_in_their_places() -> None:
    bundle = answers.session()
    draft = rules_draft.draft_by_rules(bundle).model_copy(
        update={"confirmed": (Wording(record="F2", text="short"),), "notes": (Wording(record="S1", text="it ran"),)}
    )
    rendered = render(bundle, draft)
    assert bullets(rendered, SectionKey.CONFIRMED)[1] == "short"
    assert [line for line in bullets(rendered, SectionKey.TRIED) if "Note: it ran." in line]


def test_plain_text_says_the_same_without_markup() -> None:
    rendered = plain(
        build.bundle(build.opened(title="*Bold* at \\\\fs\\x_y_ & https://a.example/b"), build.fact("# no heading"))
    )
    blocks = [re.sub(r"^- ", "", line) for line in rendered.plain_text.split("\n") if line]
    assert blocks == shown(rendered)
    assert re.search(r"[^\n]\n\Z", rendered.plain_text)
    assert not re.search(r"\n\n\n|`|^#", rendered.plain_text, re.MULTILINE)


def test_no_id_of_a_record_and_no_actor_is_shown() -> None:
    rendered = plain(answers.session())
    assert not re.search(r"\b[FSXPR]\d\b|fact-|fix-|script-", rendered.markdown + rendered.title)


HOSTILE = {
    "heading": "# Ignore\n## Problem\n\nnothing",
    "setext heading": "Ignore\n===\nand\n---",
    "bold heading": "**## What we've tried**",
    "list": "- one\n- two\n\n1. three",
    "task": "[x] resolved",
    "number": "1. first",
    "quote": "> quoted",
    "fence": "```\ncode\n```",
    "tilde fence": "~~~ code",
    "html": "<script>alert(1)</script><!-- x --> <img src=x onerror=y>",
    "half a tag": "<img src=x",
    "nested tags": "<<b>script>",
    "image": "![alt](https://a.example/i.png)",
    "link": "[text](https://a.example/) and [text][ref]",
    "definition": "[ref]: https://a.example/",
    "autolink": "<https://a.example/> <m@a.example>",
    "address": "see https://a.example/?q=*_`) now",
    "mention": "@everyone ask @dana, not dana@a.example",
    "emphasis": "*a* _b_ **c** __d__ ~~e~~ ~f~ snake_case_name",
    "entity": "&lt;b&gt; &#x202e; &amp;",
    "code": "a `code` span and ``one`more",
    "backslash": "C:\\temp\\*.* \\\\server\\share \\",
    "table": "| a | b |\n|---|---|\n| 1 | 2 |",
    "rule": "---",
    "invisible": "a\u200bb\u202ec\u2066d\ufeffe\u00adf\U000e0041g\x00h\x1bi\u3164j",
    "separators": "a\u2028b\u2029c\x0bd\x0ce\x85f\rg",
    "to be filled in": "Owner TBD",
    "blank": "\u200b",
    "placeholder": "[REDACTED:password#1] twice",
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_untrusted_text_stays_text(text: str, language: Language) -> None:
    bundle = build.bundle(
        build.opened(title=text, problem_summary=text, problem_domain=text, intake_text=text),
        build.fact(text),
        build.check(text, source_summary=text),
        build.script(text, slug=text, parameters={text: text, "b": [text]}),
        build.fix(text, fix_id="a", description=text),
        build.outcome("applied_failed", fix_id="a", failure_reason=text),
        build.fix(text, fix_id="b", description=text),
        build.outcome("applied_pending", fix_id="b", pending_reason=text),
        reason=text,
        language=language,
    )
    rendered = plain(bundle)
    assert_harmless(rendered)
    assert list(shape.check(bundle, rendered)) == []


def test_secrets_names_survive() -> None:
    rendered = plain(build.bundle(build.opened(), build.fact("[REDACTED:password#1] failed.")))
    assert bullets(rendered, SectionKey.CONFIRMED) == ["[REDACTED:password#1] failed."]


TEXTS = st.text(st.characters(), min_size=1, max_size=60).filter(lambda text: bool(text.strip()) and "\x00" not in text)
MARKS = st.text("#*_`~<>[]()!&\\|-+=:/.@ \n\t0123aA\u200b\u202e", min_size=1, max_size=40).filter(str.strip)


@given(text=TEXTS | MARKS)
@settings(max_examples=150, deadline=None)
def test_no_text_becomes_markup(text: str) -> None:
    line = sanitize.clean(text)
    assert sanitize.clean(line) == line
    tokens = PARSER.parse("- " + sanitize.escape(line))
    assert [token.type for token in tokens] in (
        [*LIST[:2], "paragraph_open", "inline", "paragraph_close", *LIST[2:]],
        LIST,
    )  # fmt: skip
    inline = next((token for token in tokens if token.type == "inline"), None)
    children = (inline.children or []) if inline else []
    assert {child.type for child in children} <= INLINE
    assert "".join(child.content for child in children) == line


@given(text=MARKS | st.text("~ aC:\\P1", min_size=1, max_size=30).filter(str.strip))
def test_no_two_tildes_strike_anything_through(text: str) -> None:
    """GitHub strikes through between single ones, too, which the parser above does not know."""
    written = sanitize.escape(sanitize.clean(text))
    outside_code = "".join(written.split("`")[::2])
    assert re.sub(r"\\[!-/:-@\[-`{-~]", "", outside_code).count("~") < 2


@given(text=TEXTS | MARKS, limit=st.integers(20, 300))
@settings(deadline=None)
def test_a_shortened_line_keeps_its_limit(text: str, limit: int) -> None:
    line = sanitize.clean(text * 9)
    short = sanitize.shorten(line, limit)
    assert len(short) <= limit
    assert short == line or short.endswith("\u2026")


def test_a_placeholder_is_never_torn() -> None:
    for padding in range(60):
        short = sanitize.shorten("x" * padding + " [REDACTED:password#1] " + "y" * 80, 60)
        assert "[REDACTED" not in short or "[REDACTED:password#1]" in short


class TestSize:
    def test_an_ordinary_session_is_about_as_long_as_the_shortest_note(self) -> None:
        facts = [
            build.check(f"Check {n}: " + "port 443 answers from the branch office. " * 4, fact_id=str(n))
            for n in range(8)
        ]
        rendered = plain(build.bundle(build.opened(), *facts, build.fix(), build.outcome("applied_pending")))
        assert len(rendered.markdown) < 4200
        assert not rendered.truncated

    def test_the_oldest_facts_leave_first_then_checks(self) -> None:
        facts = [
            build.check(f"Check {n:03}: " + "port 443 answers from the branch. " * 6, fact_id=str(n))
            for n in range(500)
        ]
        rendered = plain(
            build.bundle(build.opened(), *facts, build.script(), build.fix(), build.outcome("applied_failed"))
        )
        assert 29_000 < len(rendered.markdown) <= 30_000
        assert rendered.truncated
        confirmed, tried = bullets(rendered, SectionKey.CONFIRMED), bullets(rendered, SectionKey.TRIED)
        assert confirmed == ["Left out for length, the oldest: 500 facts."] or confirmed[-2].startswith("Check 499")
        assert "Check 499" in tried[-4]
        gone = re.search(r"Left out for length, the oldest: (\d+) checks\.", tried[-1])
        assert gone is not None
        assert int(gone[1]) == 500 - sum("Check " in line for line in tried[:-1])

    def test_facts_leave_before_anything_that_was_tried(self) -> None:
        facts = [
            build.fact(f"Fact {n:03}: " + "port 443 answers from the branch. " * 6, fact_id=str(n)) for n in range(200)
        ]
        rendered = plain(
            build.bundle(build.opened(), build.script(), *facts, build.fix(), build.outcome("applied_failed"))
        )
        confirmed = bullets(rendered, SectionKey.CONFIRMED)
        assert confirmed[-2].startswith("Fact 199")
        assert re.fullmatch(r"Left out for length, the oldest: \d+ facts\.", confirmed[-1])
        assert len(bullets(rendered, SectionKey.TRIED)) == 2

    def test_then_the_texts_of_fixes_are_shortened(self) -> None:
        rendered = plain(build.bundle(build.opened(), *self._fixes(150)))
        assert len(rendered.markdown) <= 30_000
        tried = bullets(rendered, SectionKey.TRIED)
        assert len(tried) == 151
        assert all("did not resolve the issue" in line for line in tried[:-1])
        assert tried[-1] == "The texts of 150 fixes are shortened for length."

    @pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
    def test_no_number_of_fixes_makes_it_longer(self, language: Language) -> None:
        bundle = build.bundle(build.opened(), *self._fixes(400), language=language)
        rendered = plain(bundle)
        assert len(rendered.markdown) <= 30_000
        assert list(shape.check(bundle, rendered)) == []

    @staticmethod
    def _fixes(number: int) -> list[Any]:
        return [
            event
            for n in range(number)
            for event in (
                build.fix(f"Fix {n} " + "with a long title " * 5, fix_id=str(n)),
                build.outcome("applied_failed", fix_id=str(n), failure_reason="It came back after a while. " * 9),
            )
        ]

    def test_a_title_has_a_hundred_characters_at_most(self) -> None:
        assert len(markdown.title(build.bundle(build.opened(title="word " * 60)))) <= 100


class TestIntake:
    INTAKE = " ".join(f"Sentence {n} of the mail tells a bit more." for n in range(40))

    @pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
    def test_it_is_never_quoted_at_length_wherever_it_was_copied_to(self, language: Language) -> None:
        bundle = build.bundle(
            build.opened(
                title=self.INTAKE, problem_summary=self.INTAKE, intake_text=self.INTAKE, problem_domain=self.INTAKE
            ),
            build.check(self.INTAKE, source_summary=self.INTAKE),
            build.fix(self.INTAKE, description=self.INTAKE),
            build.outcome("applied_pending", pending_reason=self.INTAKE, partial_notes=self.INTAKE),
            reason=self.INTAKE,
            language=language,
        )
        assert list(shape.check(bundle, plain(bundle))) == []

    def test_not_even_by_bullets_that_together_are_the_intake(self) -> None:
        lines = [
            f"{word} was seen by everybody in the office on Monday"
            for word in ("Alpha", "Beta", "Gamma", "Delta", "Eps", "Zeta", "Eta")
        ]
        bundle = build.bundle(
            build.opened(intake_text="- " + "\n- ".join(lines)),
            *(build.fact(line, fact_id=line[:5]) for line in lines),
        )
        rendered = plain(bundle)
        assert list(shape.check(bundle, rendered)) == []
        assert bullets(rendered, SectionKey.CONFIRMED)[0].startswith("Engineer observation: Alpha")
