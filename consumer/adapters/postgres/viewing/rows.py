"""Rows of the viewing queries as views."""

import json
from typing import Any

import asyncpg

from consumer.domain.events import Origin, RequestKey, SessionKey
from consumer.domain.package.package import target_ticket_ref, ticket_reference
from consumer.domain.request.lifecycle import RequestState
from consumer.flows.viewing.dead_letters import DeadLetterView
from consumer.flows.viewing.filters import SessionCondition
from consumer.flows.viewing.packages import PackageView
from consumer.flows.viewing.requests import RequestView
from consumer.flows.viewing.sessions import SessionView
from consumer.flows.viewing.story import FeedbackView, LedgerView, ModelCallView, SessionRecord, WaitingEvent
from consumer.flows.viewing.waiting import waits_for
from schemas.dead_letters import RefusalReason
from schemas.feedback import FeedbackOutcome
from schemas.packages import Cause, PackageStatus
from schemas.tickets import PsaTicket


def request_view(row: asyncpg.Record, session_ticket: str | None = None) -> RequestView:
    """`session_ticket` is the session's ticket as people write it, for a request without a package."""
    view = RequestView(
        key=_request_key(row),
        state=RequestState(row["state"]),
        origin=_origin(row),
        stored_at=row["stored_at"],
        read_at=row["read_at"],
        priority=row["priority"],
        force=row["force"],
        from_replay=row["from_replay"],
        deadline_seconds=row["deadline_seconds"],
        requested_version=row["requested_state_version"],
        newest_version=row["newest_version"],
        reason=row["reason"],
        backlog=tuple(sorted(json.loads(row["backlog"]).items())) if row["backlog"] else (),
        half_deadline_at=row["half_deadline_at"],
        deadline_at=row["deadline_at"],
        due_at=row["due_at"],
        next_cause=Cause(row["next_cause"]),
        replay_id=row["replay_id"],
        attempts=row["attempts"],
        leased_until=row["leased_until"],
        leased_by=row["leased_by"],
        revision=row["revision"],
        package_id=None if row["last_package_id"] is None else str(row["last_package_id"]),
        status=None if row["status"] is None else PackageStatus(row["status"]),
        cause=None if row["package_cause"] is None else Cause(row["package_cause"]),
        package_at=row["package_at"],
        ticket=ticket_text(row["ticket"]) or session_ticket,
        upgrade_wanted=row["upgrade_wanted"],
        failure=row["failure"],
        ended_at=row["ended_at"],
        first_outcome_at=row["first_outcome_at"],
        warnings=tuple(json.loads(row["warnings"] or "[]")),
    )
    return view.with_waiting(waits_for(view))


def package_view(row: asyncpg.Record) -> PackageView:
    return PackageView(
        package_id=row["package_id"],
        key=_request_key(row),
        revision=row["revision"],
        state_version=row["state_version"],
        status=PackageStatus(row["status"]),
        cause=Cause(row["cause"]),
        replay_id=row["replay_id"],
        model=row["model"],
        prompt_version=row["prompt_version"],
        content_sha256=row["content_sha256"],
        ticket=ticket_text(row["ticket"]),
        created_at=row["created_at"],
        published=row["published"],
        warnings=tuple(json.loads(row.get("warnings") or "[]")),
    )


def session_view(row: asyncpg.Record) -> SessionView:
    erased, trimmed = row["erased_at"], row["trimmed_at"]
    return SessionView(
        key=SessionKey(row["tenant_id"], row["session_id"]),
        condition=SessionCondition.ERASED if erased else SessionCondition.TRIMMED if trimmed else SessionCondition.KEPT,
        newest_version=row["newest_version"],
        event_count=row["event_count"],
        requests=row["requests"],
        changed_at=row["changed_at"],
        erased_at=erased,
        trimmed_at=trimmed,
    )


def dead_letter_view(row: asyncpg.Record) -> DeadLetterView:
    return DeadLetterView(
        origin=Origin(row["topic"], row["partition"], row["offset"], row["record_ms"]),
        tenant_id=row["tenant_id"],
        session_id=row["session_id"],
        request_id=row["request_id"],
        source=row["source"],
        reason=RefusalReason(row["reason"]),
        error=row["error"],
        excerpt=row["excerpt"],
        failed_at=row["failed_at"],
    )


def call_view(row: asyncpg.Record) -> ModelCallView:
    return ModelCallView(**_plain(row))


def ledger_view(row: asyncpg.Record) -> LedgerView:
    values = _plain(row)
    values["warnings"] = tuple(json.loads(values["warnings"] or "[]"))
    for count in ("statements", "flagged", "removed"):
        values[count] = None if values[count] is None else int(values[count])
    return LedgerView(**values)


def waiting_event(row: asyncpg.Record) -> WaitingEvent:
    return WaitingEvent(**_plain(row))


def feedback_view(row: asyncpg.Record) -> FeedbackView:
    return FeedbackView(
        package_id=row["package_id"],
        outcome=FeedbackOutcome(row["outcome"]),
        said=json.loads(row["said"]),
        occurred_at=row["occurred_at"],
        origin=_origin(row),
    )


def session_record(row: asyncpg.Record) -> SessionRecord:
    return SessionRecord(**_plain(row))


def ticket_text(stored: str | None) -> str | None:
    """A stored ticket, of a package or of an event, as people write it."""
    return None if stored is None else target_ticket_ref(ticket_reference(PsaTicket.model_validate_json(stored)))


def _request_key(row: asyncpg.Record) -> RequestKey:
    return RequestKey(row["tenant_id"], row["session_id"], row["request_id"])


def _origin(row: asyncpg.Record) -> Origin | None:
    if row["origin_topic"] is None:
        return None
    return Origin(row["origin_topic"], row["origin_partition"], row["origin_offset"])


def _plain(row: asyncpg.Record) -> dict[str, Any]:
    return dict(row.items())
