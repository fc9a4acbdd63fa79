"""What changed between two packages of a session: their texts, what they were made by, and the records beneath them."""

from collections.abc import Sequence
from dataclasses import dataclass

from consumer.domain.package.changes import ChangedRecord, ChangedValue, Values, changed_records, changed_values
from consumer.domain.package.proof import StoredEvidence
from consumer.domain.session.session import fold
from consumer.domain.text.marks import MarkedLine, compare_lines
from consumer.domain.writing.sections import BULLET
from schemas.packages import PackageReady, Section, SectionKey


class OtherSession(ValueError):
    """The two packages are not of one session, so that no records lie between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionDifference:
    """A section of both packages."""

    key: SectionKey
    heading: str
    lines: tuple[MarkedLine, ...]

    @property
    def changed(self) -> bool:
        return any(line.change != "kept" for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionDifference:
    """From one package to another one of its session."""

    before: PackageReady
    after: PackageReady
    values: tuple[ChangedValue, ...]
    """What differs beside the sections: title, ticket, model and so on."""
    sections: tuple[SectionDifference, ...]
    """All five."""
    records: tuple[ChangedRecord, ...]
    events: int
    """Accepted events that one of them was made from and the other was not."""
    complete: bool
    """Whether all events of both are stored; else the records may lack a change."""


def compare_revisions(before: StoredEvidence, after: StoredEvidence) -> RevisionDifference:
    """Raises OtherSession. Time is bounded: the texts of a package are, and the records cost two folds."""
    if before.key != after.key:
        raise OtherSession
    known = {event.version for event in before.events} ^ {event.version for event in after.events}
    between = [event for event in (*before.events, *after.events) if event.version in known]
    old, new = before.package, after.package
    return RevisionDifference(
        before=old,
        after=new,
        values=changed_values(_beside(old), _beside(new)),
        sections=tuple(_section(*pair) for pair in zip(old.sections, new.sections, strict=True)),
        records=changed_records(fold(before.key, before.events), fold(after.key, after.events), between),
        events=len(between),
        complete=all(len(evidence.events) == evidence.arrivals for evidence in (before, after)),
    )


def _beside(package: PackageReady) -> Values:
    return {
        "title": package.title,
        "ticket": package.target_ticket_ref,
        "status": package.status.value,
        "language": package.language,
        "model": package.provenance.model or "rules",
        "prompt_version": package.provenance.prompt_version,
        "warnings": ", ".join(package.warnings) or None,
        "footer": package.footer,
    }


def _section(before: Section, after: Section) -> SectionDifference:
    plain = bool(before.lines and after.lines)
    return SectionDifference(
        key=after.key,
        heading=after.heading,
        lines=compare_lines(_texts(before, plain=plain), _texts(after, plain=plain)),
    )


def _texts(section: Section, *, plain: bool) -> Sequence[str]:
    """The lines as plain text; as markdown where one of the packages is of a release that published no lines."""
    if plain:
        return [line.text for line in section.lines]
    return [line.removeprefix(BULLET) for line in section.markdown.splitlines() if line]
