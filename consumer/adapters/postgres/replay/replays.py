"""Replays in the tables: their progress, and the release of their requests, under the lock of the replay's row."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from consumer.adapters.postgres.core.faults import reachable, transaction
from consumer.adapters.postgres.core.hints import DUE
from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.cost.prices import Price
from consumer.domain.cost.usage import Spent, drafting_usage
from consumer.domain.reader import versions
from consumer.domain.request.schedule import LATER, REPLAYED, RevisionRules
from consumer.domain.request.work import Replayed, Work
from consumer.errors import Permanent
from consumer.flows.replay.applying import Hindrance, Limits, ReplayProgress, ReplayState
from consumer.flows.replay.desk import StoredReplay
from schemas.packages import Usage

_queries = Queries("replays")
_inbox = Queries("inbox")

ReplayRow = asyncpg.Record
"""A row of `replays` in replays.sql, by column."""


class PostgresReplays:
    """Implements the port `flows.replay.desk.ReplayTables`.

    Raises Transient while the database is away, Permanent for an unknown replay.
    """

    def __init__(self, pool: Pool, *, rules: RevisionRules) -> None:
        self._pool = pool
        self._rules = rules

    async def rows(self, replay_id: str | None = None, *, limit: int = 50) -> list[ReplayRow]:
        """All replays or this one, the newest first. No row for an unknown one."""
        async with reachable(self._pool):
            return list(await self._pool.fetch(_queries.replays, replay_id, limit))

    async def stored(self, replay_id: str | None = None, *, limit: int) -> list[StoredReplay]:
        return [_stored(row) for row in await self.rows(replay_id, limit=limit)]

    async def progress(self, replay_id: str) -> ReplayProgress:
        """The progress as it stands. Changes nothing."""
        async with self._locked(replay_id) as (connection, replay):
            return await _progress(connection, replay_id, replay)

    async def foretell(self, replay_id: str, *, calls_model: bool, publishes: bool, model: str) -> ReplayProgress:
        """The progress from which applying it in this way would start. Changes nothing. Raises as `begin` does."""
        async with self._locked(replay_id) as (connection, replay):
            _check(replay_id, replay, calls_model=calls_model, publishes=publishes, model=model)
            return await _progress(connection, replay_id, {**replay, "calls_model": calls_model})

    async def begin(self, replay_id: str, *, calls_model: bool, publishes: bool, model: str) -> None:
        """Starts to apply the replay, for the first time or again.

        Raises Permanent for a cancelled replay, for one that was planned for another prompt or model and calls the
        model, and for one that is being applied with other options.
        """
        async with self._locked(replay_id) as (connection, replay):
            _check(replay_id, replay, calls_model=calls_model, publishes=publishes, model=model)
            await connection.execute(_queries.begin, replay_id, calls_model, publishes)
            if publishes:
                await connection.execute(_queries.publish_drafted, replay_id)

    async def advance(self, replay_id: str, limits: Limits) -> ReplayProgress:
        async with self._locked(replay_id) as (connection, replay):
            if replay["state"] != ReplayState.APPLYING:
                return await _progress(connection, replay_id, replay)
            await connection.execute(_queries.drop_ended, replay_id)
            await connection.execute(_queries.take_back, replay_id)
            progress = await _progress(connection, replay_id, replay)
            if not progress.planned and not progress.released:
                await connection.execute(_queries.end, replay_id, ReplayState.DONE)
                return await _progress(connection, replay_id, {**replay, "state": ReplayState.DONE})
            limited = await _release(connection, replay_id, replay, progress, limits)
            return await _progress(connection, replay_id, replay, limited=limited)

    async def pause(self, replay_id: str) -> None:
        await self._end(replay_id, ReplayState.PAUSED, of=frozenset({ReplayState.APPLYING}))

    async def hindrance(self, replay_id: str) -> Hindrance:
        async with reachable(self._pool):
            (row,) = await self._pool.fetch(_queries.hindrance, replay_id)
        return Hindrance(worked_on=row["worked_on"], outage=row["outage"])

    async def forbidden(self, replay_id: str, *, monthly_budget_usd: float | None) -> list[str]:
        """Why calls were not allowed for those of its requests that stayed unchanged, one sentence each."""
        async with reachable(self._pool):
            rows = await self._pool.fetch(_queries.forbidden, replay_id, monthly_budget_usd)
        return [
            f"The model is off for tenant {row['tenant_id']}."
            if row["is_off"]
            else f"The monthly budget of {'all tenants' if row['of_all'] else 'tenant ' + row['tenant_id']} is used up."
            for row in rows
        ]

    async def cancel(self, replay_id: str) -> ReplayProgress:
        """Ends the replay for good. Requests that are being worked on are still finished; the others are taken back."""
        await self._end(
            replay_id, ReplayState.CANCELLED, of=frozenset(ReplayState) - {ReplayState.DONE, ReplayState.CANCELLED}
        )
        return await self.progress(replay_id)

    async def _end(self, replay_id: str, state: ReplayState, *, of: frozenset[ReplayState]) -> None:
        rules = self._rules
        async with self._locked(replay_id) as (connection, replay):
            if replay["state"] not in of:
                return
            await connection.execute(
                _queries.withdraw_requests,
                replay_id,
                rules.after_seconds,
                rules.window_seconds,
                rules.limit,
                LATER,
            )
            await connection.execute(_queries.take_back, replay_id)
            await connection.execute(_queries.end, replay_id, state)

    @asynccontextmanager
    async def _locked(self, replay_id: str) -> AsyncIterator[tuple[Connection, dict[str, object]]]:
        async with transaction(self._pool) as connection:
            replay = await connection.fetchrow(_queries.lock_replay, replay_id)
            if replay is None:
                raise Permanent(f"No replay {replay_id} is known. `escalation-consumer replay status` lists them.")
            yield connection, dict(replay)


async def note_replayed(
    connection: Connection, work: Work, became: Replayed, revision: int | None, spent: Spent
) -> None:
    """Notes the result of a planned replay's work, inside its final transaction. Does nothing for other work."""
    if work.terms is not None:
        usage = drafting_usage(spent.usage, spent.checks)  # a replay's limit counts the drafter's price
        await connection.execute(
            _queries.note_replayed,
            *work.key,
            work.replay_id,
            became,
            revision,
            spent.calls,
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_input_tokens,
            usage.cache_creation_input_tokens,
        )


def _stored(row: ReplayRow) -> StoredReplay:
    return StoredReplay(
        replay_id=row["replay_id"],
        state=ReplayState(row["state"]),
        prompt_version=row["prompt_version"],
        model=row["model"],
        chosen=json.loads(row["chosen"]),
        figures=json.loads(row["figures"]),
        has_price=row["price"] is not None,
        planned_at=row["planned_at"],
        calls_model=row["calls_model"],
        publishes=row["publishes"],
        began_at=row["began_at"],
        seen_at=row["seen_at"],
        silent_seconds=row["silent_seconds"],
        ended_at=row["ended_at"],
    )


async def _release(
    connection: Connection, replay_id: str, replay: dict[str, object], progress: ReplayProgress, limits: Limits
) -> bool:
    """Makes requests due as far as the limits allow. Returns whether the limit of spending held one back."""
    room = max(0, limits.at_once - progress.released)
    used_seconds = 0.0
    if limits.per_minute is not None:
        unpaced = replay["unpaced_seconds"]
        room = min(room, int(float(str(unpaced)) * limits.per_minute / 60))
    rows = await connection.fetch(_queries.next_items, replay_id, replay["calls_model"], room) if room else []
    chosen: list[tuple[str, ...]] = []
    left = None
    if limits.spend_usd is not None and replay["calls_model"]:
        left = limits.spend_usd - (progress.spent_usd or 0.0) - await _estimated_usd(connection, replay_id, replay)
    limited = False
    for row in rows:
        if left is not None and row["estimate_usd"] > left:
            limited = True
            break
        left = None if left is None else left - row["estimate_usd"]
        chosen.append((row["tenant_id"], row["session_id"], row["request_id"]))
    if chosen:
        keys = columns(chosen, 3)
        await connection.execute(_queries.release_requests, replay_id, *keys, REPLAYED)
        await connection.execute(_queries.release_items, replay_id, *keys)
        await connection.execute(_inbox.notify, [DUE])
    if limits.per_minute is not None:
        used_seconds = len(chosen) * 60 / limits.per_minute
    await connection.execute(_queries.pace, replay_id, used_seconds)
    return limited


async def _estimated_usd(connection: Connection, replay_id: str, replay: dict[str, object]) -> float:
    """The estimated dollars of the calls for requests that are released and not finished."""
    rows = await connection.fetch(_queries.tally, replay_id, replay["calls_model"])
    return sum((row["estimate_usd"] for row in rows if row["state"] == "released"), 0.0)


async def _progress(
    connection: Connection, replay_id: str, replay: dict[str, object], *, limited: bool = False
) -> ReplayProgress:
    rows = await connection.fetch(_queries.tally, replay_id, replay["calls_model"])
    usage = Usage(**{name: sum(row[name] for row in rows) for name in Usage.model_fields})
    price, calls = replay["price"], sum(row["calls"] for row in rows)
    return ReplayProgress(
        state=ReplayState(str(replay["state"])),
        **{row["state"]: row["items"] for row in rows},
        calls=calls,
        usage=usage,
        spent_usd=None if price is None else Price(**json.loads(str(price))).of(usage, calls=calls),
        limited=limited,
    )


def _check(replay_id: str, replay: dict[str, object], *, calls_model: bool, publishes: bool, model: str) -> None:
    if replay["state"] == ReplayState.CANCELLED:
        raise Permanent(f"Replay {replay_id} was cancelled. Plan another one.")
    if calls_model and (replay["prompt_version"], replay["model"]) != (versions.PROMPTS, model):
        raise Permanent(
            f"Replay {replay_id} was planned for prompt {replay['prompt_version']} and {replay['model']}; this release "
            f"asks with prompt {versions.PROMPTS} and {model}. Plan again."
        )
    if replay["state"] == ReplayState.APPLYING and (replay["calls_model"], replay["publishes"]) != (
        calls_model,
        publishes,
    ):
        with_model = "with the model" if replay["calls_model"] else "without the model"
        raise Permanent(
            f"Replay {replay_id} is being applied {with_model}, {'' if replay['publishes'] else 'not '}publishing. "
            "Go on with the same options, or cancel it."
        )
