"""Stores the requests and cancellations of a batch.

Runs inside the inbox's transaction, with the sessions locked.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.intake.erasure import known_requests, tickets_of
from consumer.adapters.postgres.intake.sweeping import Sweepers
from consumer.domain.events import Cancellation, Request, RequestKey, SessionKey, TopicPartition
from consumer.domain.package.endings import after_cancellation, after_erasure, note_of_known
from consumer.domain.package.package import Note, Publication, Sender
from consumer.domain.request import lifecycle, schedule
from consumer.domain.request.lifecycle import KnownRequest, Reception, RequestRow, RequestState
from consumer.domain.request.schedule import REPLAYED
from schemas.packages import FailureReason, TicketReference

_queries = Queries("inbox")
_NOTHING = (None,) * 4
"""No failure, and no record of a request yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequests:
    """What became of the requests and cancellations of a batch."""

    publications: list[Publication]
    outcomes: Counter[str]
    is_due: bool
    """Whether a request can be worked on now."""
    backlogged: bool
    """Whether a request waits for a backlog to be read."""


async def store_requests(
    connection: Connection,
    arrivals: Sequence[Request | Cancellation],
    *,
    sender: Sender,
    erased: Collection[SessionKey],
    tickets: Mapping[SessionKey, TicketReference | None],
    newest: Mapping[SessionKey, int | None],
    sweepers: Sweepers,
    ends: Mapping[TopicPartition, int],
    now: datetime,
) -> ReceivedRequests:
    """Stores what `lifecycle.receive` decides, and returns the outcomes to publish.

    `tickets` are the last tickets of erased sessions, `newest` the newest versions with this batch counted in.
    """
    keys = columns(sorted({arrival.key for arrival in arrivals}), 3)
    known = dict(known_requests(await connection.fetch(_queries.standing_requests, *keys)))
    decided = lifecycle.receive(known, arrivals, erased)
    backlog = await _backlog(connection, decided.entries, sender, ends)
    rows = [_row(entry, newest, sweepers, backlog) for entry in decided.entries]
    rows += [_foreseen_row(cancellation) for cancellation in decided.foreseen]
    if rows:
        await connection.execute(_queries.put_requests, *columns(rows, 19))
    if decided.cancelled:
        await connection.execute(_queries.cancel_requests, *columns(decided.cancelled, 3))
    if decided.replays:
        replays = [(*request.key, request.replay_id) for request in decided.replays]
        await connection.execute(_queries.replay_requests, *columns(replays, 4), REPLAYED)
    if decided.met:
        met = [(*key, replay_id) for key, replay_id in decided.met]
        await connection.execute(_queries.note_replays, *columns(met, 4))
    # Columns of `put_requests`: 3 is the state, 13 the backlog, 14 whether the state has arrived.
    opened = [row for row in rows if row[3] == RequestState.OPEN]
    return ReceivedRequests(
        publications=await _publications(connection, decided, sender, tickets, now),
        outcomes=Counter(
            requested=len(opened),
            cancelled=len(decided.withdrawn) + len(decided.foreseen),
            repeated=decided.repeated,
            replayed=len(decided.replays),
            dropped=decided.dropped + len(decided.failed),
        ),
        is_due=bool(decided.replays) or any(row[14] for row in opened),
        backlogged=any(row[13] is not None for row in opened),
    )


async def _backlog(
    connection: Connection, entries: Sequence[RequestRow], sender: Sender, ends: Mapping[TopicPartition, int]
) -> Mapping[bool, str | None]:
    """What has to be read before a request's clock starts, as JSON or None; by whether the request was replayed.

    A replayed request can rest on replayed events too. A live request never waits for those.
    """
    if not ends or not any(entry.state is RequestState.OPEN for entry in entries):
        return {True: None, False: None}
    rows = await connection.fetch(_queries.positions, sorted({topic for topic, _ in ends}))
    reached = {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}
    behind = {partition: end for partition, end in ends.items() if reached.get(partition, 0) < end}
    live = {partition: end for partition, end in behind.items() if not sender.topics.is_replay(partition.topic)}
    return {True: _backlog_json(behind), False: _backlog_json(live)}


def _backlog_json(behind: Mapping[TopicPartition, int]) -> str | None:
    return json.dumps({f"{topic}/{number}": end for (topic, number), end in behind.items()}) if behind else None


def _row(
    entry: RequestRow, newest: Mapping[SessionKey, int | None], sweepers: Sweepers, backlog: Mapping[bool, str | None]
) -> tuple[object, ...]:
    request = entry.request
    sweeper = sweepers.get(request.key.session)
    reason = request.reason if sweeper is None or request.reason is None else sweeper.text(request.reason)
    to_read = backlog[request.from_replay] if entry.state is RequestState.OPEN else None
    is_due = entry.state is RequestState.OPEN and schedule.is_due_at_once(
        request, newest.get(request.key.session), waits_for_backlog=to_read is not None
    )
    erased = entry.state is RequestState.FAILED
    return (
        *request.key,
        entry.state.value,
        request.state_version,
        None if erased else reason,
        request.priority,
        request.force,
        request.deadline_seconds,
        request.from_replay,
        None if erased else request.trace.traceparent,
        None if erased else request.trace.tracestate,
        schedule.first_rank(request),
        to_read,
        is_due,
        FailureReason.SESSION_ERASED.value if erased else None,
        *request.origin[:3],
    )


def _foreseen_row(cancellation: Cancellation) -> tuple[object, ...]:
    key = cancellation.key
    return (*key, RequestState.FORESEEN.value, None, None, 3, False, 120, False, None, None, 3, None, False, *_NOTHING)


async def _publications(
    connection: Connection,
    decided: Reception,
    sender: Sender,
    tickets: Mapping[SessionKey, TicketReference | None],
    now: datetime,
) -> list[Publication]:
    wanted: set[SessionKey] = {key.session for key, _ in decided.withdrawn} - tickets.keys()
    known = {**(await tickets_of(connection, wanted) if wanted else {}), **tickets}

    def note(key: RequestKey, request: KnownRequest) -> Note:
        return note_of_known(key, request, known.get(key.session))

    withdrawn = [after_cancellation(sender, note(key, request), request, at=now) for key, request in decided.withdrawn]
    failed = [after_erasure(sender, note(key, request), request, at=now) for key, request in decided.failed]
    return withdrawn + failed
