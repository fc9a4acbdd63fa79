"""The last check of a package: tests break each promise by hand, and it sees the break."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from consumer.domain.language.en import ENGLISH
from consumer.domain.rendering.markdown import Rendered
from consumer.domain.review import gate, shape
from consumer.domain.review.violations import Rule
from schemas.packages import Section, SectionKey
from tests.domain import answers
from tests.support import build


def changed(rendered: Rendered, key: SectionKey, old: str, new: str) -> Rendered:
    """The package with a text of one section replaced, everywhere where the section stands."""
    before = next(section for section in rendered.sections if section.key is key)
    assert old in before.markdown
    after = Section(key=key, heading=before.heading, markdown=before.markdown.replace(old, new))
    return replace(
        rendered,
        markdown=rendered.markdown.replace(before.markdown, after.markdown),
        sections=tuple(after if section.key is key else section for section in rendered.sections),
    )


def in_order(rendered: Rendered, *places: int) -> Rendered:
    """The package with its sections in another order, everywhere."""
    moved = tuple(rendered.sections[place] for place in places)
    written = "\n\n".join(f"## {section.heading}\n\n{section.markdown}" for section in moved) + "\n"
    return replace(rendered, sections=moved, markdown=written)


BUNDLE = answers.session()
SOUND = gate.by_rules(BUNDLE).rendered
FIX = "Fix: Remove the stale autodiscover record"
LEAD = "is recorded as in place but not yet confirmed"

BROKEN: list[tuple[Rule, Rendered]] = [
    (Rule.UNREADABLE, replace(SOUND, markdown="Hello.\n\n" + SOUND.markdown)),
    (Rule.UNREADABLE, replace(SOUND, markdown=SOUND.markdown + "\n## More\n\nText.\n")),
    (Rule.UNREADABLE, replace(SOUND, markdown=SOUND.markdown.replace("## Problem", "## **Problem**"))),
    (Rule.UNREADABLE, replace(SOUND, markdown=SOUND.markdown.replace("\n\n## What", "\n\n\n## What"))),
    (Rule.UNREADABLE, replace(SOUND, markdown=SOUND.markdown.rstrip("\n"))),
    (Rule.UNREADABLE, in_order(SOUND, 1, 0, 2, 3, 4)),
    (Rule.EMPTY, changed(SOUND, SectionKey.HYPOTHESIS, SOUND.sections[3].markdown, ENGLISH.no_hypothesis)),
    (Rule.EMPTY, changed(SOUND, SectionKey.CONFIRMED, "- The mailbox opens in the browser for all six users.\n", "")),
    (Rule.EMPTY, changed(SOUND, SectionKey.TRIED, SOUND.sections[2].markdown.split("\n")[0] + "\n", "")),
    (Rule.MARKUP, changed(SOUND, SectionKey.CONFIRMED, "- The mailbox", "The mailbox")),
    (Rule.STEP_COUNT, changed(SOUND, SectionKey.NEXT_STEPS, "\n- ", " and ")),
    (Rule.OUTCOME, changed(SOUND, SectionKey.TRIED, "awaiting verification", "verified")),
    (Rule.OUTCOME, changed(SOUND, SectionKey.TRIED, "did not resolve the issue", "helped")),
    (Rule.OUTCOME, changed(SOUND, SectionKey.HYPOTHESIS, LEAD, "solved it")),
    (Rule.LENGTH, replace(SOUND, title="x" * 101)),
    (Rule.INVISIBLE, replace(SOUND, plain_text=SOUND.plain_text.replace("mailbox", "mail\u200bbox"))),
    (Rule.INVISIBLE, replace(SOUND, title="T\u202ex")),
    (Rule.MARKUP, changed(SOUND, SectionKey.CONFIRMED, "mailbox", "<b>mailbox</b>")),
    (Rule.MARKUP, changed(SOUND, SectionKey.CONFIRMED, "mailbox", "[mailbox](x)")),
    (Rule.MARKUP, changed(SOUND, SectionKey.CONFIRMED, "mailbox", "**mailbox**")),
    (Rule.MARKUP, changed(SOUND, SectionKey.CONFIRMED, "The mailbox", "@dana The mailbox")),
    (Rule.MARKUP, replace(SOUND, title="<img src=x>")),
    (Rule.PLACEHOLDER, changed(SOUND, SectionKey.CONFIRMED, "mailbox", "TBD")),
    (Rule.LINK, changed(SOUND, SectionKey.CONFIRMED, "mailbox", "`https://evil.example/a`")),
    (Rule.INTAKE_QUOTED, replace(SOUND, plain_text=SOUND.plain_text + answers.INTAKE)),
]  # fmt: skip


def test_a_sound_package_is_sound() -> None:
    assert list(shape.check(BUNDLE, SOUND)) == []


@pytest.mark.parametrize(("rule", "rendered"), BROKEN)
def test_a_broken_promise_is_seen(rule: Rule, rendered: Rendered) -> None:
    assert rule in {violation.rule for violation in shape.check(BUNDLE, rendered)}


@pytest.mark.parametrize("idle", shape.CHECKS, ids=lambda look: look.__name__)
def test_no_check_is_idle(idle: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape, "CHECKS", tuple(look for look in shape.CHECKS if look is not idle))
    seen = [rule in {violation.rule for violation in shape.check(BUNDLE, rendered)} for rule, rendered in BROKEN]
    assert not all(seen)


def test_what_stands_as_code_is_no_markup() -> None:
    bundle = build.bundle(build.opened(), build.fact("It is at https://status.example.com/a**b for now."))
    rendered = gate.by_rules(bundle).rendered
    assert "`https://status.example.com/a**b`" in rendered.markdown
    assert list(shape.check(bundle, rendered)) == []


def test_a_package_that_is_too_long_is_seen() -> None:
    grown = changed(SOUND, SectionKey.CONFIRMED, "mailbox", "mailbox " * 4000)
    assert Rule.LENGTH in {violation.rule for violation in shape.check(BUNDLE, grown)}


@pytest.mark.parametrize(
    ("key", "sentinel"),
    [
        (SectionKey.PROBLEM, ENGLISH.no_problem),
        (SectionKey.CONFIRMED, ENGLISH.nothing_confirmed),
        (SectionKey.TRIED, ENGLISH.nothing_tried),
        (SectionKey.HYPOTHESIS, ENGLISH.no_hypothesis),
    ],
)
def test_a_fixed_sentence_must_stand_where_it_belongs(key: SectionKey, sentinel: str) -> None:
    empty = build.bundle(build.opened(title=None))
    rendered = gate.by_rules(empty).rendered
    assert list(shape.check(empty, rendered)) == []
    violations = shape.check(empty, changed(rendered, key, sentinel, sentinel.replace(".", "!")))
    assert Rule.EMPTY in {violation.rule for violation in violations}
