"""The inbox: stores a batch in one transaction. The same batch again, in any pieces and order, leaves the same rows."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import asyncpg

from consumer.adapters.postgres.core.faults import AWAY, reachable, transaction
from consumer.adapters.postgres.core.hints import DUE, OUTBOX
from consumer.adapters.postgres.core.pool import Connection, Pool
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

_EVENT_COLUMNS = (
    "tenant_id", "session_id", "version", "arrival", "event_id", "type", "occurred_at", "actor", "data",
)  # fmt: skip
_REFUSED_BY_THE_STORE = (asyncpg.PostgresError, asyncpg.DataError, ValueError, OverflowError)


@dataclass(slots=True)
class _BatchInProgress:
    """A batch during its transaction: what was looked up in the tables, and what is still to be written."""

    heads: dict[SessionKey, Head] = field(default_factory=dict)
    erased: set[SessionKey] = field(default_factory=set)
    tickets: dict[SessionKey, TicketReference | None] = field(default_factory=dict)
    """The last tickets of erased sessions."""
    marked: set[SessionKey] = field(default_factory=set)
    """Sessions for which secrets are stored."""
    sweepers: sweeping.Sweepers = field(default_factory=dict)
    changed: set[SessionKey] = field(default_factory=set)
    """Sessions whose stored texts a sweep changed."""
    swept: set[SessionKey] = field(default_factory=set)
    """Sessions with stored drafts that were swept."""
    publications: list[Publication | deadletters.DeadLetterRecord] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    channels: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)


class PostgresInbox:
    """Implements the port `flows.inbox.Inbox`. Raises Transient while the database is away."""

    def __init__(
        self, pool: Pool, *, sender: Sender, redactor: Redactor, revisions: RevisionRules, publishes: bool = True
    ) -> None:
        """Without `publishes` nothing is put into the outbox: the outcomes of these records were published before."""
        self._pool = pool
        self._publishes = publishes
        self._sender = sender
        self._redactor = redactor
        self._revisions = revisions

    async def probe(self) -> None:
        async with reachable(self._pool):
            await self._pool.execute("SELECT 1 FROM sessions LIMIT 1")

    async def store(self, batch: Batch) -> StoredBatch:
        """Stores the batch in one transaction. Where the store refuses a record, it stores halves, and halves of these.

        At the end the record stands alone and becomes a refusal.
        """
        try:
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
        async with transaction(self._pool) as connection:
            progress = _BatchInProgress()
            now: datetime = await connection.fetchval(_queries.clock)
            await _lock_sessions(connection, progress, arrivals)
            erased = await self._erase(connection, progress, arrivals.events, now)
            acceptance = await _accept(connection, progress, arrivals.events)
            conflicting = {event.key for event in acceptance.conflicting}
            await self._learn(
                connection, progress, arrivals, acceptance.heads.keys() | arrivals.with_texts() | conflicting
            )
            await _copy_events(connection, progress, acceptance)
            _refuse(progress, batch, arrivals, acceptance)
            await _put_positions(connection, batch.positions)
            backlogged = await self._receive(connection, progress, batch, arrivals.asked, now)
            await self._wake(connection, progress, acceptance)
            if batch.look_at_backlog:
                backlogged = await _start_clocks(connection, progress, batch.ends) or backlogged
            dead_letters = await refusals.store_refusals(
                connection,
                progress.refusals,
                erased=progress.erased,
                sweepers=progress.sweepers,
                topics=self._sender.topics,
                now=now,
            )
            progress.publications += dead_letters.records
            if self._publishes:
                await _put_publications(connection, progress)
            if progress.channels:
                await connection.execute(_queries.notify, sorted(progress.channels))
        looked = batch.look_at_backlog or backlogged
        return StoredBatch(
            outcomes=progress.outcomes,
            refused=dead_letters.reasons,
            erased=erased,
            swept=frozenset(progress.swept),
            backlogged=backlogged if looked else None,
        )

    async def _erase(
        self, connection: Connection, progress: _BatchInProgress, events: Sequence[SessionChange], now: datetime
    ) -> frozenset[SessionKey]:
        """Erases the sessions whose erasure arrives. Returns their keys, those of sessions erased before included."""
        arriving = frozenset(event.key for event in events if event.type == ERASED)
        new = arriving - progress.erased
        if new:
            tickets, publications = await erasure.erase(connection, new, events, self._sender, now)
            progress.tickets.update((key, tickets.get(key)) for key in new)
            progress.publications += publications
            progress.erased |= new
            progress.marked -= new
            progress.outcomes["erased"] += len(new)
        return arriving

    async def _learn(
        self, connection: Connection, progress: _BatchInProgress, arrivals: Arrivals, arriving: Collection[SessionKey]
    ) -> None:
        """Stores new secrets, sweeps stored texts. `arriving`: sessions with new texts; a repeated batch has none."""
        secrets = {
            key: secrets
            for key, secrets in arrivals.secrets.items()
            if key in progress.heads and key not in progress.erased
        }
        if secrets or progress.marked:
            learned = await sweeping.learn(connection, self._redactor, progress.marked, secrets, arriving)
            progress.sweepers, grown = learned
            if grown:
                swept = await sweeping.rewrite(connection, grown)
                progress.changed |= swept.changed
                progress.swept |= swept.drafted

    async def _receive(
        self,
        connection: Connection,
        progress: _BatchInProgress,
        batch: Batch,
        asked: Sequence[Request | Cancellation],
        now: datetime,
    ) -> bool:
        """Stores requests and cancellations. Returns whether a request has to wait for a backlog."""
        if not asked:
            return False
        received = await reception.store_requests(
            connection,
            asked,
            sender=self._sender,
            erased=progress.erased,
            tickets=progress.tickets,
            newest={key: head.newest_version for key, head in progress.heads.items()},
            sweepers=progress.sweepers,
            ends=batch.ends,
            now=now,
        )
        progress.publications += received.publications
        progress.outcomes.update(received.outcomes)
        if received.is_due:
            progress.channels.add(DUE)
        return received.backlogged

    async def _wake(self, connection: Connection, progress: _BatchInProgress, acceptance: Acceptance) -> None:
        if acceptance.heads:
            rows = [(*key, head.newest_version) for key, head in acceptance.heads.items()]
            woken = await connection.execute(_queries.wake_open, *columns(rows, 3))
            if woken != "UPDATE 0":
                progress.channels.add(DUE)
        rules = self._revisions
        if rules.limit > 0 and (changed := progress.changed | _with_news(acceptance)):
            await connection.execute(
                _queries.wake_done,
                *columns(changed, 2),
                rules.after_seconds,
                rules.window_seconds,
                rules.limit,
                LATER,
            )


async def _lock_sessions(connection: Connection, progress: _BatchInProgress, arrivals: Arrivals) -> None:
    named = sorted(arrivals.named)
    if arrivals.made:
        made = named if len(arrivals.made) == len(named) else sorted(arrivals.made)
        await connection.execute(_queries.add_sessions, *columns(made, 2))
    if named:
        for row in await connection.fetch(_queries.lock_sessions, *columns(named, 2)):
            key = SessionKey(row["tenant_id"], row["session_id"])
            progress.heads[key] = Head(row["newest_version"], row["event_count"])
            if row["erased"]:
                progress.erased.add(key)
                ticket = row["last_ticket"]
                progress.tickets[key] = None if ticket is None else TicketReference.model_validate_json(ticket)
            elif row["has_secrets"]:
                progress.marked.add(key)


async def _accept(connection: Connection, progress: _BatchInProgress, events: Sequence[SessionChange]) -> Acceptance:
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


async def _copy_events(connection: Connection, progress: _BatchInProgress, acceptance: Acceptance) -> None:
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
            *_texts(event, progress.sweepers),
        )
        for arrival, event in acceptance.accepted
    ]
    await connection.copy_records_to_table("session_events", records=rows, columns=_EVENT_COLUMNS)
    heads = [(*key, *head) for key, head in acceptance.heads.items()]
    await connection.execute(_queries.advance_sessions, *columns(heads, 4))


def _texts(event: SessionChange, sweepers: sweeping.Sweepers) -> tuple[str | None, str | None]:
    """The event's actor and data as they are stored: without the known secrets."""
    sweeper = sweepers.get(event.key)
    if sweeper is None:
        return event.actor, event.data
    return event.actor and sweeper.text(event.actor), event.data and door.swept_data(sweeper, event.data)


def _refuse(progress: _BatchInProgress, batch: Batch, arrivals: Arrivals, acceptance: Acceptance) -> None:
    """Collects the refusals: those of decoding, and events whose version belongs to another event."""
    progress.refusals += arrivals.refused
    if acceptance.conflicting:
        keys = {decoded.arrival.origin: decoded.record_key for decoded in batch.arrivals}
        progress.refusals += [
            Refusal(
                origin=event.origin,
                record_key=keys[event.origin],
                session=event.key,
                reason=RefusalReason.VERSION_CONFLICT,
                error="stateversion: another event has this version of the session; it stays",
                excerpt=deadletters.excerpt_of_event(event.event_id, event.type, _texts(event, progress.sweepers)[1]),
            )
            for event in acceptance.conflicting
        ]
    progress.outcomes["ignored"] += arrivals.ignored
    progress.outcomes["refused"] += len(progress.refusals)


async def _put_positions(connection: Connection, positions: Mapping[TopicPartition, int]) -> None:
    if positions:
        rows = [(*partition, offset) for partition, offset in sorted(positions.items())]
        await connection.execute(_queries.put_positions, *columns(rows, 3))


async def _start_clocks(connection: Connection, progress: _BatchInProgress, ends: Mapping[TopicPartition, int]) -> bool:
    """Starts the clocks of requests whose backlog has been read. Returns whether other requests still wait."""
    if not await connection.fetchval(_queries.backlogged):
        return False
    known = json.dumps({f"{topic}/{partition}": end for (topic, partition), end in ends.items()})
    if await connection.fetch(_queries.release_clocks, known):
        progress.channels.add(DUE)
    return bool(await connection.fetchval(_queries.backlogged))


async def _put_publications(connection: Connection, progress: _BatchInProgress) -> None:
    if progress.publications:
        rows = [
            (record.topic, record.key, json.dumps(record.headers), record.value, record.tenant_id, record.session_id)
            for record in progress.publications
        ]
        await connection.execute(_queries.put_outbox, *columns(rows, 6))
        progress.channels.add(OUTBOX)


def _with_news(acceptance: Acceptance) -> set[SessionKey]:
    return {event.key for _, event in acceptance.accepted if may_change_package(event)}
