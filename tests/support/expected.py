"""The state of a session, computed a second time in the plainest way, from the events on the topic.

It shares nothing with the code under test, so that one mistake is not made twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]
"""A CloudEvent as it stands on the topic."""

_PLAIN = ("title", "problem_summary", "problem_domain", "intake_text", "psa_ticket")
_TEXTS = ("pending_reason", "partial_notes", "failure_reason")


@dataclass(slots=True)
class Expected:
    """The state behind a package."""

    plain: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id, in order; retracted facts have `live` false."""
    scripts: dict[str, dict[str, Any]] = field(default_factory=dict)
    fixes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id, the most recently suggested last."""

    @property
    def live_facts(self) -> list[dict[str, Any]]:
        return [fact for fact in self.facts.values() if fact["live"]]

    @property
    def checks(self) -> list[dict[str, Any]]:
        return [fact for fact in self.live_facts if fact["source_type"] == "diagnostic_check"]

    @property
    def applied(self) -> list[dict[str, Any]]:
        return [fix for fix in self.fixes.values() if fix["status"].startswith("applied_")]

    @property
    def active(self) -> dict[str, Any] | None:
        alive = [fix for fix in self.fixes.values() if not fix["superseded"]]
        return alive[-1] if alive else None

    @property
    def has_problem(self) -> bool:
        described = any(_said(self.plain.get(name)) for name in _PLAIN if name != "psa_ticket")
        return described or bool(self.live_facts)


def _said(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip())


def after(events: Iterable[Event]) -> Expected:
    """The state after these events, in version order."""
    state = Expected()
    for event in sorted(events, key=lambda event: event["stateversion"]):
        state = _changed(state, event["type"], event.get("data") or {})
    return state


def _changed(state: Expected, kind: str, data: Mapping[str, Any]) -> Expected:  # noqa: C901 - a case per type
    match kind:
        case "session.opened.v1":
            state.plain = {name: data.get(name) for name in _PLAIN}
        case "session.described.v1":
            state.plain |= {name: data[name] for name in _PLAIN if name in data}
        case "session.fact_recorded.v1":
            state.facts[data["fact_id"]] = {**data, "live": True}
        case "session.fact_revised.v1" if data["fact_id"] in state.facts:
            state.facts[data["fact_id"]] |= data
        case "session.fact_retracted.v1" if data["fact_id"] in state.facts:
            state.facts[data["fact_id"]]["live"] = False
        case "session.fix_suggested.v1":
            state.fixes.pop(data["fix_id"], None)
            state.fixes[data["fix_id"]] = {**data, "status": "proposed", "superseded": False}
        case "session.fix_superseded.v1" if data["fix_id"] in state.fixes:
            state.fixes[data["fix_id"]]["superseded"] = True
        case "session.fix_outcome_recorded.v1" if data["fix_id"] in state.fixes:
            texts = {name: data[name] for name in _TEXTS if name in data}
            state.fixes[data["fix_id"]] |= {"status": data["status"], **texts}
        case "session.script_generated.v1":
            state.scripts[data["generation_id"]] = dict(data)
        case "session.snapshot.v1":
            return _snapshot(data)
    return state


def _snapshot(data: Mapping[str, Any]) -> Expected:
    state = Expected(plain={name: data.get(name) for name in _PLAIN})
    for fact in data.get("facts") or ():
        state.facts[fact["fact_id"]] = {**fact, "live": True}
    for fix in data.get("fixes") or ():
        state.fixes[fix["fix_id"]] = {"status": "proposed", "superseded": False, **fix}
    for script in data.get("scripts") or ():
        state.scripts[script["generation_id"]] = dict(script)
    return state
