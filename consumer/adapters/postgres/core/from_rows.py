"""Builds the domain's types from rows of the tables."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import asyncpg
from pydantic import ValidationError

from consumer.domain.arrival import stored
from consumer.domain.events import Origin, RequestKey, SessionEvent, SessionKey, TraceContext
from consumer.domain.language.languages import language_of
from consumer.domain.request.schedule import REPLAYED
from consumer.domain.request.work import LastPackage, ReplayTerms, TenantPolicy, Work
from consumer.domain.session.history import SessionHistory
from consumer.domain.writing.ledger import Declined, LedgerEntry
from consumer.flows.drafting.ports import Busy
from schemas.packages import Cause, PackageStatus, TicketReference
from schemas.tenants import ModelAllowed

_FROM_THE_STORE = Origin(topic="", partition=-1, offset=-1)


def work(row: asyncpg.Record) -> Work:
    """The work of a row of `leased_work` in leases.sql."""
    return Work(
        key=RequestKey(row["tenant_id"], row["session_id"], row["request_id"]),
        token=row["lease_token"],
        requested_state_version=row["requested_state_version"],
        reason=row["reason"],
        priority=row["priority"],
        force=row["force"],
        trace=TraceContext(traceparent=row["traceparent"], tracestate=row["tracestate"]),
        cause=Cause(row["cause"]),
        replay_id=row["replay_id"],
        terms=terms(row),
        replayed=row["rank"] > REPLAYED,
        due_at=row["due_at"],
        attempts=row["attempts"],
        last=last(row),
        upgrade_wanted=row["upgrade_wanted"],
        age_seconds=row["age_seconds"],
        taken_at=row["taken_at"],
        waited=row["waited"],
        policy=policy(row),
        deadline_in_seconds=row["deadline_in_seconds"] if row["state"] == "open" else None,
    )


def last(row: asyncpg.Record) -> LastPackage | None:
    """The last package of the row's request; None for a request without a package."""
    if row["status"] is None:
        return None
    return LastPackage(
        revision=row["revision"],
        bundle_sha256=row["bundle_sha256"],
        prompt_version=row["prompt_version"],
        model=row["model"],
        status=PackageStatus(row["status"]),
        content_sha256=row["content_sha256"],
        ticket=ticket(row["ticket"]),
    )


def policy(row: asyncpg.Record) -> TenantPolicy:
    """The policy of the row's tenant; the default one where none was set. Raises ValueError for an unknown language."""
    if row["policy_model"] is None:
        return TenantPolicy()
    return TenantPolicy(
        uses_model=row["policy_model"] == ModelAllowed.ON,
        language=language_of(row["language"]),
        note_footer=row["note_footer"],
    )


def terms(row: asyncpg.Record) -> ReplayTerms | None:
    """The terms of the planned replay that the work belongs to; None for other work."""
    if row["publishes"] is None:
        return None
    return ReplayTerms(stands=row["applying"], calls_model=row["calls_model"], publishes=row["publishes"])


def ticket(text: str | None) -> TicketReference | None:
    return None if text is None else TicketReference.model_validate_json(text)


def event(key: SessionKey, row: asyncpg.Record) -> SessionEvent:
    """A stored event, as sessions are folded from it: without origin and actor."""
    return SessionEvent(
        origin=_FROM_THE_STORE,
        key=key,
        version=row["version"],
        event_id=row["event_id"],
        type=row["type"],
        occurred_at=local(row["occurred_at"], row["utc_offset"]),
        actor=None,  # kept for audit only: a value that is not read cannot reach a prompt or a package
        data=None if row["data"] is None else stored.load_data(row["type"], row["data"]),
    )


def local(at: datetime, utc_offset: int | None) -> datetime:
    """A stored time at its offset, which is missing for events of an earlier release: then in UTC."""
    return at.astimezone(timezone(timedelta(minutes=utc_offset))) if utc_offset else at


def history(key: SessionKey, rows: Sequence[asyncpg.Record]) -> SessionHistory | None:
    """The session of the rows of `history` in sessions.sql; None without a row, for an unknown session.

    Each row holds one event and the values of the whole session; without events there is one row, without a version.
    """
    if not rows:
        return None
    return SessionHistory(
        events=tuple(event(key, row) for row in rows if row["version"] is not None),
        arrivals=rows[0]["event_count"],
        secrets=rows[0]["secrets"],
        erased=rows[0]["erased"],
        ticket=ticket(rows[0]["last_ticket"]),
    )


def known_draft(row: asyncpg.Record) -> LedgerEntry | Declined | Busy | None:
    """A draft of the ledger: Declined when it was refused, Busy while it is claimed.

    None for a draft that this release cannot read: it counts as missing.
    """
    match row["state"]:
        case "drafted":
            try:
                return LedgerEntry.model_validate_json(row["answer"])
            except ValidationError:
                return None
        case "refused":
            return Declined(warnings=tuple(row["refusal"].split()))
        case _:
            return Busy()
