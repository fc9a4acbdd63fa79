"""The inbox: stores a batch in one transaction. The same batch again, in any pieces and order, leaves the same rows."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from consumer.adapters.postgres.core.faults import StoreFault, is_of_the_data, name_error, reachable, transaction
from consumer.adapters.postgres.core.hints import DUE, OUTBOX
from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.intake import erasure, reception, refusals, sweeping
from consumer.adapters.postgres.intake.arrivals import Arrivals, by_kind
from consumer.adapters.postgres.intake.events import (
    accept_events,
    copy_events,
    lock_sessions,
    sessions_with_news,
    stored_texts,
)
from consumer.adapters.postgres.intake.feedback import store_feedback
from consumer.adapters.postgres.intake.progress import BatchInProgress
from consumer.adapters.postgres.intake.publishing import put_publications
from consumer.adapters.postgres.intake.soundness import SOUND_BATCH
from consumer.adapters.postgres.intake.tenants import store_policies
from consumer.domain.arrival import deadletters
from consumer.domain.arrival.acceptance import Acceptance
from consumer.domain.events import (
    Cancellation,
    Decoded,
    Origin,
    Refusal,
    Request,
    SessionChange,
    SessionKey,
    TopicPartition,
)
from consumer.domain.package.package import Sender
from consumer.domain.redaction import Redactor
from consumer.domain.request.schedule import LATER, RevisionRules
from consumer.errors import EscalationError
from consumer.flows.inbox import Batch, StoredBatch
from schemas.dead_letters import RefusalReason
from schemas.sessions import ERASED

_queries = Queries("inbox")

_SEVERAL = 5
"""So many records that the service stumbles over, and none between them that it stores, are no coincidence."""

log = structlog.stdlib.get_logger("escalation.postgres")


class _RolledBack(Exception):
    """The store took what was not to be kept."""


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
        self._stumbled: set[bytes | Origin] = set()
        """Keys of records that were set aside since a sound one was stored."""

    async def probe(self) -> None:
        async with reachable(self._pool):
            await self._pool.execute("SELECT 1 FROM sessions LIMIT 1")

    async def store(self, batch: Batch) -> StoredBatch:
        """Stores the batch in one transaction. Where that fails for a record, it stores halves, and halves of these.

        At the end the record stands alone and becomes a refusal, whether the store refuses it or the service stumbles.
        """
        try:
            stored = await self._store(batch)
        except EscalationError:
            raise
        except Exception as error:
            if not batch.arrivals:
                raise
            if len(batch.arrivals) == 1:
                if isinstance(batch.arrivals[0].arrival, Refusal):
                    raise StoreFault(f"PostgreSQL does not take a dead letter: {name_error(error)}") from error
                return await self._store_alone(batch, error)
            middle = len(batch.arrivals) // 2
            first = replace(batch, arrivals=batch.arrivals[:middle], positions={}, look_at_backlog=False)
            stored = await self.store(first)
            return stored.then(await self.store(replace(batch, arrivals=batch.arrivals[middle:])))
        if any(not isinstance(decoded.arrival, Refusal) for decoded in batch.arrivals):
            self._stumbled.clear()
        return stored

    async def _store_alone(self, batch: Batch, error: Exception) -> StoredBatch:
        """Stores a batch of one record that could not be stored; as a refusal, if that is the record's own fault."""
        await self._prove_soundness(error)
        try:
            stored = await self._store(batch)  # the store's fault may have ended between the two
        except EscalationError:
            raise
        except Exception as again:  # noqa: BLE001 - whatever it is, it is the record's
            error = again
        else:
            self._stumbled.clear()
            return stored
        if not is_of_the_data(error):
            self._stumble(batch.arrivals[0], error)
        return await self.store(replace(batch, arrivals=(refusals.unstorable(batch.arrivals[0], error),)))

    def _stumble(self, decoded: Decoded, error: Exception) -> None:
        """Raises StoreFault when the service stumbles over one record after the other: the release is at fault."""
        origin = decoded.arrival.origin
        log.error(
            "Storing stumbled over a record; it is set aside.",
            event_name="record_set_aside",
            topic=origin.topic,
            partition=origin.partition,
            offset=origin.offset,
            exc_info=error,
        )
        self._stumbled.add(decoded.record_key or origin)
        if len(self._stumbled) >= _SEVERAL:
            raise StoreFault(
                f"the service can store no record: {type(error).__name__}; the release is faulty, deploy a sound one"
            ) from error

    async def _prove_soundness(self, refusal: Exception) -> None:
        """Before a record is refused: whether the store takes sound records. Raises StoreFault where it does not."""
        try:
            await self._store(SOUND_BATCH, keep=False)
        except _RolledBack:
            return
        except EscalationError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            raise StoreFault(
                f"PostgreSQL refuses sound records, too: {name_error(error)}; a trigger, a changed column or a faulty "
                "release may be the reason"
            ) from refusal

    async def _store(self, batch: Batch, *, keep: bool = True) -> StoredBatch:
        """With `keep=False` the transaction is rolled back, and _RolledBack raised."""
        arrivals = by_kind(batch.arrivals)
        async with transaction(self._pool) as connection:
            progress = BatchInProgress()
            now = await lock_sessions(connection, progress, arrivals)
            await self._erase(connection, progress, arrivals.events, now)
            acceptance = await accept_events(connection, progress, arrivals.events)
            conflicting = {event.key for event in acceptance.conflicting}
            await self._learn(
                connection, progress, arrivals, acceptance.heads.keys() | arrivals.with_texts() | conflicting
            )
            await copy_events(connection, progress, acceptance)
            _refuse(progress, batch, arrivals, acceptance)
            reached = await _put_positions(connection, batch, is_asked_for=bool(arrivals.asked))
            await _keep(connection, progress, arrivals)
            backlogged = await self._receive(connection, progress, arrivals.asked, batch.ends, reached, now)
            await self._wake(connection, progress, acceptance)
            if batch.look_at_backlog:
                backlogged = await _start_clocks(connection, progress, batch.ends) or backlogged
            dead_letters = await refusals.store_refusals(
                connection,
                progress.refusals,
                erased=progress.erased,
                sweepers=progress.sweepers,
                redactor=self._redactor,
                topics=self._sender.topics,
                now=now,
            )
            progress.publications += dead_letters.records
            if self._publishes and progress.publications:
                await put_publications(connection, progress.publications)
                progress.channels.add(OUTBOX)
            if progress.channels:
                await connection.execute(_queries.notify, sorted(progress.channels))
            if not keep:
                raise _RolledBack
        looked = batch.look_at_backlog or backlogged
        return StoredBatch(
            outcomes=progress.outcomes,
            refused=dead_letters.reasons,
            refusals=tuple(dead_letters.refusals),
            backlogged=backlogged if looked else None,
        )

    async def _erase(
        self, connection: Connection, progress: BatchInProgress, events: Sequence[SessionChange], now: datetime
    ) -> None:
        """Erases the sessions whose erasure arrives."""
        new = {event.key for event in events if event.type == ERASED} - progress.erased
        if new:
            tickets, publications = await erasure.erase(connection, new, events, self._sender, now)
            progress.tickets.update((key, tickets.get(key)) for key in new)
            progress.publications += publications
            progress.erased |= new
            progress.marked -= new
            progress.outcomes["erased"] += len(new)

    async def _learn(
        self, connection: Connection, progress: BatchInProgress, arrivals: Arrivals, arriving: Collection[SessionKey]
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
                progress.changed |= await sweeping.rewrite(connection, grown)

    async def _receive(
        self,
        connection: Connection,
        progress: BatchInProgress,
        asked: Sequence[Request | Cancellation],
        ends: Mapping[TopicPartition, int],
        reached: Mapping[TopicPartition, int],
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
            ends=ends,
            reached=reached,
            now=now,
        )
        progress.publications += received.publications
        progress.outcomes.update(received.outcomes)
        if received.is_due:
            progress.channels.add(DUE)
        return received.backlogged

    async def _wake(self, connection: Connection, progress: BatchInProgress, acceptance: Acceptance) -> None:
        rules = self._revisions
        heads = [(*key, head.newest_version) for key, head in acceptance.heads.items()]
        changed = progress.changed | sessions_with_news(acceptance) if rules.limit > 0 else ()
        if (heads or changed) and await connection.fetchval(
            _queries.wake,
            *columns(heads, 3),
            *columns(changed, 2),
            rules.after_seconds,
            rules.window_seconds,
            rules.limit,
            LATER,
        ):
            progress.channels.add(DUE)


async def _keep(connection: Connection, progress: BatchInProgress, arrivals: Arrivals) -> None:
    """Stores policies and feedback."""
    policies = await store_policies(connection, arrivals.policies)
    feedback = await store_feedback(connection, arrivals.feedback, erased=progress.erased, sweepers=progress.sweepers)
    dropped = sum(each.key in progress.erased for each in arrivals.feedback)
    progress.outcomes["policies"] += policies
    progress.outcomes["feedback"] += feedback
    progress.outcomes["dropped"] += dropped
    progress.outcomes["repeated"] += len(arrivals.policies) + len(arrivals.feedback) - policies - feedback - dropped


def _refuse(progress: BatchInProgress, batch: Batch, arrivals: Arrivals, acceptance: Acceptance) -> None:
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
                excerpt=deadletters.excerpt_of_event(
                    event.event_id, event.type, stored_texts(event, progress.sweepers)[1]
                ),
            )
            for event in acceptance.conflicting
        ]
    progress.outcomes["ignored"] += arrivals.ignored
    progress.outcomes["refused"] += len(progress.refusals)


async def _put_positions(connection: Connection, batch: Batch, *, is_asked_for: bool) -> Mapping[TopicPartition, int]:
    """Returns, where it is asked for, how far reading has come on the topics that the batch has the ends of."""
    rows = columns([(*partition, offset) for partition, offset in sorted(batch.positions.items())], 3)
    if not (is_asked_for and batch.ends):
        if batch.positions:
            await connection.execute(_queries.put_positions, *rows)
        return batch.positions
    before = await connection.fetch(_queries.exchange_positions, *rows, sorted({topic for topic, _ in batch.ends}))
    return {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in before} | {**batch.positions}


async def _start_clocks(connection: Connection, progress: BatchInProgress, ends: Mapping[TopicPartition, int]) -> bool:
    """Starts the clocks of requests whose backlog has been read. Returns whether other requests still wait."""
    known = json.dumps({f"{topic}/{partition}": end for (topic, partition), end in ends.items()})
    (row,) = await connection.fetch(_queries.release_clocks, known)
    if row["released"]:
        progress.channels.add(DUE)
    return bool(row["others_wait"])
