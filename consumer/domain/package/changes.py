"""Which records of a session changed between two moments, and by which events."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from consumer.domain.bundle.records import compact
from consumer.domain.events import SessionEvent
from consumer.domain.package.evidence import named_by
from consumer.domain.session.fixes import Fix
from consumer.domain.session.session import Fact, Script, Session
from consumer.domain.text.marks import Mark
from schemas.packages import ReferenceKind
from schemas.sessions import Description, SessionClosed, SessionReopened, SessionSnapshot

Values = Mapping[str, str | None]
"""What a record says, by the names of its fields; None for what it does not say."""
Identity = tuple[ReferenceKind, str]

RecordT = TypeVar("RecordT", Fact, Fix, Script)

_OF_THE_SESSION = (Description, SessionClosed, SessionReopened, SessionSnapshot)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedValue:
    """A field that says something else. None stands for nothing said."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRecord:
    """A record that came, went or says something else."""

    kind: ReferenceKind
    id: str
    mark: Mark
    """KEPT for one that stands in both and says something else."""
    values: tuple[ChangedValue, ...]
    events: tuple[SessionEvent, ...]
    """Those between the two moments that name it, in version order."""


def changed_records(before: Session, after: Session, events: Sequence[SessionEvent]) -> tuple[ChangedRecord, ...]:
    """The changes of the session's description, then of its facts, scripts and fixes. `events` are those between."""
    old, new = _records(before), _records(after)
    naming = _naming(after.key.session_id, events)
    return tuple(
        ChangedRecord(
            kind=identity[0],
            id=identity[1],
            mark=Mark.KEPT if identity in old and identity in new else Mark.ADDED if identity in new else Mark.REMOVED,
            values=values,
            events=tuple(naming.get(identity, ())),
        )
        for identity in dict.fromkeys([*new, *old])
        if (values := changed_values(old.get(identity, {}), new.get(identity, {})))
        or (identity in old) != (identity in new)
    )


def changed_values(before: Values, after: Values) -> tuple[ChangedValue, ...]:
    """The fields that differ, in the order of `after`, then of `before`."""
    return tuple(
        ChangedValue(name=name, before=before.get(name), after=after.get(name))
        for name in dict.fromkeys([*after, *before])
        if before.get(name) != after.get(name)
    )


def _records(session: Session) -> Mapping[Identity, Values]:
    """The live records by identity, in the order in which a package tells of them."""
    return {
        (ReferenceKind.SESSION, session.key.session_id): _of_session(session),
        **_by_id(ReferenceKind.FACT, session.live_facts, lambda fact: fact.fact_id, _of_fact),
        **_by_id(ReferenceKind.SCRIPT, session.scripts, lambda script: script.generation_id, _of_script),
        **_by_id(ReferenceKind.FIX, session.fixes, lambda fix: fix.fix_id, _of_fix),
    }


def _by_id(
    kind: ReferenceKind, records: Collection[RecordT], name: Callable[[RecordT], str], say: Callable[[RecordT], Values]
) -> Mapping[Identity, Values]:
    return {(kind, name(record)): say(record) for record in records}


def _of_session(session: Session) -> Values:
    ticket = session.psa_ticket
    return {
        "title": session.title,
        "problem_summary": session.problem_summary,
        "problem_domain": session.problem_domain,
        "intake_text": session.intake_text,
        "ticket": None if ticket is None else f"{ticket.system} #{ticket.ticket_id}",
        "state": "closed" if session.closed else "open",
        "resolution": session.resolution,
    }


def _of_fact(fact: Fact) -> Values:
    return {"text": fact.text, "source_type": fact.source_type, "source_summary": fact.source_summary}


def _of_script(script: Script) -> Values:
    template = script.template
    return {
        "template": None if template is None else template.name,
        "parameters": compact(dict(script.parameters)) if script.parameters else None,
    }


def _of_fix(fix: Fix) -> Values:
    return {
        "title": fix.title,
        "status": fix.status.value,
        "confidence_pct": str(fix.confidence_pct),
        "description": fix.description,
        "pending_reason": fix.pending_reason,
        "partial_notes": fix.partial_notes,
        "failure_reason": fix.failure_reason,
        "superseded": "yes" if fix.superseded else None,
    }


def _naming(session_id: str, events: Sequence[SessionEvent]) -> Mapping[Identity, list[SessionEvent]]:
    naming: defaultdict[Identity, list[SessionEvent]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.version):
        for identity in dict.fromkeys(_named(session_id, event)):
            naming[identity].append(event)
    return naming


def _named(session_id: str, event: SessionEvent) -> Iterator[Identity]:
    if isinstance(event.data, _OF_THE_SESSION):
        yield ReferenceKind.SESSION, session_id
    yield from named_by(event)
