"""Checks the text that goes out, as a reader could check it, for packages by a model and by rules alike."""

import re
from collections.abc import Callable, Iterator

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import FixRecord
from consumer.domain.language.language import Language
from consumer.domain.rendering.markdown import Rendered
from consumer.domain.review.grounding import of_bundle
from consumer.domain.review.violations import Rule, Violation
from consumer.domain.text.names import normal
from consumer.domain.text.sanitize import ADDRESS, escape, is_harmless
from consumer.domain.writing import fact_lines, outcome_table, quotes, sections
from schemas.packages import SectionKey

_CODE = re.compile(r"`[^`\n]*`")
_TAG_OR_LINK = re.compile(r"<[A-Za-z/!?]|!\[|\][(\[]|(?<![\w\\.+-])@\w")
_ACTIVE_MARKUP = re.compile(rf"{_TAG_OR_LINK.pattern}|^ {{0,3}}(?:```|~~~|>|\||\[[^\]]*\]:)|(?<!\\)\*\*", re.MULTILINE)
_EMPTY_BULLET = re.compile(r"^-\s*$|\bTBD\b", re.MULTILINE | re.IGNORECASE)


def check(bundle: Bundle, rendered: Rendered) -> Iterator[Violation]:
    """Yields a violation for each promise of the contract that the text breaks; none for text of `markdown.render`."""
    for look in CHECKS:
        for rule, detail in look(bundle, rendered):
            yield Violation(rule=rule, detail=detail)


Findings = Iterator[tuple[Rule, str]]


def _headings(bundle: Bundle, rendered: Rendered) -> Findings:
    headings = [heading for heading, _ in sections.split(rendered.markdown)]
    if headings != list(bundle.language.headings.values()) or not rendered.markdown.startswith("## "):
        yield Rule.UNREADABLE, "the headings are not the five, in order, with nothing before them"
    whole = "\n\n".join(f"## {section.heading}\n\n{section.markdown}" for section in rendered.sections) + "\n"
    if (
        whole != rendered.markdown
        or "\n\n\n" in whole
        or any(not section.markdown.strip() for section in rendered.sections)
    ):
        yield Rule.UNREADABLE, "the sections do not make the markdown"


def _sentinels(bundle: Bundle, rendered: Rendered) -> Findings:
    language = bundle.language
    body = {section.key: section.markdown for section in rendered.sections}
    wanted = {
        SectionKey.PROBLEM: (language.no_problem, not bundle.records.is_described),
        SectionKey.CONFIRMED: (language.nothing_confirmed, not bundle.records.facts),
        SectionKey.TRIED: (language.nothing_tried, not bundle.records.steps and not bundle.records.applied_fixes),
        SectionKey.HYPOTHESIS: (language.no_hypothesis, not outcome_table.leads(bundle.records.active_fix)),
    }
    for key, (sentinel, holds) in wanted.items():
        if (body[key] == sentinel) != holds:
            yield (
                Rule.EMPTY,
                f"{key}: the fixed sentence stands where it does not belong, or is missing",
            )


def _lists(bundle: Bundle, rendered: Rendered) -> Findings:
    body = {section.key: section.markdown.split("\n") for section in rendered.sections}
    for key in (SectionKey.CONFIRMED, SectionKey.TRIED, SectionKey.NEXT_STEPS):
        if len(body[key]) > 1 and any(not line.startswith("- ") or not line[2:].strip() for line in body[key]):
            yield Rule.MARKUP, f"{key}: a line that is no bullet, or an empty one"
    if not sections.FEWEST_STEPS <= len(body[SectionKey.NEXT_STEPS]) <= sections.MOST_STEPS:
        yield Rule.STEP_COUNT, "not two to four next steps"
    if rendered.truncated:
        return
    shown = len(fact_lines.merged(bundle.records.facts))
    if shown and len(body[SectionKey.CONFIRMED]) != shown:
        yield Rule.EMPTY, "not one bullet for every fact, equal ones merged"
    tried = len(bundle.records.steps) + len(bundle.records.applied_fixes)
    if tried and len(body[SectionKey.TRIED]) != tried:
        yield Rule.EMPTY, "not one bullet for everything that was tried"


def _outcomes(bundle: Bundle, rendered: Rendered) -> Findings:
    body = {section.key: section.markdown for section in rendered.sections}
    language = bundle.language
    beginning = sections.BULLET + language.fix_line.partition("{")[0]
    bullets = [line for line in body[SectionKey.TRIED].split("\n") if line.startswith(beginning)]
    if not rendered.truncated:
        for fix, bullet in zip(bundle.records.applied_fixes, bullets, strict=False):
            if not all(words in bullet for words in language.outcome_words[fix.status]):
                yield Rule.OUTCOME, "a fix is not listed with its outcome"
    active = bundle.records.active_fix
    if active is not None and outcome_table.leads(active):
        yield from _lead(active, language, body[SectionKey.HYPOTHESIS])


def _lead(fix: FixRecord, language: Language, hypothesis: str) -> Findings:
    stated = escape(outcome_table.lead(fix, language))
    if not hypothesis.startswith(stated) or not all(words in stated for words in language.lead_words[fix.status]):
        yield Rule.OUTCOME, "the hypothesis does not begin with the outcome of the active fix"


def _size(bundle: Bundle, rendered: Rendered) -> Findings:
    del bundle
    if len(rendered.markdown) > sections.LONGEST_MARKDOWN or len(rendered.title) > sections.LONGEST_TITLE:
        yield Rule.LENGTH, "longer than the contract allows"


def _harmless(bundle: Bundle, rendered: Rendered) -> Findings:
    lines = [*rendered.markdown.split("\n"), *rendered.plain_text.split("\n"), rendered.title]
    if not all(map(is_harmless, lines)):
        yield Rule.INVISIBLE, "invisible or control characters"
    prose = "\n".join(section.markdown for section in rendered.sections)
    if _ACTIVE_MARKUP.search(_CODE.sub("", prose)) or _TAG_OR_LINK.search(rendered.title):
        yield Rule.MARKUP, "markup that a renderer would act on"
    if _EMPTY_BULLET.search(rendered.markdown) or _EMPTY_BULLET.search(rendered.plain_text):
        yield Rule.PLACEHOLDER, "an empty bullet, or something left to be filled in"
    addresses = {normal(address[0]) for address in ADDRESS.finditer(rendered.markdown)}
    if addresses and not _are_recorded(addresses, bundle):
        yield Rule.LINK, "an address that no record holds"


def _are_recorded(addresses: set[str], bundle: Bundle) -> bool:
    recorded = of_bundle(bundle).text
    return all(address in recorded for address in addresses)


def _quoted(bundle: Bundle, rendered: Rendered) -> Findings:
    if quotes.too_long(bundle.records.intake_text, rendered.markdown, rendered.plain_text):
        yield Rule.INTAKE_QUOTED, "a long passage of the intake"


CHECKS: tuple[Callable[[Bundle, Rendered], Findings], ...] = (
    _headings,
    _sentinels,
    _lists,
    _outcomes,
    _size,
    _harmless,
    _quoted,
)
"""All checks. `verdicts` names each after its function."""
