"""A session that every sound release can draft: one of each kind of record, through all that rules need."""

import json
from datetime import UTC, datetime
from typing import Any

from consumer.domain.arrival import stored
from consumer.domain.bundle import bundle as bundles
from consumer.domain.events import NO_TRACE, Origin, RequestKey, SessionEvent
from consumer.domain.package import package
from consumer.domain.package.evidence import references
from consumer.domain.package.package import Package, Sender
from consumer.domain.package.packing import PackageInput, PackageText, pack
from consumer.domain.reader import versions
from consumer.domain.request.work import Work
from consumer.domain.review import gate
from consumer.domain.session import session
from consumer.domain.session.history import Basis
from consumer.domain.writing.ledger import DraftKey
from schemas.packages import Cause, PackageStatus, Usage

_KEY = RequestKey("escalation-consumer", "a sound session", "sound")
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_NOWHERE = Origin(topic="", partition=-1, offset=-1)
_TICKET = {"system": "halo", "ticket_id": "1"}
_RECORDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("session.opened.v1", {"title": "Mail is late", "intake_text": "Mail comes an hour late.", "psa_ticket": _TICKET}),
    ("session.fact_recorded.v1", {"fact_id": "1", "text": "The queue is long.", "source_type": "user_report"}),
    ("session.fact_recorded.v1", {"fact_id": "2", "text": "The disk is sound.", "source_type": "diagnostic_check"}),
    ("session.script_generated.v1", {"generation_id": "1", "template": {"name": "List"}, "parameters_used": {"n": 1}}),
    ("session.fix_suggested.v1", {"fix_id": "1", "title": "Restart", "description": "It hangs.", "confidence_pct": 80}),
    (
        "session.fix_outcome_recorded.v1",
        {"fix_id": "1", "status": "applied_partial", "partial_notes": "One of two is restarted."},
    ),
)
_WORK = Work(
    key=_KEY,
    token=0,
    requested_state_version=None,
    reason="It is urgent.",
    priority=3,
    force=False,
    trace=NO_TRACE,
    cause=Cause.REQUEST,
    replay_id=None,
    terms=None,
    replayed=False,
    due_at=None,
    attempts=1,
    last=None,
    upgrade_wanted=False,
    age_seconds=0.0,
    taken_at=_AT,
    waited=True,
    deadline_in_seconds=None,
)


def draft_sample(sender: Sender) -> Package:
    """Raises whatever drafting any session would raise."""
    events = tuple(
        SessionEvent(
            origin=_NOWHERE,
            key=_KEY.session,
            version=version,
            event_id=str(version),
            type=kind,
            occurred_at=_AT,
            actor=None,
            data=stored.load_data(kind, json.dumps(data)),
        )
        for version, (kind, data) in enumerate(_RECORDS, 1)
    )
    folded = session.fold(_KEY.session, events)
    bundle = bundles.build(folded, reason=_WORK.reason)
    given = PackageInput(
        work=_WORK,
        bundle=bundle,
        ticket=package.ticket_reference(folded.psa_ticket),
        basis=Basis(arrivals=len(events), secrets=0),
        key=DraftKey(*_KEY.session, bundle.sha256, versions.prompts_in(bundle.language), "none"),
        cause=Cause.REQUEST,
        references=references(folded, events, _KEY, requested_state_version=None),
        behind=False,
    )
    text = PackageText(
        rendered=gate.by_rules(bundle).rendered,
        status=PackageStatus.FALLBACK,
        model=None,
        prompt_version=versions.prompts_in(bundle.language),
        warnings=(),
        attempts=0,
        usage=Usage(),
        drafted_at=_AT,
        reused=False,
    )
    return pack(sender, given, text, at=_AT)
