"""The final transactions of drafting."""

import json

import asyncpg

from consumer.adapters.postgres.core.faults import reachable, transaction
from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.replay.replays import note_replayed
from consumer.domain.cost.usage import NOTHING_SPENT, Spent
from consumer.domain.package.package import Package, Publication
from consumer.domain.request import schedule
from consumer.domain.request.schedule import RevisionRules
from consumer.domain.request.work import Replayed, Work
from consumer.domain.session.history import Basis
from consumer.flows.drafting.ports import FinishResult
from schemas.packages import Cause, FailureReason

_queries = Queries("endings")
_doubts = Queries("doubts")
_sessions = Queries("sessions")


class PostgresEndings:
    """Implements the port `flows.drafting.ports.Endings`. Raises Transient while the database is away."""

    def __init__(self, pool: Pool, *, rules: RevisionRules) -> None:
        self._pool = pool
        self._rules = rules

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
        if upgrade_in_seconds is None and work.replay_id is None:
            result = await self._finish_at_once(work, package, basis, draft_model)
            if result is not None:
                return result
        async with transaction(self._pool) as connection:
            locked = await _lock(connection, work, basis)
            if isinstance(locked, FinishResult):
                return locked
            request, news = locked
            if request["revision"] + 1 != package.ready.revision:
                return FinishResult.GONE
            by_change = _by_change(package)
            following = await self._following(connection, work, request, by_change, news, upgrade_in_seconds)
            await connection.execute(
                _queries.put_package, *work.key, work.token, *following, *_packed(package, basis, draft_model)
            )
            await note_replayed(connection, work, Replayed.REVISED, package.ready.revision, spent)
        return FinishResult.LATE if request["late"] else FinishResult.DONE

    async def _finish_at_once(
        self, work: Work, package: Package, basis: Basis, draft_model: str | None
    ) -> FinishResult | None:
        """Nearly always nothing has changed since the work began: one statement then. None: something has."""
        following = schedule.unchanged(work.priority)
        async with reachable(self._pool):
            row = await self._pool.fetchrow(
                _queries.put_package_at_once,
                *work.key,
                work.token,
                following.due_in_seconds,
                following.cause,
                following.replay_id,
                following.rank,
                False,
                *_packed(package, basis, draft_model),
                basis.secrets,
                work.cause,
            )
        if row is None:
            return None
        return FinishResult.LATE if row["late"] else FinishResult.DONE

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
        async with transaction(self._pool) as connection:
            locked = await _lock(connection, work, basis)
            if isinstance(locked, FinishResult):
                return locked
            request, news = locked
            following = await self._following(connection, work, request, 0, news or untold, upgrade_in_seconds)
            await connection.execute(_queries.schedule, *work.key, work.token, *following)
            await note_replayed(connection, work, replayed, None, spent)
        return FinishResult.DONE

    async def finish_failed(self, work: Work, publication: Publication, reason: FailureReason) -> FinishResult:
        async with transaction(self._pool) as connection:
            locked = await _lock(connection, work, None, erased=reason is FailureReason.SESSION_ERASED)
            if isinstance(locked, FinishResult):
                return locked
            request, _ = locked
            if request["state"] != "open":
                return FinishResult.GONE
            await connection.execute(_queries.note_failure, *work.key, work.token, reason)
            await connection.execute(
                _queries.insert_outbox, publication.tenant_id, publication.session_id, *_sent(publication)
            )
        return FinishResult.LATE if request["late"] else FinishResult.DONE

    async def _following(
        self,
        connection: Connection,
        work: Work,
        request: asyncpg.Record,
        by_change: int,
        news: bool,
        upgrade_in_seconds: float | None,
    ) -> tuple[float | None, Cause, str | None, int, bool]:
        """When and why the request is worked on again: $5 to $9 of `schedule` and `put_package` in endings.sql."""
        upgrade_wanted = upgrade_in_seconds is not None
        if upgrade_wanted and (
            await connection.fetchval(_queries.lock_outage)
            or await connection.fetchval(_doubts.session_doubted, *work.key.session)
        ):
            upgrade_in_seconds = None  # the end of the outage, or of the doubt, wakes it
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
        return following.due_in_seconds, following.cause, following.replay_id, following.rank, upgrade_wanted


async def _lock(
    connection: Connection, work: Work, basis: Basis | None, *, erased: bool = False
) -> tuple[asyncpg.Record, bool] | FinishResult:
    """The request's row, locked, and whether the session has events that the work has not seen.

    Instead of these, GONE or STALE for work that may not finish. Locks the session's row first, as intake does. A
    statement sees what was committed when it began, so values that depend on a lock are read after the lock was taken.
    """
    session = await connection.fetchrow(_sessions.lock_session, *work.key.session)
    request = await connection.fetchrow(_queries.lock_request, *work.key, work.token)
    if request is None or (session is not None and session["erased"] is not erased):
        return FinishResult.GONE
    if basis is not None and request["secrets"] != basis.secrets:
        return FinishResult.STALE
    news = session is not None and basis is not None and session["event_count"] > basis.arrivals
    return request, news


def _by_change(package: Package) -> int:
    return int(package.ready.cause is Cause.STATE_CHANGED)


def _packed(package: Package, basis: Basis, draft_model: str | None) -> tuple[object, ...]:
    """$10 to $27 of `put_package` in endings.sql."""
    ready = package.ready
    return (
        ready.revision,
        ready.package_id,
        _by_change(package),
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
        *_sent(package.publication),
    )


def _sent(publication: Publication) -> tuple[str, bytes, str, bytes]:
    """The columns of an outbox row from `topic` on."""
    return publication.topic, publication.key, json.dumps(publication.headers), publication.value
