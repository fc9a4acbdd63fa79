"""Proves a package: builds its bundle again from the stored events, and says what each line of its text rests on.

A package was built from the events that were accepted by then: those up to its arrival number. Only a redaction changes
them later. Before and after it the store takes their `bundle_digest` and notes the new one, so that the chain from the
published digest to the stored events does not break.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from consumer.domain.bundle import bundle
from consumer.domain.bundle.bundle import Bundle
from consumer.domain.events import SessionEvent, SessionKey
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.language.languages import UnknownLanguage, language_of
from consumer.domain.package.evidence import name_of, named_by
from consumer.domain.reader import versions
from consumer.domain.rendering import markdown
from consumer.domain.rendering.markdown import Rendered
from consumer.domain.review import gate
from consumer.domain.session.session import Session, fold
from consumer.domain.writing import fence, sections
from consumer.domain.writing.draft import Draft
from schemas.packages import PackageReady, PackageStatus, SectionKey


class ProofResult(StrEnum):
    """How the digest of the rebuilt bundle compares with the published one."""

    VERIFIED = "verified"
    """The stored events give the digest that was published."""
    REDACTED = "redacted"
    """The stored events give the digest that was noted after a later redaction, and gave the published one before."""
    INCOMPLETE = "incomplete"
    """Not all events that had been accepted when the package was built are stored."""
    OTHER_RELEASE = "other_release"
    """Another digest, but a release with another prompt made the package, and may have built bundles differently."""
    MISMATCH = "mismatch"
    """Another digest, although the package was made with the prompt of this release."""

    @property
    def holds(self) -> bool:
        return self in {ProofResult.VERIFIED, ProofResult.REDACTED}


class TextVerdict(StrEnum):
    """How the package's text compares with the text that is rendered again."""

    REPRODUCED = "reproduced"
    """The kept draft, or the rules, give it again byte by byte."""
    REDACTED = "redacted"
    """A later redaction changed it and renewed its digest."""
    NO_DRAFT = "no_draft"
    """Its draft is no longer kept."""
    OTHER_DRAFT = "other_draft"
    """The kept draft gives another text: a forced draft replaced the first one, or this release renders differently."""
    ALTERED = "altered"
    """It does not have the digest that stands beside it (`content_sha256`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvidence:
    """A package and what it was made from, as they are stored at one moment."""

    package: PackageReady
    key: SessionKey
    arrivals: int
    """The events up to this arrival number had been accepted when the package was built."""
    events: Sequence[SessionEvent]
    """These events, in version order."""
    reason: str | None
    """The request's reason."""
    draft: Draft | None = None
    """The draft in the ledger; None for rules, or if it is no longer kept."""
    redacted_sha256: str | None = None
    """The bundle digest that the events give since a redaction after the package; None without such a redaction."""
    redacted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """The fact, script or fix of the session behind a record of the bundle."""

    kind: str
    """`fact`, `script` or `fix`."""
    id: str
    """The id that the producer gave it."""
    versions: tuple[int, ...]
    """The versions of the events that name it, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingLine:
    """A line of the package and its records: a bullet, or the one paragraph of a section."""

    section: SectionKey
    text: str
    records: tuple[str, ...]
    """Ids in the bundle; `P1` is the description, `R1` the request's reason. Empty where code wrote a sentinel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The result of a proof."""

    verdict: ProofResult
    published_sha256: str
    rebuilt_sha256: str | None
    """None without stored events."""
    text: TextVerdict
    lines: tuple[RestingLine, ...]
    """Empty where the bundle could not be built again."""
    records: Mapping[str, SourceRecord]
    """The sources of the ids in `lines`, except `P1` and `R1`."""


def bundle_digest(
    key: SessionKey, events: Collection[SessionEvent], reason: str | None, language: str = ENGLISH.tag
) -> str | None:
    """The digest of the bundle of these events, in the language of this tag; None without events."""
    return None if not events else bundle.build(fold(key, events), reason=reason, language=_known(language)).sha256


def prove(evidence: StoredEvidence) -> Proof:
    """Compares a package with what its stored events give. Never raises."""
    package = evidence.package
    published = package.provenance.bundle_sha256
    if not evidence.events:
        text = TextVerdict.NO_DRAFT if _is_whole(package) else TextVerdict.ALTERED
        return Proof(
            verdict=ProofResult.INCOMPLETE,
            published_sha256=published,
            rebuilt_sha256=None,
            text=text,
            lines=(),
            records={},
        )
    folded = fold(evidence.key, evidence.events)
    built = bundle.build(folded, reason=evidence.reason, language=_known(package.language))
    rendered = _rendered(evidence, built)
    return Proof(
        verdict=_verdict(evidence, built),
        published_sha256=published,
        rebuilt_sha256=built.sha256,
        text=_text_verdict(evidence, rendered),
        lines=tuple(_lines(package, built, rendered)),
        records=_records(folded, evidence.events),
    )


def _known(tag: str) -> Language:
    """English where this release does not know the language: the digests will differ."""
    try:
        return language_of(tag)
    except UnknownLanguage:
        return ENGLISH


def _verdict(evidence: StoredEvidence, built: Bundle) -> ProofResult:
    if len(evidence.events) != evidence.arrivals:
        return ProofResult.INCOMPLETE
    if built.sha256 == evidence.package.provenance.bundle_sha256:
        return ProofResult.VERIFIED
    if built.sha256 == evidence.redacted_sha256:
        return ProofResult.REDACTED
    prompts = versions.prompts_in(_known(evidence.package.language))
    by_other_prompt = evidence.package.provenance.prompt_version != prompts
    return ProofResult.OTHER_RELEASE if by_other_prompt else ProofResult.MISMATCH


def _rendered(evidence: StoredEvidence, built: Bundle) -> Rendered | None:
    if evidence.package.status is PackageStatus.FALLBACK:
        return gate.by_rules(built).rendered
    return None if evidence.draft is None else markdown.render(built, evidence.draft)


def _is_whole(package: PackageReady) -> bool:
    return sha256(package.markdown.encode()).hexdigest() == package.content_sha256


def _text_verdict(evidence: StoredEvidence, rendered: Rendered | None) -> TextVerdict:
    if not _is_whole(evidence.package):
        return TextVerdict.ALTERED
    if rendered is not None and rendered.markdown == evidence.package.markdown:
        return TextVerdict.REPRODUCED
    if evidence.redacted_at is not None:
        return TextVerdict.REDACTED
    return TextVerdict.NO_DRAFT if rendered is None else TextVerdict.OTHER_DRAFT


def _lines(package: PackageReady, built: Bundle, rendered: Rendered | None) -> Iterator[RestingLine]:
    """The lines of the package. The rendered text gives their records, for a section that is equal in both.

    A list that code writes is matched line by line if it has as many lines. All other lines get no records.
    """
    if rendered is None:
        rendered = gate.by_rules(built).rendered
    known = fence.ids(built)
    shown = {section.key: section.markdown for section in rendered.sections}
    for section in package.sections:
        texts = _texts(section.markdown)
        rests_on = [line.records for line in rendered.lines[section.key]]
        by_place = section.key in {SectionKey.CONFIRMED, SectionKey.TRIED} and len(texts) == len(rests_on)
        if not by_place and shown[section.key] != section.markdown:
            rests_on = []
        for number, text in enumerate(texts):
            cited = rests_on[number] if number < len(rests_on) else ()
            yield RestingLine(
                section=section.key, text=text, records=tuple(record for record in cited if record in known)
            )


def _texts(body: str) -> list[str]:
    lines = body.splitlines()
    bullets = all(line.startswith(sections.BULLET) for line in lines)
    return [line.removeprefix(sections.BULLET) for line in lines] if bullets else [body]


def _records(folded: Session, events: Sequence[SessionEvent]) -> Mapping[str, SourceRecord]:
    return {name: _record(source, events) for name, source in bundle.sources(folded).items()}


def _record(source: bundle.SessionRecord, events: Sequence[SessionEvent]) -> SourceRecord:
    kind, name = name_of(source)
    versions = tuple(event.version for event in events if (kind, name) in named_by(event))
    return SourceRecord(kind=kind, id=name, versions=versions)
