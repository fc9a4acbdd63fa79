"""What a line of a package rests on, as the package's readers know it: the producers' own ids, and the events."""

from collections.abc import Iterator, Mapping, Sequence

from consumer.domain.bundle import bundle
from consumer.domain.events import RequestKey, SessionEvent
from consumer.domain.session.fixes import Fix
from consumer.domain.session.session import Fact, Session
from consumer.domain.writing import fence
from schemas.packages import RecordReference, ReferenceKind
from schemas.sessions import SessionDescribed, SessionOpened, SessionSnapshot

_DESCRIBING = (SessionOpened, SessionDescribed, SessionSnapshot)
_ID_FIELDS = {ReferenceKind.FACT: "fact_id", ReferenceKind.FIX: "fix_id", ReferenceKind.SCRIPT: "generation_id"}


def references(
    folded: Session, events: Sequence[SessionEvent], request: RequestKey, *, requested_state_version: int | None
) -> Mapping[str, RecordReference]:
    """The records of the session's bundle, by their ids there, each with the last event that made it what it is.

    `events` are those of the session, in version order; of many only the newest are looked at.
    """
    named = {name: name_of(source) for name, source in bundle.sources(folded).items()}
    last = _last_events(events, set(named.values()))
    records = {name: _reference(*identity, last.get(identity)) for name, identity in named.items()}
    described = next((event for event in reversed(events) if isinstance(event.data, _DESCRIBING)), None)
    records[fence.DESCRIPTION] = _reference(ReferenceKind.SESSION, request.session_id, described)
    records[fence.REASON] = RecordReference(
        kind=ReferenceKind.REASON, id=request.request_id, state_version=requested_state_version, event_id=None
    )
    return records


def name_of(source: bundle.SessionRecord) -> tuple[ReferenceKind, str]:
    """The kind of a record, and the id that its producer gave it."""
    match source:
        case Fact():
            return ReferenceKind.FACT, source.fact_id
        case Fix():
            return ReferenceKind.FIX, source.fix_id
        case _:
            return ReferenceKind.SCRIPT, source.generation_id


def named_by(event: SessionEvent) -> Iterator[tuple[ReferenceKind, str]]:
    """The records that an event names."""
    if isinstance(event.data, SessionSnapshot):
        rows = ((ReferenceKind.FACT, event.data.facts), (ReferenceKind.FIX, event.data.fixes))
        for kind, some in (*rows, (ReferenceKind.SCRIPT, event.data.scripts)):
            yield from ((kind, str(getattr(row, _ID_FIELDS[kind]))) for row in some)
        return
    for kind, field in _ID_FIELDS.items():
        if hasattr(event.data, field):
            yield kind, str(getattr(event.data, field))


def _last_events(
    events: Sequence[SessionEvent], wanted: set[tuple[ReferenceKind, str]]
) -> Mapping[tuple[ReferenceKind, str], SessionEvent]:
    last: dict[tuple[ReferenceKind, str], SessionEvent] = {}
    for event in reversed(events):
        for identity in named_by(event):
            if identity in wanted:
                last.setdefault(identity, event)
        if len(last) == len(wanted):
            break
    return last


def _reference(kind: ReferenceKind, name: str, event: SessionEvent | None) -> RecordReference:
    return RecordReference(
        kind=kind,
        id=name,
        state_version=None if event is None else event.version,
        event_id=None if event is None else event.event_id,
    )
