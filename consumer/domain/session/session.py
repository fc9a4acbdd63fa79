"""The state of a session: a pure function of the set of its accepted events, applied in version order.

The state does not depend on the order in which events are given, nor on repetitions. An event that names an unknown
fact or fix changes nothing. An event of an unknown type changes nothing either, but its version counts as arrived and
the event is counted.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timezone, tzinfo
from typing import TypeVar, assert_never

from pydantic import JsonValue

from consumer.domain.events import SessionEvent, SessionKey
from consumer.domain.session import fixes, ordinal
from consumer.domain.session.fixes import Fix
from consumer.domain.session.ordinal import Ordinal, RecordKind
from schemas.sessions import (
    DIAGNOSTIC_CHECK,
    Description,
    FactRecorded,
    FactRetracted,
    FactRevised,
    FixOutcomeRecorded,
    FixSuggested,
    FixSuperseded,
    ScriptGenerated,
    SessionClosed,
    SessionDescribed,
    SessionErased,
    SessionOpened,
    SessionReopened,
    SessionSnapshot,
    Template,
)
from schemas.tickets import PsaTicket

_DESCRIBED = frozenset(Description.model_fields)

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that was found, or a check that was run."""

    fact_id: str
    text: str
    source_type: str
    source_summary: str | None
    place: Ordinal
    """The position of its first recording."""
    recorded_at: datetime | None = None
    """When it was first recorded with these words and this source; None for a snapshot's row without a time."""
    live: bool = True
    """False after a retraction. A fact that is recorded again is live again, in its old place."""

    @property
    def is_check(self) -> bool:
        return self.source_type == DIAGNOSTIC_CHECK


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A generated script."""

    generation_id: str
    template: Template | None
    parameters: Mapping[str, JsonValue]
    """As stored: placeholders stand for secret values."""
    place: Ordinal
    """The position of its first generation."""
    generated_at: datetime | None = None
    """When it was last generated; None for a snapshot's row without a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The state of a session at one version."""

    key: SessionKey
    version: int | None = None
    """The newest version that has arrived; None without any event."""
    event_count: int = 0
    """Accepted events, each counted once."""
    title: str | None = None
    problem_summary: str | None = None
    problem_domain: str | None = None
    intake_text: str | None = None
    psa_ticket: PsaTicket | None = None
    facts: tuple[Fact, ...] = ()
    """Oldest first, retracted facts included."""
    scripts: tuple[Script, ...] = ()
    """Oldest first."""
    fixes: tuple[Fix, ...] = ()
    """The most recently suggested fix is the last."""
    closed: bool = False
    """A snapshot sets this to False, because it replaces all earlier state."""
    resolution: str | None = None
    """How the session ended; None while it is open."""
    erased: bool = False
    """After the erasure the PSA ticket is the only content that is left."""
    zone: tzinfo = UTC
    """The session's local time: the offset of its first event with one that is not zero."""

    @property
    def live_facts(self) -> tuple[Fact, ...]:
        return tuple(fact for fact in self.facts if fact.live)

    @property
    def active_fix(self) -> Fix | None:
        return fixes.active(self.fixes)


def fold(key: SessionKey, events: Iterable[SessionEvent]) -> Session:
    """Folds the events of one session into its state. Never raises. Time is linear in their number, plus one sort.

    Of several events with one version only one counts. The others are repetitions of it: intake refuses a different
    event with the same version.
    """
    ordered = sorted(events, key=lambda event: (event.version, event.event_id))
    by_version = {event.version: event for event in ordered}
    state = _State()
    for event in by_version.values():
        if state.zone is UTC and (offset := event.occurred_at.utcoffset()):
            state.zone = timezone(offset)
        _evolve(state, event)
    return state.frozen(key, version=max(by_version, default=None), event_count=len(by_version))


@dataclass(slots=True)
class _State:
    """A session that is being folded. It changes in place: a copy of the maps per event would make the fold quadratic.

    The maps keep the order of the events: facts and scripts by first appearance, fixes by newest suggestion.
    """

    description: Description = field(default_factory=Description)
    facts: dict[str, Fact] = field(default_factory=dict)
    scripts: dict[str, Script] = field(default_factory=dict)
    fixes: dict[str, Fix] = field(default_factory=dict)
    closed: SessionClosed | None = None
    erased: bool = False
    zone: tzinfo = UTC

    def frozen(self, key: SessionKey, *, version: int | None, event_count: int) -> Session:
        ticket = self.description.psa_ticket
        if self.erased:
            return Session(key=key, version=version, event_count=event_count, psa_ticket=ticket, erased=True)
        return Session(
            key=key,
            version=version,
            event_count=event_count,
            title=self.description.title,
            problem_summary=self.description.problem_summary,
            problem_domain=self.description.problem_domain,
            intake_text=self.description.intake_text,
            psa_ticket=ticket,
            facts=tuple(self.facts.values()),
            scripts=tuple(self.scripts.values()),
            fixes=tuple(self.fixes.values()),
            closed=self.closed is not None,
            resolution=self.closed.resolution if self.closed else None,
            zone=self.zone,
        )


def _evolve(state: _State, event: SessionEvent) -> None:  # noqa: C901, PLR0912 - one case per type, as a table
    """Applies one event to the state. Covers every event type of the contract."""
    match event.data:
        case SessionOpened() as data:
            state.description = _described(data)
        case SessionDescribed() as data:
            present = data.model_fields_set & _DESCRIBED
            state.description = state.description.model_copy(update={name: getattr(data, name) for name in present})
        case FactRecorded() as data:
            known = state.facts.get(data.fact_id)
            place = known.place if known else ordinal.of_event(event.version, RecordKind.FACT)
            state.facts[data.fact_id] = _recorded(known, _fact(data, place, event.occurred_at))
        case FactRevised() as data:
            if fact := state.facts.get(data.fact_id):
                state.facts[data.fact_id] = _recorded(fact, _revised(fact, data, event.occurred_at))
        case FactRetracted() as data:
            if fact := state.facts.get(data.fact_id):
                state.facts[data.fact_id] = replace(fact, live=False)
        case FixSuggested() as data:
            state.fixes.pop(data.fix_id, None)  # so that the fix moves to the end
            state.fixes[data.fix_id] = fixes.suggested(data, ordinal.of_event(event.version, RecordKind.FIX))
        case FixOutcomeRecorded() as data:
            if fix := state.fixes.get(data.fix_id):
                state.fixes[data.fix_id] = fixes.with_outcome(fix, data, event.occurred_at)
        case FixSuperseded() as data:
            if fix := state.fixes.get(data.fix_id):
                state.fixes[data.fix_id] = fixes.superseded(fix)
        case ScriptGenerated() as data:
            script = state.scripts.get(data.generation_id)
            place = script.place if script else ordinal.of_event(event.version, RecordKind.SCRIPT)
            state.scripts[data.generation_id] = _script(data, place, event.occurred_at)
        case SessionClosed() as data:
            state.closed = data
        case SessionReopened():
            state.closed = None
        case SessionSnapshot() as data:
            _replace_all(state, data, event.version, event.occurred_at)
        case SessionErased():
            state.erased = True  # whatever the event's version; `frozen` drops the content
        case None:
            pass  # an event type that this release does not know
        case _ as never:
            assert_never(never)


def _described(data: Description) -> Description:
    """All five fields; an absent field becomes None."""
    return Description(
        title=data.title,
        problem_summary=data.problem_summary,
        problem_domain=data.problem_domain,
        intake_text=data.intake_text,
        psa_ticket=data.psa_ticket,
    )


def _fact(data: FactRecorded, place: Ordinal, at: datetime | None) -> Fact:
    return Fact(
        fact_id=data.fact_id,
        text=data.text,
        source_type=data.source_type,
        source_summary=data.source_summary,
        place=place,
        recorded_at=at,
    )


def _recorded(before: Fact | None, now: Fact) -> Fact:
    """The fact as it is recorded again; one that says the same as before keeps its time."""
    if before is None or (before.text, before.source_type, before.source_summary) != (
        now.text,
        now.source_type,
        now.source_summary,
    ):
        return now
    return replace(now, recorded_at=before.recorded_at)


def _revised(fact: Fact, data: FactRevised, at: datetime) -> Fact:
    present = data.model_fields_set
    return replace(
        fact,
        text=data.text if "text" in present else fact.text,
        source_type=data.source_type if "source_type" in present else fact.source_type,
        source_summary=data.source_summary if "source_summary" in present else fact.source_summary,
        recorded_at=at,
    )


def _script(data: ScriptGenerated, place: Ordinal, at: datetime | None) -> Script:
    return Script(
        generation_id=data.generation_id,
        template=data.template,
        parameters=data.parameters_used,
        place=place,
        generated_at=at,
    )


def _replace_all(state: _State, data: SessionSnapshot, version: int, at: datetime) -> None:
    """Replaces the whole state by a snapshot's rows. `at` is the time of the snapshot's event."""
    facts = _last_of_each(data.facts, lambda row: row.fact_id)
    scripts = _last_of_each(data.scripts, lambda row: row.generation_id)
    fix_rows = _last_of_each(data.fixes, lambda row: row.fix_id)
    fact_places = ordinal.of_rows(version, RecordKind.FACT, (row.recorded_at for row in facts))
    script_places = ordinal.of_rows(version, RecordKind.SCRIPT, (row.generated_at for row in scripts))
    fix_places = ordinal.of_rows(version, RecordKind.FIX, (None for _ in fix_rows))
    state.description = _described(data)
    state.facts = {
        row.fact_id: _fact(row, place, row.recorded_at) for row, place in zip(facts, fact_places, strict=True)
    }
    state.scripts = {
        row.generation_id: _script(row, place, row.generated_at)
        for row, place in zip(scripts, script_places, strict=True)
    }
    state.fixes = {row.fix_id: fixes.from_row(row, place, at) for row, place in zip(fix_rows, fix_places, strict=True)}
    state.closed = None


def _last_of_each(rows: Iterable[RowT], row_id: Callable[[RowT], str]) -> list[RowT]:
    """The rows, without each row that a later row of the same id replaces. The later row keeps its own place."""
    rows_by_id: dict[str, RowT] = {}
    for row in rows:
        rows_by_id.pop(row_id(row), None)
        rows_by_id[row_id(row)] = row
    return list(rows_by_id.values())
