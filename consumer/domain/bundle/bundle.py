"""The bundle: all that a package may rest on, in one canonical form with one digest.

Equal state and reason, equal bytes, equal digest; neither the version nor the number of events, nor whether the session
is closed, nor an id that another system gave has a part in it. Placeholders of secrets are numbered here, in the order
in which they first stand in the description, then in the records by version, then in the reason.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

from consumer.domain.bundle.excerpt import Omissions, excerpt_of
from consumer.domain.bundle.records import (
    UNKNOWN_TEMPLATE,
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
from consumer.domain.redaction import number_placeholders
from consumer.domain.session.fixes import RELEVANT, Fix, OutcomeText
from consumer.domain.session.ordinal import Ordinal
from consumer.domain.session.session import Fact, Script, Session

RecordT = TypeVar("RecordT")
SessionRecord = Fact | Script | Fix
"""What a record of the bundle is in the session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The records in full, as the lists of a package need them, and the excerpt that goes into the prompt."""

    records: Records
    """In full."""
    excerpt: Records
    """Shortened by the rules of `excerpt`; equal records where nothing is too long. Ids are those of the bundle."""
    trimmed: Omissions
    """What the excerpt lacks; false where it lacks nothing."""
    sha256: str
    """Of `canonical`, which tells the full records."""
    canonical: bytes
    redactions: int
    """Distinct secrets that were removed from the records."""
    state_version: int
    event_count: int

    def __repr__(self) -> str:
        return f"Bundle({self.sha256[:12]}, version {self.state_version})"

    @property
    def truncated(self) -> bool:
        """Whether the prompt was shortened."""
        return bool(self.trimmed)


def build(session: Session, *, reason: str | None = None) -> Bundle:
    """What the session holds, for a request with this reason. Raises `ValueError` for a session without an event."""
    if session.version is None:
        raise ValueError("a session that nobody has heard of has no bundle")
    named = sources(session)
    facts = [(one.place, _fact(name, one)) for name, one in named.items() if isinstance(one, Fact)]
    scripts = [(one.place, _script(name, one)) for name, one in named.items() if isinstance(one, Script)]
    active = session.active_fix
    told_fixes = [
        (one.suggested, _fix(name, one, active=one is active)) for name, one in named.items() if isinstance(one, Fix)
    ]
    records = Records(
        title=_present(session.title),
        problem_summary=_present(session.problem_summary),
        problem_domain=_present(session.problem_domain),
        intake_text=_present(session.intake_text),
        psa_ticket=session.psa_ticket,
        reason=_present(reason),
        facts=_oldest_first(facts),
        steps=_oldest_first([*(each for each in facts if each[1].is_check), *scripts]),
        fixes=_oldest_first(told_fixes),
    )
    numbering = number_placeholders(_texts(records, _oldest_first([*facts, *scripts, *told_fixes])))
    full = rewritten(records, numbering.text)
    excerpt, trimmed = excerpt_of(full)
    canonical = compact(records_document(full)).encode()
    return Bundle(
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
    """What the session holds for each record of its bundle, by the record's id there."""
    active = session.active_fix
    told = [fix for fix in session.fixes if fix is active or fix.status.is_applied]
    return {
        **{f"F{number}": fact for number, fact in enumerate(session.live_facts, 1)},
        **{f"S{number}": script for number, script in enumerate(session.scripts, 1)},
        **{f"X{number}": fix for number, fix in enumerate(told, 1)},
    }


def _oldest_first(placed: Iterable[tuple[Ordinal, RecordT]]) -> tuple[RecordT, ...]:
    return tuple(record for _, record in sorted(placed, key=lambda each: each[0]))


def _fact(record_id: str, fact: Fact) -> FactRecord:
    return FactRecord(
        id=record_id,
        text=fact.text,
        source_type=fact.source_type,
        source_summary=_present(fact.source_summary),
    )


def _script(record_id: str, script: Script) -> ScriptRecord:
    template = script.template
    return ScriptRecord(
        id=record_id,
        name=template.name if template else UNKNOWN_TEMPLATE,
        slug=_present(template.slug) if template else None,
        parameters=tuple(Parameter(name=name, value=script.parameters[name]) for name in sorted(script.parameters)),
    )


def _fix(record_id: str, fix: Fix, *, active: bool) -> FixRecord:
    texts = {name: text for name in OutcomeText if (text := fix.text(name)) is not None}
    relevant = {name: text for name, text in texts.items() if name in RELEVANT[fix.status]}
    return FixRecord(
        id=record_id,
        active=active,
        title=fix.title,
        confidence_pct=fix.confidence_pct,
        status=fix.status,
        superseded=fix.superseded,
        description=_present(fix.description) if active else None,
        applied_at=fix.applied_at if fix.status.is_applied else None,
        verified_at=fix.verified_at,
        partial_notes=relevant.get(OutcomeText.PARTIAL_NOTES),
        pending_reason=relevant.get(OutcomeText.PENDING_REASON),
        failure_reason=relevant.get(OutcomeText.FAILURE_REASON),
        earlier_texts=tuple((name, text) for name, text in texts.items() if name not in relevant),
    )


def _texts(records: Records, oldest_first: Iterable[CheckOrScript | FixRecord]) -> Iterator[str]:
    """Every text, in the order in which its secrets are numbered."""
    described = (records.title, records.problem_summary, records.problem_domain, records.intake_text)
    yield from (text for text in described if text is not None)
    for record in oldest_first:
        yield from record.texts()
    if records.reason is not None:
        yield records.reason


def _present(text: str | None) -> str | None:
    """A blank text counts as a missing one; any other is kept as it is."""
    return None if text is None or not text or text.isspace() else text
