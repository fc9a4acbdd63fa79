"""What people ask of replays in a running service: look, plan, compare, apply, stop; and who applies them there."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from consumer.domain.replay.comparison import Difference
from consumer.domain.replay.plan import Plan
from consumer.errors import Permanent
from consumer.flows.replay import applying
from consumer.flows.replay.applying import Hindrance, Limits, ReplayProgress, Replays, ReplayState
from consumer.flows.replay.comparing import PlannedItems, compare_items
from consumer.flows.replay.planning import Chosen, Planner

MOST_PLANNED = 1_000
"""Requests that a plan weighs here, a few seconds of work; larger ones are planned by the command."""
MOST_AT_ONCE = 64

log = structlog.stdlib.get_logger("escalation.replay")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReplay:
    """A replay as its row says."""

    replay_id: str
    state: ReplayState
    prompt_version: str
    model: str
    chosen: Mapping[str, Any]
    """By what its requests were chosen; only what was given."""
    figures: Mapping[str, Any]
    """`domain.replay.plan.Figures`, as JSON."""
    has_price: bool
    planned_at: datetime
    calls_model: bool
    publishes: bool
    began_at: datetime | None
    seen_at: datetime | None
    """The last sign of life of whoever applies it."""
    silent_seconds: float | None
    ended_at: datetime | None


class ReplayTables(Replays, Protocol):
    """The stored replays. Every method raises Transient while the database is away, Permanent for an unknown one."""

    async def stored(self, replay_id: str | None, *, limit: int) -> list[StoredReplay]:
        """All or this one, the newest first. None for an unknown one."""

    async def progress(self, replay_id: str) -> ReplayProgress: ...

    async def foretell(self, replay_id: str, *, calls_model: bool, publishes: bool, model: str) -> ReplayProgress: ...

    async def begin(self, replay_id: str, *, calls_model: bool, publishes: bool, model: str) -> None: ...

    async def cancel(self, replay_id: str) -> ReplayProgress: ...


class PlanStore(PlannedItems, Protocol):
    async def put(self, replay_id: str, chosen: Chosen, plan: Plan) -> None: ...


class ReplayDesk:
    """Applies replays in tasks of its own, whose ends are told; the service's drafting does the work.

    Nothing is kept in memory but the tasks. After a kill the replay stands as applied by nobody, and is applied again.
    Methods raise Transient while the database is away, and Permanent, with what to do, for what cannot be done.
    """

    def __init__(
        self,
        *,
        tables: ReplayTables,
        plans: PlanStore,
        model_name: str,
        calls_at_once: int,
        has_model: bool,
        new_id: Callable[[], str],
    ) -> None:
        self._tables = tables
        self._plans = plans
        self._model_name = model_name
        self._calls_at_once = calls_at_once
        self._has_model = has_model
        self._new_id = new_id
        self._stops: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def has_model(self) -> bool:
        return self._has_model

    async def replays(self, *, limit: int) -> list[StoredReplay]:
        """The newest first."""
        return await self._tables.stored(None, limit=limit)

    async def replay(self, replay_id: str) -> StoredReplay:
        rows = await self._tables.stored(replay_id, limit=1)
        if not rows:
            raise Permanent(f"No replay {replay_id} is known.")
        return rows[0]

    async def progress(self, replay_id: str) -> ReplayProgress:
        """Counts its items."""
        return await self._tables.progress(replay_id)

    async def hindrance(self, replay_id: str) -> Hindrance:
        """What is in its way now. Here it is waited for: a service outlives an outage."""
        return await self._tables.hindrance(replay_id)

    def is_applied_here(self, replay_id: str) -> bool:
        return replay_id in self._stops

    async def plan(self, chosen: Chosen) -> str:
        """The id of the new plan. Publishes nothing, pays for nothing."""
        if chosen.limit is None or chosen.limit > MOST_PLANNED:
            raise Permanent(f"At most {MOST_PLANNED:,} requests are planned here; `replay plan` plans more.")
        planner = Planner(source=self._plans, model_name=self._model_name, calls_at_once=self._calls_at_once)
        plan = await planner.plan(chosen)
        replay_id = self._new_id()
        await self._plans.put(replay_id, chosen, plan)
        return replay_id

    async def differences(self, replay_id: str, *, limit: int, calls_model: bool) -> Sequence[Difference]:
        """What would change in its first packages."""
        return await compare_items(
            self._plans, replay_id, limit=limit, model_name=self._model_name, calls_model=calls_model
        )

    async def foretell(self, replay_id: str, *, calls_model: bool, publishes: bool) -> ReplayProgress:
        """Where `apply` would start; raises as it does, and changes nothing."""
        self._check(calls_model=calls_model, publishes=publishes)
        return await self._tables.foretell(
            replay_id, calls_model=calls_model, publishes=publishes, model=self._model_name
        )

    async def apply(self, replay_id: str, *, calls_model: bool, publishes: bool, limits: Limits) -> None:
        """Returns once it has begun. One that is applied here already goes on as it is."""
        self._check(calls_model=calls_model, publishes=publishes)
        if limits.spend_usd is not None and calls_model and not (await self.replay(replay_id)).has_price:
            raise Permanent("The price of the model is not known, so that a limit of spending cannot be kept.")
        await self._tables.begin(replay_id, calls_model=calls_model, publishes=publishes, model=self._model_name)
        if replay_id in self._stops:
            return
        stop = self._stops[replay_id] = asyncio.Event()
        task = asyncio.create_task(self._apply(replay_id, limits, stop), name=f"apply {replay_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self, replay_id: str) -> None:
        """Whoever applies it stops, here or elsewhere; due requests that nobody works on are taken back."""
        await self._tables.pause(replay_id)

    async def cancel(self, replay_id: str) -> None:
        """For good. Drafts under way are finished, and published packages stay."""
        progress = await self._tables.cancel(replay_id)
        if progress.state is ReplayState.DONE:
            raise Permanent(f"Replay {replay_id} is done; there is nothing left to cancel.")

    async def close(self) -> None:
        """Stops what is applied here; whoever applies it next goes on."""
        for stop in self._stops.values():
            stop.set()
        await asyncio.gather(*self._tasks)

    def _check(self, *, calls_model: bool, publishes: bool) -> None:
        if calls_model and not self._has_model:
            raise Permanent("This service has no access to a model, so that nothing can be drafted.")
        if not calls_model and not publishes:
            raise Permanent("Without the model there is nothing to draft: it can only publish.")

    async def _apply(self, replay_id: str, limits: Limits, stop: asyncio.Event) -> None:
        try:
            progress = await applying.apply_plan(self._tables, replay_id, limits, stop=stop, tell=lambda _: None)
            log.info(
                "A replay has ended or stands.", event_name="replay_rests", replay_id=replay_id, state=progress.state
            )
        except Exception as error:  # noqa: BLE001 - a replay's end must not end the service
            log.error(  # noqa: TRY400 - a traceback may quote a record
                "A replay was applied no further.",
                event_name="replay_failed",
                replay_id=replay_id,
                error=type(error).__name__,
            )
        finally:
            del self._stops[replay_id]
