"""The bundle: everything that a package may rest on, in one canonical form with one digest.

Equal state and equal reason give equal bytes and an equal digest. The bytes do not depend on the version, the number of
events, whether the session is closed, or the ids that other systems gave to facts, scripts and fixes. Placeholders of
secrets are numbered here by their first occurrence: in the description, then in the records by version, then in the
reason.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from hashlib import sha256
from typing import TypeVar

from consumer.domain.bundle.excerpt import Omissions, excerpt_of
from consumer.domain.bundle.records import (
    CheckOrScript,
    FactRecord,
    FixRecord,
    Parameter,
    Records,
    ScriptRecord,
    compact,
    records_document,
    rewritten,
)
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.redaction import number_placeholders
from consumer.domain.session.fixes import RELEVANT, Fix, OutcomeText
from consumer.domain.session.ordinal import Ordinal
from consumer.domain.session.session import Fact, Script, Session

RecordT = TypeVar("RecordT")
SessionRecord = Fact | Script | Fix
"""The part of the session from which one record of the bundle is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The full records, which the lists of a package need, and the excerpt, which goes into the prompt."""

    language: Language
    """What code says about the records, and what a draft of them is written in."""
    records: Records
    """The full records."""
    excerpt: Records
    """`records`, shortened by the rules of `excerpt.py`, with the same ids; equal where nothing is too long."""
    trimmed: Omissions
    """Counts of what the excerpt lacks; false where it lacks nothing."""
    sha256: str
    """Hex SHA-256 of `canonical`."""
    canonical: bytes
    """The full records as compact JSON, in UTF-8; with the language where it is not English."""
    redactions: int
    """The number of distinct secrets that were removed from the records."""
    state_version: int
    event_count: int

    def __repr__(self) -> str:
        return f"Bundle({self.sha256[:12]}, version {self.state_version})"

    @property
    def truncated(self) -> bool:
        """Whether the prompt was shortened."""
        return bool(self.trimmed)


def build(session: Session, *, reason: str | None = None, language: Language = ENGLISH) -> Bundle:
    """The bundle of a session, for a request with this reason. Raises `ValueError` for a session without an event."""
    if session.version is None:
        raise ValueError("a session that nobody has heard of has no bundle")
    by_id = sources(session)
    facts = [(fact.place, _fact(key, fact, session.zone)) for key, fact in by_id.items() if isinstance(fact, Fact)]
    scripts = [
        (script.place, _script(key, script, session.zone, language))
        for key, script in by_id.items()
        if isinstance(script, Script)
    ]
    active = session.active_fix
    fixes = [
        (fix.suggested, _fix(key, fix, session.zone, active=fix is active))
        for key, fix in by_id.items()
        if isinstance(fix, Fix)
    ]
    records = Records(
        title=_present(session.title),
        problem_summary=_present(session.problem_summary),
        problem_domain=_present(session.problem_domain),
        intake_text=_present(session.intake_text),
        psa_ticket=session.psa_ticket,
        reason=_present(reason),
        facts=_oldest_first(facts),
        steps=_oldest_first([*(placed for placed in facts if placed[1].is_check), *scripts]),
        fixes=_oldest_first(fixes),
    )
    numbering = number_placeholders(_texts(records, _oldest_first([*facts, *scripts, *fixes])))
    full = rewritten(records, numbering.text)
    excerpt, trimmed = excerpt_of(full)
    document = records_document(full)
    if language.tag != ENGLISH.tag:  # so that digests of English bundles stay as they were before there was another one
        document["language"] = language.tag
    canonical = compact(document).encode()
    return Bundle(
        language=language,
        records=full,
        excerpt=excerpt,
        trimmed=trimmed,
        sha256=sha256(canonical).hexdigest(),
        canonical=canonical,
        redactions=numbering.count,
        state_version=session.version,
        event_count=session.event_count,
    )


def sources(session: Session) -> dict[str, SessionRecord]:
    """The fact, script or fix behind each record of the session's bundle, by the record's id."""
    active = session.active_fix
    shown = [fix for fix in session.fixes if fix is active or fix.status.is_applied]
    return {
        **{f"F{number}": fact for number, fact in enumerate(session.live_facts, 1)},
        **{f"S{number}": script for number, script in enumerate(session.scripts, 1)},
        **{f"X{number}": fix for number, fix in enumerate(shown, 1)},
    }


def _oldest_first(placed: Iterable[tuple[Ordinal, RecordT]]) -> tuple[RecordT, ...]:
    return tuple(record for _, record in sorted(placed, key=lambda pair: pair[0]))


def _fact(record_id: str, fact: Fact, zone: tzinfo) -> FactRecord:
    return FactRecord(
        id=record_id,
        text=fact.text,
        source_type=fact.source_type,
        source_summary=_present(fact.source_summary),
        recorded_at=_local(fact.recorded_at, zone),
    )


def _script(record_id: str, script: Script, zone: tzinfo, language: Language) -> ScriptRecord:
    template = script.template
    return ScriptRecord(
        id=record_id,
        name=template.name if template else language.unknown_template,
        slug=_present(template.slug) if template else None,
        parameters=tuple(Parameter(name=name, value=script.parameters[name]) for name in sorted(script.parameters)),
        generated_at=_local(script.generated_at, zone),
    )


def _fix(record_id: str, fix: Fix, zone: tzinfo, *, active: bool) -> FixRecord:
    texts = {name: text for name in OutcomeText if (text := fix.text(name)) is not None}
    relevant = {name: text for name, text in texts.items() if name in RELEVANT[fix.status]}
    return FixRecord(
        id=record_id,
        active=active,
        title=fix.title,
        confidence_pct=fix.confidence_pct,
        status=fix.status,
        superseded=fix.superseded,
        description=_present(fix.description),
        applied_at=_local(fix.applied_at, zone) if fix.status.is_applied else None,
        verified_at=_local(fix.verified_at, zone),
        partial_notes=relevant.get(OutcomeText.PARTIAL_NOTES),
        pending_reason=relevant.get(OutcomeText.PENDING_REASON),
        failure_reason=relevant.get(OutcomeText.FAILURE_REASON),
        earlier_texts=tuple((name, text) for name, text in texts.items() if name not in relevant),
    )


def _texts(records: Records, oldest_first: Iterable[CheckOrScript | FixRecord]) -> Iterator[str]:
    """Every text, in the order in which placeholders of secrets are numbered."""
    described = (records.title, records.problem_summary, records.problem_domain, records.intake_text)
    yield from (text for text in described if text is not None)
    for record in oldest_first:
        yield from record.texts()
    if records.reason is not None:
        yield records.reason


def _local(at: datetime | None, zone: tzinfo) -> datetime | None:
    return None if at is None else at.astimezone(zone)


def _present(text: str | None) -> str | None:
    """None for a blank text, because it counts as missing; any other text unchanged."""
    return None if text is None or not text or text.isspace() else text
