"""What a planned replay would change in a package, section by section."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consumer.domain.bundle.bundle import Bundle
from consumer.domain.events import RequestKey
from consumer.domain.rendering import markdown
from consumer.domain.replay.weighing import Candidate, KnownDraft, render_stored
from consumer.domain.review import gate
from consumer.domain.writing.draft import Draft
from consumer.domain.writing.ledger import DraftKey
from schemas.packages import Section, SectionKey

_WRITTEN_BY_CODE = frozenset({SectionKey.CONFIRMED, SectionKey.TRIED})
"""Lists that code writes from the records. Except for wordings and notes they are known before the model is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The change of one section. `after` is None if it depends on the model's answer."""

    key: SectionKey
    heading: str
    before: str
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The changes of one package. Sections that stay equal are left out."""

    request: RequestKey
    why: tuple[str, ...]
    drafted: bool
    """Whether the draft is stored. Then `changes` hold the package's final text; else they foretell its lists only."""
    changes: tuple[Change, ...]


def compare_sections(
    candidate: Candidate,
    why: Sequence[str],
    before: Sequence[Section],
    built: Bundle,
    stored: Sequence[KnownDraft],
    key: DraftKey,
    *,
    calls_model: bool,
) -> Difference:
    """Compares the sections that were published last, `before`, with those of a replay. `key` is its draft's key."""
    rendered = _after(candidate, built, stored, key, calls_model=calls_model)
    after: Mapping[SectionKey, str | None]
    if rendered is not None:
        after = {section.key: section.markdown for section in rendered.sections}
    else:
        lists = {section.key: section.markdown for section in gate.by_rules(built).rendered.sections}
        after = {name: lists[name] if name in _WRITTEN_BY_CODE else None for name in SectionKey}
    changes = tuple(
        Change(key=section.key, heading=section.heading, before=section.markdown, after=after[section.key])
        for section in before
        if after[section.key] != section.markdown
    )
    return Difference(request=candidate.key, why=tuple(why), drafted=rendered is not None, changes=changes)


def _after(
    candidate: Candidate, built: Bundle, stored: Sequence[KnownDraft], key: DraftKey, *, calls_model: bool
) -> markdown.Rendered | None:
    if not calls_model:
        return render_stored(candidate.last, built, stored, key)
    ledger = next((draft for draft in stored if draft.key == key), None)
    if ledger is None:
        return None
    if ledger.entry is None:
        return gate.by_rules(built).rendered
    return markdown.render(built, Draft.model_validate_json(ledger.entry.draft))
