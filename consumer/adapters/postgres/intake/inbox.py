"""The inbox: one batch, one transaction. The same batch again, in whatever pieces and order, leaves the same rows."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import asyncpg

from consumer.adapters.postgres.core.faults import AWAY, reachable
from consumer.adapters.postgres.core.pool import ACQUIRE_TIMEOUT_SECONDS, Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.intake import erasure, reception, refusals, sweeping
from consumer.adapters.postgres.intake.arrivals import Arrivals, by_kind
from consumer.domain.arrival import deadletters, door
from consumer.domain.arrival.acceptance import Acceptance, Head, Slot, accept, to_look_up
from consumer.domain.events import Cancellation, Refusal, Request, SessionChange, SessionKey, TopicPartition
from consumer.domain.package.package import Publication, Sender
from consumer.domain.redaction import Redactor
from consumer.domain.request.schedule import LATER, RevisionRules, may_change_package
from consumer.flows.inbox import Batch, StoredBatch
from schemas.dead_letters import RefusalReason
from schemas.packages import TicketReference
from schemas.sessions import ERASED

_queries = Queries("inbox")

DUE, OUTBOX = "escalation_due", "escalation_outbox"
_EVENT_COLUMNS = (
    "tenant_id", "session_id", "version", "arrival", "event_id", "type", "occurred_at", "actor", "data",
)  # fmt: skip
_REFUSED_BY_THE_STORE = (asyncpg.PostgresError, asyncpg.DataError, ValueError, OverflowError)


@dataclass(slots=True)
class _Work:
    """What a transaction has found out and has yet to write."""

    heads: dict[SessionKey, Head] = field(default_factory=dict)
    erased: set[SessionKey] = field(default_factory=set)
    tickets: dict[SessionKey, TicketReference | None] = field(default_factory=dict)
    """Of erased sessions."""
    marked: set[SessionKey] = field(default_factory=set)
    """Sessions that have known secrets."""
    sweepers: sweeping.Sweepers = field(default_factory=dict)
    changed: set[SessionKey] = field(default_factory=set)
    """Sessions whose stored texts were changed by a sweep."""
    swept: set[SessionKey] = field(default_factory=set)
    publications: list[Publication | deadletters.DeadLetterRecord] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    channels: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)


class PostgresInbox:
    """Stores batches. Raises Transient when the database is away; nothing of the batch is stored then."""

    def __init__(
        self, pool: Pool, *, sender: Sender, redactor: Redactor, revisions: RevisionRules, publishes: bool = True
    ) -> None:
        """Without `publishes` nothing is put into the outbox: somebody else has told of these records already."""
        self._pool = pool
        self._publishes = publishes
        self._sender = sender
        self._redactor = redactor
        self._revisions = revisions

    async def probe(self) -> None:
        async with reachable(self._pool):
            await self._pool.execute("SELECT 1 FROM sessions LIMIT 1")

    async def store(self, batch: Batch) -> StoredBatch:
        """One transaction; only when a record cannot be stored at all, halves, until it stands alone and is refused."""
        try:
            async with reachable(self._pool):
                return await self._store(batch)
        except _REFUSED_BY_THE_STORE as error:
            if isinstance(error, AWAY) or not batch.arrivals:
                raise
            if len(batch.arrivals) == 1:
                return await self.store(replace(batch, arrivals=(refusals.unstorable(batch.arrivals[0], error),)))
            middle = len(batch.arrivals) // 2
            first = replace(batch, arrivals=batch.arrivals[:middle], positions={}, look_at_backlog=False)
            stored = await self.store(first)
            return stored.then(await self.store(replace(batch, arrivals=batch.arrivals[middle:])))

    async def _store(self, batch: Batch) -> StoredBatch:
        arrivals = by_kind(batch.arrivals)
        async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection, connection.transaction():
            work = _Work()
            now: datetime = await connection.fetchval(_queries.clock)
            await _lock_sessions(connection, work, arrivals)
            erased = await self._erase(connection, work, arrivals.events, now)
            acceptance = await _accept(connection, work, arrivals.events)
            conflicting = {event.key for event in acceptance.conflicting}
            await self._learn(connection, work, arrivals, acceptance.heads.keys() | arrivals.told() | conflicting)
            await _copy_events(connection, work, acceptance)
            _refuse(work, batch, arrivals, acceptance)
            await _put_positions(connection, batch.positions)
            backlogged = await self._receive(connection, work, batch, arrivals.asked, now)
            await self._wake(connection, work, acceptance)
            if batch.look_at_backlog:
                backlogged = await _look_at_backlog(connection, work, batch.ends) or backlogged
            told = await refusals.tell(
                connection,
                work.refusals,
                erased=work.erased,
                sweepers=work.sweepers,
                topics=self._sender.topics,
                now=now,
            )
            work.publications += told.records
            if self._publishes:
                await _put_publications(connection, work)
            if work.channels:
                await connection.execute(_queries.notify, sorted(work.channels))
        looked = batch.look_at_backlog or backlogged
        return StoredBatch(
            outcomes=work.outcomes,
            refused=told.reasons,
            erased=erased,
            swept=frozenset(work.swept),
            backlogged=backlogged if looked else None,
        )

    async def _erase(
        self, connection: Connection, work: _Work, events: Sequence[SessionChange], now: datetime
    ) -> frozenset[SessionKey]:
        asked = frozenset(event.key for event in events if event.type == ERASED)
        ending = asked - work.erased
        if ending:
            tickets, publications = await erasure.erase(connection, ending, events, self._sender, now)
            work.tickets.update((key, tickets.get(key)) for key in ending)
            work.publications += publications
            work.erased |= ending
            work.marked -= ending
            work.outcomes["erased"] += len(ending)
        return asked

    async def _learn(
        self, connection: Connection, work: _Work, arrivals: Arrivals, arriving: Collection[SessionKey]
    ) -> None:
        """`arriving`: sessions of which texts will be stored; a batch that is read again has none."""
        found = {key: known for key, known in arrivals.secrets.items() if key in work.heads and key not in work.erased}
        if found or work.marked:
            work.sweepers, grown = await sweeping.learn(connection, self._redactor, work.marked, found, arriving)
            if grown:
                swept = await sweeping.rewrite(connection, grown)
                work.changed |= swept.changed
                work.swept |= swept.drafted

    async def _receive(
        self,
        connection: Connection,
        work: _Work,
        batch: Batch,
        asked: Sequence[Request | Cancellation],
        now: datetime,
    ) -> bool:
        """Whether a request has to wait for a backlog."""
        if not asked:
            return False
        received = await reception.store_requests(
            connection,
            asked,
            sender=self._sender,
            erased=work.erased,
            tickets=work.tickets,
            newest={key: head.newest_version for key, head in work.heads.items()},
            sweepers=work.sweepers,
            ends=batch.ends,
            now=now,
        )
        work.publications += received.publications
        work.outcomes.update(received.outcomes)
        if received.is_due:
            work.channels.add(DUE)
        return received.backlogged

    async def _wake(self, connection: Connection, work: _Work, acceptance: Acceptance) -> None:
        if acceptance.heads:
            rows = [(*key, head.newest_version) for key, head in acceptance.heads.items()]
            woken = await connection.execute(_queries.wake_open, *columns(rows, 3))
            if woken != "UPDATE 0":
                work.channels.add(DUE)
        rules = self._revisions
        if rules.limit > 0 and (changed := work.changed | _with_news(acceptance)):
            await connection.execute(
                _queries.wake_done,
                *columns(changed, 2),
                rules.after_seconds,
                rules.window_seconds,
                rules.limit,
                LATER,
            )


async def _lock_sessions(connection: Connection, work: _Work, arrivals: Arrivals) -> None:
    named = sorted(arrivals.named)
    if arrivals.made:
        made = named if len(arrivals.made) == len(named) else sorted(arrivals.made)
        await connection.execute(_queries.add_sessions, *columns(made, 2))
    if named:
        for row in await connection.fetch(_queries.lock_sessions, *columns(named, 2)):
            key = SessionKey(row["tenant_id"], row["session_id"])
            work.heads[key] = Head(row["newest_version"], row["event_count"])
            if row["erased"]:
                work.erased.add(key)
                ticket = row["last_ticket"]
                work.tickets[key] = None if ticket is None else TicketReference.model_validate_json(ticket)
            elif row["has_secrets"]:
                work.marked.add(key)


async def _accept(connection: Connection, work: _Work, events: Sequence[SessionChange]) -> Acceptance:
    if work.erased:
        dropped = [event for event in events if event.key in work.erased]
        work.outcomes["dropped"] += sum(event.type != ERASED for event in dropped)
        events = [event for event in events if event.key not in work.erased]
    taken: dict[Slot, str] = {}
    if asked := to_look_up(work.heads, events):
        slots = [(*key, version) for key, version in asked]
        for tenant, session, version, event_id in await connection.fetch(_queries.stored_ids, *columns(slots, 3)):
            taken[SessionKey(tenant, session), version] = event_id
    acceptance = accept(work.heads, taken, events)
    work.heads.update(acceptance.heads)
    work.outcomes["stored"] += len(acceptance.accepted)
    work.outcomes["repeated"] += acceptance.repeated
    return acceptance


async def _copy_events(connection: Connection, work: _Work, acceptance: Acceptance) -> None:
    if not acceptance.accepted:
        return
    rows = [
        (
            *event.key,
            event.version,
            arrival,
            event.event_id,
            event.type,
            event.occurred_at,
            *_texts(event, work.sweepers),
        )
        for arrival, event in acceptance.accepted
    ]
    await connection.copy_records_to_table("session_events", records=rows, columns=_EVENT_COLUMNS)
    heads = [(*key, *head) for key, head in acceptance.heads.items()]
    await connection.execute(_queries.advance_sessions, *columns(heads, 4))


def _texts(event: SessionChange, sweepers: sweeping.Sweepers) -> tuple[str | None, str | None]:
    """Actor and data, as they are stored."""
    sweeper = sweepers.get(event.key)
    if sweeper is None:
        return event.actor, event.data
    return event.actor and sweeper.text(event.actor), event.data and door.swept_data(sweeper, event.data)


def _refuse(work: _Work, batch: Batch, arrivals: Arrivals, acceptance: Acceptance) -> None:
    """What the gate refused, and events whose version belongs to another one."""
    work.refusals += arrivals.refused
    if acceptance.conflicting:
        keys = {one.arrival.origin: one.record_key for one in batch.arrivals}
        work.refusals += [
            Refusal(
                origin=event.origin,
                record_key=keys[event.origin],
                session=event.key,
                reason=RefusalReason.VERSION_CONFLICT,
                error="stateversion: another event has this version of the session; it stays",
                excerpt=deadletters.excerpt_of_event(event.event_id, event.type, _texts(event, work.sweepers)[1]),
            )
            for event in acceptance.conflicting
        ]
    work.outcomes["ignored"] += arrivals.ignored
    work.outcomes["refused"] += len(work.refusals)


async def _put_positions(connection: Connection, positions: Mapping[TopicPartition, int]) -> None:
    if positions:
        rows = [(*partition, offset) for partition, offset in sorted(positions.items())]
        await connection.execute(_queries.put_positions, *columns(rows, 3))


async def _look_at_backlog(connection: Connection, work: _Work, ends: Mapping[TopicPartition, int]) -> bool:
    """Starts the clocks that can start; whether others still have to wait."""
    if not await connection.fetchval(_queries.backlogged):
        return False
    known = json.dumps({f"{topic}/{partition}": end for (topic, partition), end in ends.items()})
    if await connection.fetch(_queries.release_clocks, known):
        work.channels.add(DUE)
    return bool(await connection.fetchval(_queries.backlogged))


async def _put_publications(connection: Connection, work: _Work) -> None:
    if work.publications:
        rows = [
            (one.topic, one.key, json.dumps(one.headers), one.value, one.tenant_id, one.session_id)
            for one in work.publications
        ]
        await connection.execute(_queries.put_outbox, *columns(rows, 6))
        work.channels.add(OUTBOX)


def _with_news(acceptance: Acceptance) -> set[SessionKey]:
    return {event.key for _, event in acceptance.accepted if may_change_package(event)}
