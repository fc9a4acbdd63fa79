"""The events of one batch, inside the inbox's transaction: which are new, and their rows."""

from collections.abc import Sequence
from datetime import datetime

from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.intake import sweeping
from consumer.adapters.postgres.intake.arrivals import Arrivals
from consumer.adapters.postgres.intake.progress import BatchInProgress
from consumer.domain.arrival import door
from consumer.domain.arrival.acceptance import Acceptance, Head, Slot, accept, to_look_up
from consumer.domain.events import SessionChange, SessionKey
from consumer.domain.request.schedule import may_change_package
from consumer.flows.pacing import LoopTurn
from schemas.packages import TicketReference
from schemas.sessions import ERASED

_queries = Queries("inbox")
_EVENT_COLUMNS = (
    "tenant_id", "session_id", "version", "arrival", "event_id", "type", "occurred_at", "actor", "data", "utc_offset",
)  # fmt: skip


async def lock_sessions(connection: Connection, progress: BatchInProgress, arrivals: Arrivals) -> datetime:
    """Returns the time of the transaction."""
    named = sorted(arrivals.named)
    if arrivals.made:
        made = named if len(arrivals.made) == len(named) else sorted(arrivals.made)
        await connection.execute(_queries.add_sessions, *columns(made, 2))
    rows = await connection.fetch(_queries.lock_sessions, *columns(named, 2)) if named else []
    for row in rows:
        key = SessionKey(row["tenant_id"], row["session_id"])
        progress.heads[key] = Head(row["newest_version"], row["event_count"])
        if row["erased"]:
            progress.erased.add(key)
            ticket = row["last_ticket"]
            progress.tickets[key] = None if ticket is None else TicketReference.model_validate_json(ticket)
        elif row["has_secrets"]:
            progress.marked.add(key)
    now: datetime = rows[0]["now"] if rows else await connection.fetchval(_queries.clock)
    return now


async def accept_events(
    connection: Connection, progress: BatchInProgress, events: Sequence[SessionChange]
) -> Acceptance:
    if progress.erased:
        dropped = [event for event in events if event.key in progress.erased]
        progress.outcomes["dropped"] += sum(event.type != ERASED for event in dropped)
        events = [event for event in events if event.key not in progress.erased]
    taken: dict[Slot, str] = {}
    if asked := to_look_up(progress.heads, events):
        slots = [(*key, version) for key, version in asked]
        for tenant, session, version, event_id in await connection.fetch(_queries.stored_ids, *columns(slots, 3)):
            taken[SessionKey(tenant, session), version] = event_id
    acceptance = accept(progress.heads, taken, events)
    progress.heads.update(acceptance.heads)
    progress.outcomes["stored"] += len(acceptance.accepted)
    progress.outcomes["repeated"] += acceptance.repeated
    return acceptance


async def copy_events(connection: Connection, progress: BatchInProgress, acceptance: Acceptance) -> None:
    if not acceptance.accepted:
        return
    rows = []
    turn = LoopTurn()
    for arrival, event in acceptance.accepted:
        texts = stored_texts(event, progress.sweepers)
        head = (*event.key, event.version, arrival, event.event_id, event.type, event.occurred_at)
        rows.append((*head, *texts, offset_minutes(event.occurred_at)))
        if progress.sweepers and turn.is_over:
            await turn.end()
    await connection.copy_records_to_table("session_events", records=rows, columns=_EVENT_COLUMNS)
    heads = [(*key, *head) for key, head in acceptance.heads.items()]
    await connection.execute(_queries.advance_sessions, *columns(heads, 4))


def offset_minutes(at: datetime) -> int:
    """The offset of a time's zone; the database keeps instants only."""
    offset = at.utcoffset()
    return 0 if not offset else int(offset.total_seconds() // 60)


def stored_texts(event: SessionChange, sweepers: sweeping.Sweepers) -> tuple[str | None, str | None]:
    """The event's actor and data as they are stored: without the known secrets."""
    sweeper = sweepers.get(event.key)
    if sweeper is None:
        return event.actor, event.data
    return event.actor and sweeper.text(event.actor), event.data and door.swept_data(sweeper, event.data)


def sessions_with_news(acceptance: Acceptance) -> set[SessionKey]:
    return {event.key for _, event in acceptance.accepted if may_change_package(event)}
