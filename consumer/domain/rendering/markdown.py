"""Renders the text of a package: five sections from the record and a draft, as markdown, plain text and HTML.

Code writes the headings, their order, the lists, the outcomes and the sentinels. The draft adds prose in its own places
only. Any bundle and any draft give exactly the contract's shape, at most 30,000 characters, and every line is cleaned
and escaped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.bundle.records import FactRecord
from consumer.domain.rendering import html, listing
from consumer.domain.rendering.listing import APART, SHORTER, SHORTEST, WHOLE, Level, Line, Listed
from consumer.domain.text.sanitize import clean, shorten
from consumer.domain.writing import fact_lines, outcome_table, quotes, sections
from consumer.domain.writing.draft import Draft
from schemas.packages import Section, SectionKey

COMFORTABLE = 3_600
"""Characters that fit the shortest PSA note. Sessions of ordinary size stay near this length."""
_NEARLY = 3_900
"""Characters. For less than a tenth over the comfortable length no text is cut."""
_LONGEST_WHOLE = 14_400
"""Characters of a package whose texts are not shortened."""
_ROOM_FOR_OMISSIONS = 200
"""Characters for the lines that say what was left out of the lists."""
_LONGEST_PROSE = 2_200
"""Characters of the draft's problem, and of its hypothesis: a rules draft quotes a reason whole."""
_LONGEST_STEP = 600

Body = tuple[Line, ...] | Line
"""The lines of a section: the items of a list, or one paragraph."""


class ShownLine(NamedTuple):
    """A bullet or a paragraph as plain text, and the ids of the records that it shows or cites."""

    text: str
    records: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The text of a package."""

    language: str
    """The tag of its language."""
    title: str
    markdown: str
    plain_text: str
    html: str
    sections: tuple[Section, ...]
    """Without their lines: what these rest on is told by the events, which the text does not know."""
    lines: Mapping[SectionKey, tuple[ShownLine, ...]]
    truncated: bool
    """Whether records left the lists or texts of fixes were cut, to stay within 30,000 characters."""


def render(bundle: Bundle, draft: Draft) -> Rendered:
    """Renders the package with its texts whole, or shorter where that makes it comfortable or keeps it from quoting.

    Nothing is cut for a length that is missed all the same. Equal bundle and draft give equal text. Never raises.
    """
    facts = fact_lines.merged(bundle.records.facts)
    whole = _render_at(bundle, draft, WHOLE, facts)
    fit = _may_stand(bundle, whole)
    length = len(whole.markdown)
    is_hopeless = length - _spare(bundle) > COMFORTABLE
    if fit and (length <= _NEARLY or (is_hopeless and length <= _LONGEST_WHOLE)):
        return whole
    shorter = [_render_at(bundle, draft, level, facts) for level in SHORTER]
    standing = [rendered for rendered in shorter if _may_stand(bundle, rendered)]
    comfortable = [rendered for rendered in standing if len(rendered.markdown) <= COMFORTABLE]
    unshortened = [whole] if fit and length <= _LONGEST_WHOLE else []
    for rendered in (*comfortable, *unshortened, *standing):
        return rendered
    return _render_at(bundle, draft, APART, facts)


def _spare(bundle: Bundle) -> int:
    """As many characters as shorter texts can save, but for the active fix's description, which the shortest drop."""
    facts = (text for fact in bundle.records.facts for text in fact.texts())
    fixes = (text for fix in bundle.records.applied_fixes for text in fix.texts())
    return sum(max(len(text) - SHORTEST, 0) for text in chain(facts, fixes))


def _may_stand(bundle: Bundle, rendered: Rendered) -> bool:
    return not quotes.too_long(bundle.records.intake_text, rendered.markdown, rendered.plain_text)


def title(bundle: Bundle) -> str:
    """The title of the note: one line of at most 100 characters."""
    subject = bundle.records.title or bundle.records.problem_summary or bundle.records.problem_domain
    if not subject:
        return bundle.language.untitled
    return shorten(bundle.language.title.format(subject=clean(subject)), sections.LONGEST_TITLE)


def _render_at(bundle: Bundle, draft: Draft, level: Level, facts: Sequence[Sequence[FactRecord]]) -> Rendered:
    prose = {
        SectionKey.PROBLEM: _problem(bundle, draft),
        SectionKey.HYPOTHESIS: _hypothesis(bundle, draft),
        SectionKey.NEXT_STEPS: _next_steps(bundle, draft),
    }
    fixed = sum(_length(body) for body in prose.values()) + sum(
        len(text) + 8 for text in bundle.language.headings.values()
    )
    listed = listing.of(bundle, draft, level, facts).within(sections.LONGEST_MARKDOWN - fixed - _ROOM_FOR_OMISSIONS)
    rests_on = _rests_on(bundle, draft, listed)
    return _assembled(bundle, {**prose, **_lists(listed)}, rests_on, truncated=listed.truncated)


def _rests_on(bundle: Bundle, draft: Draft, listed: Listed) -> Mapping[SectionKey, tuple[tuple[str, ...], ...]]:
    facts, tried = listed.records()
    fix = bundle.records.active_fix
    leading = (fix.id,) if fix is not None and outcome_table.leads(fix) else ()
    return {
        SectionKey.PROBLEM: (draft.problem.records,),
        SectionKey.CONFIRMED: facts,
        SectionKey.TRIED: tried,
        SectionKey.HYPOTHESIS: (tuple(dict.fromkeys((*leading, *draft.hypothesis.records))) if leading else (),),
        SectionKey.NEXT_STEPS: tuple(step.records for step in draft.next_steps if clean(step.text))[
            : sections.MOST_STEPS
        ],
    }


def _problem(bundle: Bundle, draft: Draft) -> Body:
    described = bundle.records.is_described
    return Line.of(shorten(clean(draft.problem.text), _LONGEST_PROSE) if described else bundle.language.no_problem)


def _hypothesis(bundle: Bundle, draft: Draft) -> Body:
    fix = bundle.records.active_fix
    if fix is None or not outcome_table.leads(fix):
        return Line.of(bundle.language.no_hypothesis)
    lead, prose = outcome_table.lead(fix, bundle.language), clean(draft.hypothesis.text)
    if prose in {"", clean(bundle.language.no_hypothesis)}:
        return Line.of(lead)
    return Line.of(f"{lead} {shorten(prose, _LONGEST_PROSE)}")


def _next_steps(bundle: Bundle, draft: Draft) -> Body:
    intake = bundle.records.intake_text
    steps = (shorten(clean(step.text), _LONGEST_STEP) for step in draft.next_steps)
    shown = (shorten(step, sections.LONGEST_QUOTE) if quotes.too_long(intake, step) else step for step in steps)
    return tuple(Line.of(step) for step in shown if step)[: sections.MOST_STEPS]


def _lists(listed: Listed) -> Mapping[SectionKey, Body]:
    return {
        SectionKey.CONFIRMED: listed.confirmed() or Line.of(listed.bundle.language.nothing_confirmed),
        SectionKey.TRIED: listed.tried() or Line.of(listed.bundle.language.nothing_tried),
    }


def _length(body: Body) -> int:
    """Characters of a body as markdown, with the blank line after it."""
    return len(_markdown(body)) + 2


def _markdown(body: Body) -> str:
    return body.markdown if isinstance(body, Line) else "\n".join(sections.BULLET + item.markdown for item in body)


def _plain(body: Body) -> str:
    return body.plain if isinstance(body, Line) else "\n".join(sections.BULLET + item.plain for item in body)


def _assembled(
    bundle: Bundle,
    bodies: Mapping[SectionKey, Body],
    rests_on: Mapping[SectionKey, tuple[tuple[str, ...], ...]],
    *,
    truncated: bool,
) -> Rendered:
    headings = bundle.language.headings
    rendered_sections = tuple(
        Section(key=key, heading=heading, markdown=_markdown(bodies[key])) for key, heading in headings.items()
    )
    lines = {key: _with_records(bodies[key], rests_on[key]) for key in headings}
    blocks = (
        html.Block(heading, [line.text for line in lines[key]], is_list=not isinstance(bodies[key], Line))
        for key, heading in headings.items()
    )
    return Rendered(
        language=bundle.language.tag,
        title=title(bundle),
        markdown="\n\n".join(f"## {section.heading}\n\n{section.markdown}" for section in rendered_sections) + "\n",
        plain_text="\n\n".join(f"{heading}\n\n{_plain(bodies[key])}" for key, heading in headings.items()) + "\n",
        html=html.fragment(blocks),
        sections=rendered_sections,
        lines=lines,
        truncated=truncated,
    )


def _with_records(body: Body, rests_on: tuple[tuple[str, ...], ...]) -> tuple[ShownLine, ...]:
    """The lines of a body. Those below the last one with records say what was left out."""
    lines = (body,) if isinstance(body, Line) else body
    known = rests_on[: len(lines)]
    records = (*known, *((),) * (len(lines) - len(known)))
    return tuple(ShownLine(line.plain, cited) for line, cited in zip(lines, records, strict=True))
