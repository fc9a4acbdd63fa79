"""Hypothesis strategies for session events of every type. Few ids make events meet the same records."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from consumer.domain.events import Origin, SessionEvent
from tests.support import build

_IDS = st.sampled_from(["a", "b", "c"])
_TEXTS = st.sampled_from(["It works.", "It fails with 0x80070005.", "[REDACTED:password:00112233445566aa]", "Später."])
_NULLABLE = st.none() | _TEXTS | st.just("  ")
_TIMES = st.none() | st.integers(0, 9).map(lambda hours: (build.START + timedelta(hours=hours)).isoformat())
_STATUSES = st.sampled_from(
    ["applied_success", "applied_failed", "applied_partial", "applied_pending", "applied_pending", "dismissed"]
)
_SOURCES = st.sampled_from(["user_report", "diagnostic_check"])
_JSON = st.recursive(st.none() | st.booleans() | st.integers() | _TEXTS, lambda inner: st.lists(inner, max_size=2))
_TICKET = st.none() | st.builds(lambda number: {"system": "halo", "ticket_id": number}, st.integers(1, 3))

_DESCRIPTION = {
    "title": _NULLABLE,
    "problem_summary": _NULLABLE,
    "problem_domain": _NULLABLE,
    "intake_text": _NULLABLE,
    "psa_ticket": _TICKET,
}
_FACT = {"fact_id": _IDS, "text": _TEXTS, "source_type": _SOURCES}
_FIX = {"fix_id": _IDS, "title": _TEXTS, "description": _TEXTS, "confidence_pct": st.integers(0, 100)}
_OUTCOME = {
    "pending_reason": _NULLABLE,
    "partial_notes": _NULLABLE,
    "failure_reason": _NULLABLE,
    "applied_at": _TIMES,
    "verified_at": _TIMES,
}
_SCRIPT = {
    "generation_id": _IDS,
    "parameters_used": st.dictionaries(st.sampled_from(["Path", "Password", "When"]), _JSON, max_size=3),
}
_TEMPLATE = {"template": st.none() | st.fixed_dictionaries({"name": _TEXTS}, optional={"slug": _NULLABLE})}


def _with_reason(data: dict[str, Any]) -> dict[str, Any]:
    """`applied_pending` needs a reason that is not blank."""
    if data.get("status") == "applied_pending" and not (data.get("pending_reason") or "").strip():
        return data | {"pending_reason": "the vendor's answer"}
    return data


_ROW_OF_FIX = st.fixed_dictionaries(
    _FIX, optional=_OUTCOME | {"status": _STATUSES | st.just("proposed"), "superseded": st.booleans()}
).map(_with_reason)
_SNAPSHOT = st.fixed_dictionaries(
    {},
    optional=_DESCRIPTION
    | {
        "facts": st.lists(
            st.fixed_dictionaries(_FACT, optional={"source_summary": _NULLABLE, "recorded_at": _TIMES}), max_size=4
        ),
        "fixes": st.lists(_ROW_OF_FIX, max_size=4),
        "scripts": st.lists(st.fixed_dictionaries(_SCRIPT, optional=_TEMPLATE | {"generated_at": _TIMES}), max_size=4),
    },
)

_TYPES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "session.opened.v1": st.fixed_dictionaries({}, optional=_DESCRIPTION),
    "session.described.v1": st.fixed_dictionaries({}, optional=_DESCRIPTION),
    "session.fact_recorded.v1": st.fixed_dictionaries(_FACT, optional={"source_summary": _NULLABLE}),
    "session.fact_revised.v1": st.fixed_dictionaries(
        {"fact_id": _IDS}, optional={"text": _TEXTS, "source_type": _SOURCES, "source_summary": _NULLABLE}
    ),
    "session.fact_retracted.v1": st.fixed_dictionaries({"fact_id": _IDS}),
    "session.fix_suggested.v1": st.fixed_dictionaries(_FIX),
    "session.fix_superseded.v1": st.fixed_dictionaries({"fix_id": _IDS}),
    "session.fix_outcome_recorded.v1": st.fixed_dictionaries(
        {"fix_id": _IDS, "status": _STATUSES}, optional=_OUTCOME
    ).map(_with_reason),
    "session.script_generated.v1": st.fixed_dictionaries(_SCRIPT, optional=_TEMPLATE),
    "session.closed.v1": st.fixed_dictionaries({}, optional={"resolution": _NULLABLE}),
    "session.reopened.v1": st.just({}),
    "session.snapshot.v1": _SNAPSHOT,
    "session.mood_changed.v9": st.just({}),
}
_ERASED = "session.erased.v1"

TYPES = frozenset({*_TYPES, _ERASED})
"""Every type that histories hold."""


def events(*, erasures: bool = False) -> st.SearchStrategy[SessionEvent]:
    """One event, still without its version."""
    made = st.one_of([data.map(_maker(name)) for name, data in _TYPES.items()])
    return made | st.builds(build.erased) if erasures else made


def _maker(event_type: str) -> Any:
    return lambda data: build.event(event_type, data)


@st.composite
def histories(draw: st.DrawFn, *, erasures: bool = False, max_size: int = 25) -> list[SessionEvent]:
    """Events in version order with gaps. Their times do not follow the versions."""
    made = draw(st.lists(events(erasures=erasures), min_size=1, max_size=max_size))
    steps = draw(st.lists(st.integers(1, 3), min_size=len(made), max_size=len(made)))
    minutes = draw(st.lists(st.integers(0, 600), min_size=len(made), max_size=len(made)))
    version = -1
    numbered = []
    for event, step, minute in zip(made, steps, minutes, strict=True):
        version += step
        numbered.append(
            event._replace(
                version=version,
                event_id=f"event-{version}",
                occurred_at=build.minute(minute),
                origin=Origin("session-state-changed", 0, version),
            )
        )
    return numbered
