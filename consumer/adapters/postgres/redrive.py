"""Dead letters that are redriven or purged, and the jobs that do it. A job's row is its lease and its cursor."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import asyncpg
from pydantic import TypeAdapter

from consumer.adapters.postgres.core.faults import reachable, transaction
from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.arrival.acceptance import Slot
from consumer.domain.events import Origin, SessionKey
from consumer.errors import Permanent
from consumer.flows.redrive.ports import (
    ChosenLetters,
    HeldJob,
    Letter,
    LetterAction,
    LetterGroup,
    LetterJob,
    LetterJobState,
    LostJob,
    RedrivenPiece,
)

_queries = Queries("redrive")
_inbox = Queries("inbox")
_chosen = TypeAdapter(ChosenLetters)

_ABOVE_ALL = "\U0010ffff"
"""Sorts after the name of any topic."""
_FIRST = (-1, -1, -2)
"""A place before all of a topic."""
_EVER = datetime(9999, 1, 1, tzinfo=UTC)


class PostgresLetters:
    """Implements the port `flows.redrive.ports.LetterStore`. Raises Transient while the database is away."""

    def __init__(self, pool: Pool, *, lease_seconds: float) -> None:
        self._pool = pool
        self._lease_seconds = lease_seconds

    async def groups(self, chosen: ChosenLetters) -> list[LetterGroup]:
        async with reachable(self._pool):
            rows = await self._pool.fetch(_queries.groups, *_arguments(chosen))
        return [LetterGroup(**dict(row)) for row in rows]

    async def first(self, chosen: ChosenLetters, limit: int) -> list[Letter]:
        async with transaction(self._pool, readonly=True) as connection:
            letters: list[Letter] = []
            topic: str | None = _ABOVE_ALL
            while len(letters) < limit and (topic := await connection.fetchval(_queries.topic_before, topic)):
                letters += await _rest_of(connection, topic, _FIRST, chosen, _EVER, limit - len(letters))
        return letters

    async def stored_ids(self, slots: Collection[Slot]) -> Mapping[Slot, str]:
        async with reachable(self._pool):
            rows = await self._pool.fetch(_inbox.stored_ids, *columns([(*key, version) for key, version in slots], 3))
        return {(SessionKey(row["tenant_id"], row["session_id"]), row["version"]): row["event_id"] for row in rows}

    async def put_job(self, action: LetterAction, chosen: ChosenLetters, *, asked_by: str) -> LetterJob:
        job_id = f"{action}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        document = _chosen.dump_json(chosen, exclude_none=True).decode()
        while True:  # until the unended job is still there when it is looked for
            async with reachable(self._pool):
                row = await self._pool.fetchrow(
                    _queries.put_job, *_arguments(chosen), job_id, action, document, asked_by
                ) or await self._pool.fetchrow(_queries.unended_job, action, document)
            if row is not None:
                return _job(row)

    async def job(self, job_id: str) -> LetterJob:
        async with reachable(self._pool):
            row = await self._pool.fetchrow(_queries.job, job_id)
        if row is None:
            raise Permanent(f"No job {job_id} is known. `escalation-consumer dead-letters jobs` lists them.")
        return _job(row)

    async def jobs(self, *, limit: int) -> list[LetterJob]:
        async with reachable(self._pool):
            return [_job(row) for row in await self._pool.fetch(_queries.jobs, limit)]

    async def stop_job(self, job_id: str, *, stopped_by: str) -> LetterJob:
        async with reachable(self._pool):
            await self._pool.execute(_queries.stop_job, job_id, stopped_by)
        return await self.job(job_id)

    async def claim(self, *, runner: str, only: str | None = None) -> HeldJob | None:
        async with reachable(self._pool):
            row = await self._pool.fetchrow(_queries.claim, runner, only, self._lease_seconds)
        return None if row is None else HeldJob(job=_job(row), token=row["lease_token"])

    async def renew(self, held: HeldJob) -> None:
        async with transaction(self._pool) as connection:
            await self._renewed(connection, held)

    async def piece(self, held: HeldJob, limit: int) -> list[Letter]:
        chosen, until = held.job.chosen, held.job.submitted_at
        async with transaction(self._pool) as connection:
            cursor = await self._renewed(connection, held)
            topic, after = cursor["at_topic"], (cursor["at_partition"], cursor["at_offset"], cursor["at_ms"])
            if topic is not None and (letters := await _rest_of(connection, topic, after, chosen, until, limit)):
                return letters
            topic = topic or _ABOVE_ALL
            while topic := await connection.fetchval(_queries.topic_before, topic):
                if letters := await _rest_of(connection, topic, _FIRST, chosen, until, limit):
                    return letters
        return []

    async def settle(self, held: HeldJob, piece: Sequence[Letter], became: RedrivenPiece) -> None:
        async with transaction(self._pool) as connection:
            taken = await _leave(connection, held, became.taken, "taken")
            stays = [(*origin, why) for origin, why in sorted({**became.refused, **became.gone}.items())]
            await connection.execute(_queries.note_stays, *columns(stays, 5))
            dropped = min(became.dropped, taken)
            counts = (taken - dropped, dropped, len(became.refused), len(became.gone), 0)
            await _advance(connection, held, piece, counts)

    async def purge(self, held: HeldJob, piece: Sequence[Letter]) -> None:
        async with transaction(self._pool) as connection:
            purged = await _leave(connection, held, [letter.origin for letter in piece], "purged")
            await _advance(connection, held, piece, (0, 0, 0, 0, purged))

    async def finish(self, held: HeldJob) -> LetterJob:
        async with reachable(self._pool):
            row = await self._pool.fetchrow(_queries.finish, held.job.job_id, held.token)
        if row is None:
            raise LostJob
        return _job(row)

    async def hand_back(self, held: HeldJob, *, waits: str | None = None, seconds: float = 0.0) -> None:
        async with reachable(self._pool):
            await self._pool.execute(_queries.hand_back, held.job.job_id, held.token, seconds, waits)

    async def _renewed(self, connection: Connection, held: HeldJob) -> asyncpg.Record:
        row = await connection.fetchrow(_queries.renew, held.job.job_id, held.token, self._lease_seconds)
        if row is None:
            raise LostJob
        return row


async def _rest_of(
    connection: Connection, topic: str, after: tuple[int, int, int], chosen: ChosenLetters, until: datetime, limit: int
) -> list[Letter]:
    rows = await connection.fetch(_queries.piece, *_arguments(chosen), topic, *after, until, limit)
    return [
        Letter(
            origin=Origin(row["topic"], row["partition"], row["offset"], row["record_ms"]),
            **{name: value for name, value in row.items() if name not in ("topic", "partition", "offset", "record_ms")},
        )
        for row in rows
    ]


async def _leave(connection: Connection, held: HeldJob, origins: Collection[Origin], became: str) -> int:
    """Returns how many have left the list now: others may have left it by another job."""
    tag = await connection.execute(_queries.settle, *columns(sorted(origins), 4), became, held.job.job_id)
    return int(tag.rpartition(" ")[2])


async def _advance(
    connection: Connection, held: HeldJob, piece: Sequence[Letter], counts: tuple[int, int, int, int, int]
) -> None:
    if not await connection.fetchval(_queries.advance, held.job.job_id, held.token, *piece[-1].origin, *counts):
        raise LostJob  # and the transaction is rolled back


def _arguments(chosen: ChosenLetters) -> tuple[object, ...]:
    """$1 to $10 of `is_chosen` in redrive.sql."""
    sessions = (None, None) if chosen.sessions is None else columns(chosen.sessions, 2)
    return (
        chosen.reason,
        chosen.topic,
        chosen.partition,
        chosen.offset,
        chosen.tenant,
        chosen.session,
        chosen.since,
        chosen.until,
        *sessions,
    )


def _job(row: asyncpg.Record) -> LetterJob:
    return LetterJob(
        job_id=row["job_id"],
        action=LetterAction(row["action"]),
        chosen=_chosen.validate_json(row["chosen"]),
        state=LetterJobState(row["state"]),
        asked_by=row["asked_by"],
        submitted_at=row["submitted_at"],
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        stopped_by=row["stopped_by"],
        matched=row["matched"],
        taken=row["taken"],
        dropped=row["dropped"],
        refused=row["refused"],
        gone=row["gone"],
        purged=row["purged"],
        runner=row.get("runner_now"),
        waits=row["waits"],
    )
