"""Planned replays for the commands: plan, compare, apply, look, cancel. Each call opens what it needs and closes it."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from consumer.adapters.postgres.core import hints
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.adapters.postgres.replay import replays
from consumer.adapters.postgres.replay.plans import PostgresPlans
from consumer.domain.reader import versions
from consumer.domain.replay.comparison import Difference
from consumer.domain.replay.plan import Plan
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import NoMeters
from consumer.flows.replay import applying
from consumer.flows.replay.applying import Limits, ReplayProgress, Standstill
from consumer.flows.replay.comparing import compare_items
from consumer.flows.replay.desk import ReplayDesk
from consumer.flows.replay.planning import Chosen, Planner
from consumer.settings import Settings
from consumer.wiring.database import database_hints, open_redactor, prepared_database
from consumer.wiring.loops import drafting_loop, drafting_stores
from consumer.wiring.model import open_model
from consumer.wiring.stores import open_cache
from consumer.wiring.values import revision_rules

CONNECTIONS = 6
KEYLESS_PATIENCE_SECONDS = 10.0
"""A running service with a key takes up work within a second or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """A plan, and the id under which it is stored."""

    replay_id: str
    plan: Plan


async def plan_replay(settings: Settings, chosen: Chosen, *, looked_at: Callable[[int], None]) -> StoredPlan:
    """Plans, and stores the plan under a new id. Publishes nothing, pays for nothing. Raises Transient.

    `looked_at` is called with the number of requests looked at since the last call.
    """
    async with _pool(settings) as pool:
        plans = PostgresPlans(pool)
        planner = Planner(source=plans, model_name=settings.model, calls_at_once=settings.model_concurrency)
        plan = await planner.plan(chosen, looked_at=looked_at)
        replay_id = _new_id()
        await plans.put(replay_id, chosen, plan)
    return StoredPlan(replay_id=replay_id, plan=plan)


async def compare_plan(
    settings: Settings,
    replay_id: str,
    *,
    request: str | None,
    session_id: str | None,
    limit: int,
    calls_model: bool,
) -> list[Difference]:
    """Returns what would change in the packages, as far as that is known without asking the model.

    Raises Permanent for an unknown replay, Transient.
    """
    async with _pool(settings) as pool:
        await _replays(pool, settings).progress(replay_id)
        return await compare_items(
            PostgresPlans(pool),
            replay_id,
            request=request,
            session_id=session_id,
            limit=limit,
            model_name=settings.model,
            calls_model=calls_model,
        )


async def replay_progress(
    settings: Settings, replay_id: str | None, *, limit: int
) -> list[tuple[replays.ReplayRow, ReplayProgress]]:
    """Returns the replays, the newest first, with their progress. Raises Permanent for an unknown one, Transient."""
    async with _pool(settings) as pool:
        stored = _replays(pool, settings)
        if replay_id is not None:
            await stored.progress(replay_id)
        rows = await stored.rows(replay_id, limit=limit)
        return [(row, await stored.progress(row["replay_id"])) for row in rows]


async def cancel_replay(settings: Settings, replay_id: str, *, dry_run: bool) -> ReplayProgress:
    """Ends the replay for good, or with `dry_run` only returns its progress. Raises Permanent, Transient."""
    async with _pool(settings) as pool:
        stored = _replays(pool, settings)
        return await (stored.progress(replay_id) if dry_run else stored.cancel(replay_id))


async def foretell(settings: Settings, replay_id: str, *, calls_model: bool, publishes: bool) -> ReplayProgress:
    """Returns what `apply_replay` would have to do; changes nothing. Raises Permanent where that would, Transient."""
    async with _pool(settings) as pool:
        return await _replays(pool, settings).foretell(
            replay_id, calls_model=calls_model, publishes=publishes, model=settings.model
        )


async def apply_replay(
    settings: Settings,
    replay_id: str,
    *,
    calls_model: bool,
    publishes: bool,
    limits: Limits,
    waits: bool,
    stop: asyncio.Event,
    tell: Callable[[ReplayProgress], None],
) -> ReplayProgress:
    """Applies the plan, and drafts for it here while running services draft for it, too. Raises Permanent, Transient.

    If the model is wanted and there is no key, only the services draft. `tell` is called with the progress. Unless it
    `waits`, it ends where nothing can be drafted, and says why.
    """
    keyless = calls_model and settings.model_access is None
    standstill = Standstill(
        limits,
        patience_seconds=KEYLESS_PATIENCE_SECONDS if keyless else applying.PATIENCE_SECONDS,
        nobody=_without_key(settings) if keyless else None,
        clock=time.monotonic,
    )
    async with _pool(settings) as pool:
        stored = _replays(pool, settings)
        await stored.begin(replay_id, calls_model=calls_model, publishes=publishes, model=settings.model)
        async with _working(settings, pool, replay_id, calls_model=calls_model):
            last = await applying.apply_plan(
                stored, replay_id, limits, stop=stop, tell=tell, standstill=None if waits else standstill
            )
        progress = await stored.progress(replay_id)
        stands = last.stands
        if stands is None and calls_model and progress.unchanged:
            stands = " ".join(await stored.forbidden(replay_id, monthly_budget_usd=settings.monthly_budget_usd)) or None
    return replace(progress, limited=last.limited, stands=stands)


def _without_key(settings: Settings) -> str:
    return (
        "There is no ANTHROPIC_API_KEY here, and no running service with a key drafts for this plan with prompt "
        f"{versions.PROMPTS} and {settings.model}. Set the key and repeat the command, or start such a service and add "
        "--wait; --model none --publish renders stored drafts again, without the model."
    )


@contextlib.asynccontextmanager
async def _working(settings: Settings, pool: Pool, replay_id: str, *, calls_model: bool) -> AsyncIterator[None]:
    """Drafts for this replay while the block runs. Does nothing if the model is wanted and there is no key."""
    if calls_model and settings.model_access is None:
        yield
        return
    health = Health(time.monotonic)
    redactor = await open_redactor(settings, StoreReader(pool))
    listening = database_hints(settings)
    wanted = settings if calls_model else settings.without_model()
    async with open_cache(settings, health) as cache, open_model(wanted) as model:
        loop = drafting_loop(
            settings,
            stores=drafting_stores(settings, pool, redactor, has_model=model is not None, only_replay=replay_id),
            redactor=redactor,
            cache=cache,
            model=model,
            hint=listening.on(hints.DUE),
            health=health,
            meters=NoMeters(),
            replay_places=settings.model_concurrency,
        )
        stop = asyncio.Event()
        tasks = [
            asyncio.create_task(loop.run(stop), name="replay-drafting"),
            asyncio.create_task(listening.run(stop), name="replay-hints"),
        ]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)


def replay_desk(settings: Settings, pool: Pool) -> ReplayDesk:
    """What people ask of replays in a running service, whose drafting loop drafts for them."""
    return ReplayDesk(
        tables=_replays(pool, settings),
        plans=PostgresPlans(pool),
        model_name=settings.model,
        calls_at_once=settings.model_concurrency,
        has_model=settings.model_access is not None,
        new_id=_new_id,
    )


def _new_id() -> str:
    return f"replay-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _replays(pool: Pool, settings: Settings) -> replays.PostgresReplays:
    return replays.PostgresReplays(pool, rules=revision_rules(settings))


def _pool(settings: Settings) -> contextlib.AbstractAsyncContextManager[Pool]:
    return prepared_database(settings, name="replay", max_size=CONNECTIONS)
