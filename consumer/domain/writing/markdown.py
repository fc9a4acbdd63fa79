"""The package as text: five sections from the record and a draft, in markdown and plain.

Code writes headings, order, lists, outcomes and sentinels; the draft adds prose, never more than its place. Any bundle
and any draft give exactly the contract's shape, at most 30,000 characters, every line cleaned and escaped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.text.sanitize import clean, escape, shorten
from consumer.domain.writing import listing, outcome_table, quotes, sections
from consumer.domain.writing.draft import Draft
from consumer.domain.writing.listing import LEVELS, Level, Listed
from schemas.packages import Section, SectionKey

COMFORTABLE = 3_600
"""Characters that the shortest note of a PSA takes; ordinary sessions stay near it."""
_HOPELESS = 4 * COMFORTABLE
"""So long a text will not become comfortable at any level: those between are not tried."""
_ROOM_FOR_OMISSIONS = 200
_LONGEST_PROSE = 900
_LONGEST_STEP = 600
UNTITLED = "Escalation handoff"

Body = tuple[str, ...] | str
"""Cleaned lines: a list's items, or one paragraph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The text of a package."""

    title: str
    markdown: str
    plain_text: str
    sections: tuple[Section, ...]
    truncated: bool
    """Records left the lists, or fixes' texts were cut, to keep within the bound."""
    rests_on: Mapping[SectionKey, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    """For each line of a section (a bullet, or its one paragraph) the records that it tells or cites."""


def render(bundle: Bundle, draft: Draft) -> Rendered:
    """The package's text: the same for the same bundle and draft. Never raises."""
    level = LEVELS[0]
    rendered = _at(bundle, draft, level)
    for terser in LEVELS[1:]:
        length = len(rendered.markdown)
        quoting = quotes.too_long(bundle.records.intake_text, rendered.markdown, rendered.plain_text)
        if not quoting and (length <= COMFORTABLE or level.last_for_length):
            break
        if length > _HOPELESS and not terser.last_for_length:
            continue
        level = terser
        rendered = _at(bundle, draft, level)
    return rendered


def title(bundle: Bundle) -> str:
    """A title for the note: at most 100 characters, one line."""
    named = bundle.records.title or bundle.records.problem_summary or bundle.records.problem_domain
    return shorten(f"Handoff: {clean(named)}", sections.LONGEST_TITLE) if named else UNTITLED


def _at(bundle: Bundle, draft: Draft, level: Level) -> Rendered:
    prose = {
        SectionKey.PROBLEM: _problem(bundle, draft),
        SectionKey.HYPOTHESIS: _hypothesis(bundle, draft),
        SectionKey.NEXT_STEPS: _next_steps(draft),
    }
    fixed = sum(_length(body) for body in prose.values()) + sum(len(text) + 8 for text in sections.HEADINGS.values())
    listed = listing.of(bundle, draft, level).within(sections.LONGEST_MARKDOWN - fixed - _ROOM_FOR_OMISSIONS)
    rests_on = _rests_on(bundle, draft, listed)
    return _written(title(bundle), {**prose, **_lists(listed)}, rests_on, truncated=listed.truncated)


def _rests_on(bundle: Bundle, draft: Draft, listed: Listed) -> Mapping[SectionKey, tuple[tuple[str, ...], ...]]:
    facts, tried = listed.records()
    fix = bundle.records.active_fix
    leading = (fix.id,) if fix is not None and outcome_table.leads(fix) else ()
    return {
        SectionKey.PROBLEM: (draft.problem.records,),
        SectionKey.CONFIRMED: tuple((record,) for record in facts),
        SectionKey.TRIED: tuple((record,) for record in tried),
        SectionKey.HYPOTHESIS: (tuple(dict.fromkeys((*leading, *draft.hypothesis.records))) if leading else (),),
        SectionKey.NEXT_STEPS: tuple(step.records for step in draft.next_steps if clean(step.text))[
            : sections.MOST_STEPS
        ],
    }


def _problem(bundle: Bundle, draft: Draft) -> Body:
    return shorten(clean(draft.problem.text), _LONGEST_PROSE) if bundle.records.is_described else sections.NO_PROBLEM


def _hypothesis(bundle: Bundle, draft: Draft) -> Body:
    fix = bundle.records.active_fix
    if fix is None or not outcome_table.leads(fix):
        return sections.NO_HYPOTHESIS
    prose = clean(draft.hypothesis.text)
    if prose in {"", clean(sections.NO_HYPOTHESIS)}:
        return outcome_table.lead(fix)
    return f"{outcome_table.lead(fix)} {shorten(prose, _LONGEST_PROSE)}"


def _next_steps(draft: Draft) -> Body:
    steps = (shorten(clean(step.text), _LONGEST_STEP) for step in draft.next_steps)
    return tuple(step for step in steps if step)[: sections.MOST_STEPS]


def _lists(listed: Listed) -> Mapping[SectionKey, Body]:
    return {
        SectionKey.CONFIRMED: listed.confirmed() or sections.NOTHING_CONFIRMED,
        SectionKey.TRIED: listed.tried() or sections.NOTHING_TRIED,
    }


def _length(body: Body) -> int:
    return len(_markdown(body)) + 2


def _markdown(body: Body) -> str:
    return escape(body) if isinstance(body, str) else "\n".join(sections.BULLET + escape(item) for item in body)


def _plain(body: Body) -> str:
    return body if isinstance(body, str) else "\n".join(sections.BULLET + item for item in body)


def _written(
    title: str,
    bodies: Mapping[SectionKey, Body],
    rests_on: Mapping[SectionKey, tuple[tuple[str, ...], ...]],
    *,
    truncated: bool,
) -> Rendered:
    written = tuple(
        Section(key=key, heading=heading, markdown=_markdown(bodies[key])) for key, heading in sections.HEADINGS.items()
    )
    return Rendered(
        title=title,
        markdown="\n\n".join(f"## {section.heading}\n\n{section.markdown}" for section in written) + "\n",
        plain_text="\n\n".join(f"{heading}\n\n{_plain(bodies[key])}" for key, heading in sections.HEADINGS.items())
        + "\n",
        sections=written,
        truncated=truncated,
        rests_on=rests_on,
    )
