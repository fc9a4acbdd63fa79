"""Leases, the ledger of drafts and the final transaction, as `flows.desk` needs them."""

import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import asyncpg

from consumer.adapters.postgres.core import from_rows
from consumer.adapters.postgres.core.faults import reachable
from consumer.adapters.postgres.core.pool import ACQUIRE_TIMEOUT_SECONDS, Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.adapters.postgres.replay.replays import note_replayed
from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.package.package import Package, Publication
from consumer.domain.redaction import KnownSecret, Redactor
from consumer.domain.request import schedule
from consumer.domain.request.schedule import RevisionRules
from consumer.domain.writing import prompt
from consumer.flows.drafting.ports import (
    NOTHING_SPENT,
    Basis,
    Busy,
    Claim,
    Declined,
    DraftKey,
    FinishResult,
    Lane,
    LedgerEntry,
    Outage,
    Replayed,
    SessionHistory,
    Spent,
    Work,
)
from schemas.packages import Cause, FailureReason

_queries = Queries("desk")
_LAST_RANK = 100
_RANKS = {
    Lane.MODEL: (0, schedule.REPLAYED),
    Lane.REPLAY: (schedule.REPLAYED + 1, _LAST_RANK),
    Lane.RULES: (0, _LAST_RANK),
}
_UPGRADES_AT_ONCE = 1000  # keeps the statement short when thousands waited for the model


class PostgresDesk:
    """A `flows.desk.Desk`."""

    def __init__(
        self,
        pool: Pool,
        *,
        redactor: Redactor,
        lease_seconds: float,
        margin_seconds: float,
        probe_seconds: float,
        spread_seconds: float,
        rules: RevisionRules,
        model_name: str | None,
        only_replay: str | None = None,
    ) -> None:
        """`margin_seconds`: so long before its deadline a first package has to be decided.

        `model_name` is None without a key. With `only_replay` only that planned replay's work is given out.
        """
        self._pool = pool
        self._redactor = redactor
        self._lease_seconds = lease_seconds
        self._margin_seconds = margin_seconds
        self._probe_seconds = probe_seconds
        self._spread_seconds = spread_seconds
        self._rules = rules
        self._model_name = model_name
        self._only_replay = only_replay

    # leases

    async def claim(self, lane: Lane, limit: int) -> list[Work]:
        if self._only_replay is not None and lane is not Lane.REPLAY:
            return []
        async with reachable(self._pool):
            if lane is Lane.URGENT:
                rows = await self._pool.fetch(_queries.claim_urgent, limit, self._lease_seconds, self._margin_seconds)
            else:
                rows = await self._pool.fetch(
                    _queries.claim,
                    limit,
                    self._lease_seconds,
                    self._margin_seconds,
                    lane is not Lane.RULES,
                    *_RANKS[lane],
                    prompt.VERSION,
                    self._model_name,
                    self._only_replay,
                )
        return [from_rows.work(row) for row in rows]

    async def claim_probe(self) -> Work | None:
        async with self._transaction() as connection:
            candidate = None
            if self._only_replay is None:
                candidate = await connection.fetchrow(_queries.probe_candidate)
            of_replay = candidate is None
            if candidate is None:
                terms = (self._only_replay, prompt.VERSION, self._model_name)
                candidate = await connection.fetchrow(_queries.probe_replay, *terms)
            if candidate is None or not await connection.fetchval(_queries.take_probe, self._probe_seconds):
                return None
            row = await connection.fetchrow(
                _queries.lease_probe,
                *candidate.values(),
                self._lease_seconds,
                schedule.REPLAYED if of_replay else schedule.LATER,
                of_replay,
            )
        return None if row is None else from_rows.work(row)

    async def renew(self, works: Collection[Work], claims: Collection[Claim]) -> None:
        async with reachable(self._pool):
            if works:
                leases = columns([(*work.key, work.token) for work in works], 4)
                await self._pool.execute(_queries.renew_leases, *leases, self._lease_seconds)
            if claims:
                held = columns([(*claim.key, claim.token) for claim in claims], 6)
                await self._pool.execute(_queries.renew_claims, *held, self._lease_seconds)

    async def release(self, work: Work, *, in_seconds: float, counted: bool) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.release, *work.key, work.token, in_seconds, counted)

    async def wait_for_state(self, work: Work) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.wait_for_state, *work.key, work.token)

    # what is known

    async def history(self, key: SessionKey) -> SessionHistory | None:
        async with reachable(self._pool):
            return from_rows.history(key, await self._pool.fetch(_queries.history, *key))

    async def find_draft(self, key: DraftKey) -> LedgerEntry | Declined | None:
        async with reachable(self._pool):
            row = await self._pool.fetchrow(_queries.find_draft, *key)
        known = None if row is None else from_rows.known_draft(row)
        return None if isinstance(known, Busy) else known

    async def find_any_draft(self, key: DraftKey) -> tuple[DraftKey, LedgerEntry] | None:
        async with reachable(self._pool):
            row = await self._pool.fetchrow(_queries.find_any_draft, *key)
        known = None if row is None else from_rows.known_draft(row)
        if row is None or not isinstance(known, LedgerEntry):
            return None
        return key._replace(prompt_version=row["prompt_version"], model=row["model"]), known

    async def claim_draft(
        self, key: DraftKey, *, drafted_for: str, force: bool
    ) -> Claim | LedgerEntry | Declined | Busy:
        async with reachable(self._pool):
            token = await self._pool.fetchval(_queries.claim_draft, *key, self._lease_seconds, drafted_for, force)
            if token is None:
                row = await self._pool.fetchrow(_queries.find_draft, *key)
                known = Busy() if row is None else from_rows.known_draft(row)
                if known is not None:
                    return known
                token = await self._pool.fetchval(_queries.claim_draft, *key, self._lease_seconds, None, True)
        return Busy() if token is None else Claim(key=key, token=token)

    async def holds(self, claim: Claim) -> bool:
        async with reachable(self._pool):
            return bool(await self._pool.fetchval(_queries.holds, *claim.key, claim.token))

    async def store_draft(self, claim: Claim, entry: LedgerEntry, basis: Basis) -> bool:
        async with self._transaction() as connection:
            if not await self._may_be_kept(connection, claim.key.session, entry, basis):
                return False
            stored_now = await connection.fetchval(
                _queries.store_draft,
                *claim.key,
                claim.token,
                entry.model_dump_json(),
                entry.attempts,
                entry.usage.model_dump_json(),
                entry.drafted_for,
                entry.drafted_at,
            )
        return bool(stored_now)

    async def _may_be_kept(self, connection: Connection, key: SessionKey, entry: LedgerEntry, basis: Basis) -> bool:
        """A secret that was found meanwhile spoils a draft only if the draft holds it: a call is not paid for twice."""
        session = await connection.fetchrow(_queries.lock_session, *key)
        if session is None or session["erased"]:
            return False
        rows = await connection.fetch(_queries.secrets, *key)
        if len(rows) == basis.secrets:
            return True
        known = [KnownSecret.unpacked(row["kind"], row["identity"], row["forms"]) for row in rows]
        return self._redactor.scope(*key).sweep(entry.draft, known) == entry.draft

    async def decline_draft(self, claim: Claim, warnings: tuple[str, ...], *, drafted_for: str) -> None:
        async with reachable(self._pool):
            told = " ".join(warnings)
            await self._pool.execute(_queries.decline_draft, *claim.key, claim.token, told, drafted_for)

    async def release_draft(self, claim: Claim) -> None:
        async with self._transaction() as connection:
            await connection.execute(_queries.drop_claim, *claim.key, claim.token)
            await connection.execute(_queries.restore_draft, *claim.key, claim.token)

    # the end of a piece of work

    async def finish_ready(
        self,
        work: Work,
        package: Package,
        basis: Basis,
        *,
        draft_model: str | None,
        upgrade_in_seconds: float | None,
        spent: Spent = NOTHING_SPENT,
    ) -> FinishResult:
        ready = package.ready
        async with self._transaction() as connection:
            locked = await _lock(connection, work, basis)
            if isinstance(locked, FinishResult):
                return locked
            request, news = locked
            if request["revision"] + 1 != ready.revision:
                return FinishResult.GONE
            by_change = int(ready.cause is Cause.STATE_CHANGED)
            await connection.execute(
                _queries.insert_package,
                ready.package_id,
                *work.key,
                ready.revision,
                ready.state_version,
                basis.arrivals,
                ready.status,
                ready.cause,
                ready.replay_id,
                ready.provenance.bundle_sha256,
                ready.content_sha256,
                ready.provenance.prompt_version,
                draft_model,
                None if ready.psa_ticket is None else ready.psa_ticket.model_dump_json(),
                ready.model_dump_json(),
            )
            following = await self._following(connection, work, request, by_change, news, upgrade_in_seconds)
            await connection.execute(
                _queries.note_package,
                *work.key,
                work.token,
                *following,
                ready.revision,
                ready.package_id,
                by_change,
            )
            await _insert_outbox(connection, package.publication)
            await note_replayed(connection, work, Replayed.REVISED, ready.revision, spent)
        return FinishResult.DONE

    async def finish_unchanged(
        self,
        work: Work,
        basis: Basis | None,
        *,
        upgrade_in_seconds: float | None,
        untold: bool = False,
        replayed: Replayed = Replayed.UNCHANGED,
        spent: Spent = NOTHING_SPENT,
    ) -> FinishResult:
        async with self._transaction() as connection:
            locked = await _lock(connection, work, basis)
            if isinstance(locked, FinishResult):
                return locked
            request, news = locked
            following = await self._following(connection, work, request, 0, news or untold, upgrade_in_seconds)
            await connection.execute(_queries.schedule, *work.key, work.token, *following)
            await note_replayed(connection, work, replayed, None, spent)
        return FinishResult.DONE

    async def finish_failed(self, work: Work, publication: Publication, reason: FailureReason) -> FinishResult:
        async with self._transaction() as connection:
            locked = await _lock(connection, work, None, erased=reason is FailureReason.SESSION_ERASED)
            if isinstance(locked, FinishResult):
                return locked
            request, _ = locked
            if request["state"] != "open":
                return FinishResult.GONE
            await connection.execute(_queries.note_failure, *work.key, work.token, reason)
            await _insert_outbox(connection, publication)
        return FinishResult.DONE

    async def _following(
        self,
        connection: Connection,
        work: Work,
        request: asyncpg.Record,
        by_change: int,
        news: bool,
        upgrade_in_seconds: float | None,
    ) -> tuple[float | None, Cause, str | None, int, bool]:
        """When and why the request is to be taken up again, as the queries take it."""
        wanted = upgrade_in_seconds is not None
        if wanted and await connection.fetchval(_queries.lock_outage):
            upgrade_in_seconds = None  # whoever ends the outage wakes it
        following = schedule.following(
            schedule.FinishedWork(cause=work.cause, replay_id=work.replay_id, due_at=work.due_at),
            schedule.ScheduledRequest(
                cause=Cause(request["cause"]),
                replay_id=request["replay_id"],
                due_at=request["due_at"],
                due_in_seconds=request["due_in_seconds"],
                priority=request["priority"],
                revisions_by_change=request["revisions_by_change"] + by_change,
                since_first_seconds=request["since_first_seconds"],
            ),
            self._rules,
            news=news,
            upgrade_in_seconds=upgrade_in_seconds,
        )
        return following.due_in_seconds, following.cause, following.replay_id, following.rank, wanted

    async def hasten_upgrade(self, key: RequestKey) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.hasten_upgrade, *key, schedule.LATER)

    # outages

    async def outage(self) -> Outage | None:
        async with reachable(self._pool):
            row = await self._pool.fetchrow(_queries.outage)
        return None if row is None else Outage(reason=row["reason"], probe_due=row["probe_due"])

    async def begin_outage(self, reason: str, *, probe_in_seconds: float) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.begin_outage, reason, max(probe_in_seconds, self._probe_seconds))

    async def end_outage(self) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.end_outage)

    async def wake_upgrades(self) -> int:
        async with reachable(self._pool):
            woken = await self._pool.fetch(
                _queries.wake_upgrades, self._spread_seconds, _UPGRADES_AT_ONCE, schedule.LATER
            )
        return len(woken)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        async with (
            reachable(self._pool),
            self._pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection,
            connection.transaction(),
        ):
            yield connection


async def _lock(
    connection: Connection, work: Work, basis: Basis | None, *, erased: bool = False
) -> tuple[asyncpg.Record, bool] | FinishResult:
    """The request's row, locked, and whether there is news; or why this work may not finish.

    The session's row comes first, as intake takes it first. Each statement sees what was committed when it began,
    so that what is read under a lock is read after it was got.
    """
    session = await connection.fetchrow(_queries.lock_session, *work.key.session)
    request = await connection.fetchrow(_queries.lock_request, *work.key, work.token)
    if request is None or (session is not None and session["erased"] is not erased):
        return FinishResult.GONE
    if basis is not None and request["secrets"] != basis.secrets:
        return FinishResult.STALE
    news = session is not None and basis is not None and session["event_count"] > basis.arrivals
    return request, news


async def _insert_outbox(connection: Connection, publication: Publication) -> None:
    await connection.execute(
        _queries.insert_outbox,
        publication.topic,
        publication.key,
        json.dumps(publication.headers),
        publication.value,
        publication.tenant_id,
        publication.session_id,
    )
