"""Builders with dull defaults: a test says only what matters to it.

    session = build.session(build.opened(), build.fact("Ping works."), build.fix(), build.outcome("applied_failed"))

Events made here have version 0; `in_order` numbers them 1, 2, … and sets them a minute apart. The schemas' models
check the data: an event that could not be accepted cannot be built.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from consumer.domain.bundle import bundle as bundles
from consumer.domain.bundle.bundle import Bundle
from consumer.domain.events import Origin, SessionEvent, SessionKey
from consumer.domain.language.en import ENGLISH
from consumer.domain.language.language import Language
from consumer.domain.session.session import Session, fold
from schemas.sessions import SESSION_TYPES

KEY = SessionKey("default", "session-1")
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TICKET = {"system": "connectwise", "ticket_id": "48213"}


def event(
    event_type: str,
    data: dict[str, Any] | None = None,
    *,
    version: int = 0,
    event_id: str | None = None,
    at: datetime | None = None,
    key: SessionKey = KEY,
) -> SessionEvent:
    """An event of any type, `data` checked by its model; an unknown type has none."""
    model = SESSION_TYPES.get(event_type)
    return SessionEvent(
        origin=Origin("session-state-changed", 0, version),
        key=key,
        version=version,
        event_id=event_id or f"event-{version}",
        type=event_type,
        occurred_at=at or minute(version),
        actor=None,
        data=None if model is None else model.model_validate(data or {}),
    )


def minute(number: int) -> datetime:
    """The time of the event with this version."""
    return START + timedelta(minutes=number)


def opened(*, version: int = 0, title: str | None = "Outlook asks for a password", **fields: Any) -> SessionEvent:
    return event("session.opened.v1", {"title": title, **fields}, version=version)


def described(*, version: int = 0, **fields: Any) -> SessionEvent:
    """Only the fields that are given are present."""
    return event("session.described.v1", fields, version=version)


def fact(
    text: str = "The mailbox opens in the browser.",
    *,
    fact_id: str = "fact-1",
    source_type: str = "engineer_observation",
    version: int = 0,
    **fields: Any,
) -> SessionEvent:
    data = {"fact_id": fact_id, "text": text, "source_type": source_type, **fields}
    return event("session.fact_recorded.v1", data, version=version)


def check(text: str = "DNS answers.", *, fact_id: str = "check-1", version: int = 0, **fields: Any) -> SessionEvent:
    """A diagnostic check."""
    return fact(text, fact_id=fact_id, source_type="diagnostic_check", version=version, **fields)


def revised(*, fact_id: str = "fact-1", version: int = 0, **fields: Any) -> SessionEvent:
    return event("session.fact_revised.v1", {"fact_id": fact_id, **fields}, version=version)


def retracted(*, fact_id: str = "fact-1", version: int = 0) -> SessionEvent:
    return event("session.fact_retracted.v1", {"fact_id": fact_id}, version=version)


def fix(
    title: str = "Recreate the mail profile",
    *,
    fix_id: str = "fix-1",
    confidence_pct: float = 70,
    description: str = "The profile still points to the old tenant.",
    version: int = 0,
) -> SessionEvent:
    data = {"fix_id": fix_id, "title": title, "description": description, "confidence_pct": confidence_pct}
    return event("session.fix_suggested.v1", data, version=version)


def outcome(status: str, *, fix_id: str = "fix-1", version: int = 0, **fields: Any) -> SessionEvent:
    """`applied_pending` gets a reason when none is given."""
    if status == "applied_pending":
        fields.setdefault("pending_reason", "the next full backup at 02:00")
    return event("session.fix_outcome_recorded.v1", {"fix_id": fix_id, "status": status, **fields}, version=version)


def superseded(*, fix_id: str = "fix-1", version: int = 0) -> SessionEvent:
    return event("session.fix_superseded.v1", {"fix_id": fix_id}, version=version)


def script(
    name: str | None = "Reset mail profile",
    *,
    generation_id: str = "script-1",
    slug: str | None = "reset-mail-profile",
    parameters: dict[str, Any] | None = None,
    version: int = 0,
) -> SessionEvent:
    """A `name` of None stands for a template that is gone."""
    template = None if name is None else {"name": name, "slug": slug}
    data = {"generation_id": generation_id, "template": template, "parameters_used": parameters or {}}
    return event("session.script_generated.v1", data, version=version)


def closed(*, version: int = 0, **fields: Any) -> SessionEvent:
    return event("session.closed.v1", fields, version=version)


def reopened(*, version: int = 0) -> SessionEvent:
    return event("session.reopened.v1", version=version)


def snapshot(*, version: int = 0, **fields: Any) -> SessionEvent:
    return event("session.snapshot.v1", fields, version=version)


def erased(*, version: int = 0) -> SessionEvent:
    return event("session.erased.v1", version=version)


def unknown(*, version: int = 0) -> SessionEvent:
    """An event of a type unknown to this release."""
    return event("session.mood_changed.v9", version=version)


def in_order(*events: SessionEvent, first: int = 1) -> list[SessionEvent]:
    """The events with versions `first`, `first` + 1, …, a minute apart, each with an id of its own."""
    return [
        event._replace(
            version=version,
            event_id=f"event-{version}",
            occurred_at=minute(version),
            origin=Origin("session-state-changed", 0, version),
        )
        for version, event in enumerate(events, first)
    ]


def session(*events: SessionEvent) -> Session:
    """The state after these events, numbered by `in_order`."""
    return fold(KEY, in_order(*events))


def bundle(*events: SessionEvent, reason: str | None = None, language: Language = ENGLISH) -> Bundle:
    """The bundle of `session`."""
    return bundles.build(session(*events), reason=reason, language=language)


def bundle_of(events: Iterable[SessionEvent], *, reason: str | None = None, language: Language = ENGLISH) -> Bundle:
    """The bundle of events as they are, versions and all."""
    return bundles.build(fold(KEY, events), reason=reason, language=language)
