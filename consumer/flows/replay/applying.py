"""Applies a plan: makes its requests due little by little. Drafting loops, here or in other processes, do the work.

Nothing is kept in memory: the applying process may be killed at any moment, and the next one goes on from the tables.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

import structlog

from consumer.errors import Transient
from consumer.flows.pacing import rest
from schemas.packages import Usage

TICK_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
"""How long nothing may come of a replay: a model that was away answers by then, or it is away for longer."""

log = structlog.stdlib.get_logger("escalation.replay")


class ReplayState(StrEnum):
    """The state of a replay."""

    PLANNED = "planned"
    APPLYING = "applying"
    PAUSED = "paused"
    """The process that applied it was stopped, or met the limit of spending."""
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How fast a plan is applied, and for how much money."""

    at_once: int
    """How many requests may be due or worked on at a time. A stop or a cancellation may come too late for them."""
    per_minute: float | None
    """How many requests become due in a minute; None: as many as are finished."""
    spend_usd: float | None
    """Dollars. A request becomes due only if its estimate, those of requests under way and what was paid fit in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayProgress:
    """How far a replay has come. `planned` to `dropped` are numbers of requests, `calls` of calls to the model."""

    state: ReplayState
    planned: int = 0
    released: int = 0
    """Requests that are due now or being worked on."""
    revised: int = 0
    drafted: int = 0
    unchanged: int = 0
    failed: int = 0
    dropped: int = 0
    calls: int = 0
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    spent_usd: float | None = None
    """None if the price is not known."""
    limited: bool = False
    """Whether the limit of spending holds the rest back."""
    stands: str | None = None
    """Why nothing more can be drafted, and what to do, where that is so."""

    @property
    def ended(self) -> int:
        return self.revised + self.drafted + self.unchanged + self.failed + self.dropped

    @property
    def total(self) -> int:
        return self.ended + self.planned + self.released


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """What may be in the way of a replay."""

    worked_on: bool
    """Whether a worker holds one of its requests."""
    outage: str | None
    """Why the model is away; None while it is not."""


class Replays(Protocol):
    """The tables, used under the replay's lock. Every method raises Transient while the database is away."""

    async def advance(self, replay_id: str, limits: Limits) -> ReplayProgress:
        """Makes due what the limits allow; ends the replay when nothing is left. May be called by several at once."""

    async def pause(self, replay_id: str) -> None:
        """Takes back the due requests that nobody works on. A replay that has ended stays as it is."""

    async def hindrance(self, replay_id: str) -> Hindrance: ...


class Standstill:
    """Watches whether anything comes of a replay."""

    def __init__(
        self, limits: Limits, *, patience_seconds: float, nobody: str | None, clock: Callable[[], float]
    ) -> None:
        """`nobody` says why nobody may work on it, where this process does not. A slow rate needs more patience."""
        self._patience = max(patience_seconds, 0 if limits.per_minute is None else 120 / limits.per_minute)
        self._nobody = nobody
        self._clock = clock
        self._last = (0, 0)
        self._since = clock()

    async def reason(self, replays: Replays, replay_id: str, progress: ReplayProgress) -> str | None:
        """Why nothing has come of it for so long; None while something does, or an answer is waited for."""
        if (progress.ended, progress.calls) != self._last:
            self._last, self._since = (progress.ended, progress.calls), self._clock()
        if self._clock() - self._since < self._patience:
            return None
        hindrance = await replays.hindrance(replay_id)
        away = None if hindrance.outage is None else f"The model is away: {hindrance.outage}."
        if self._nobody is not None and not hindrance.worked_on:
            return self._nobody if away is None else f"{self._nobody} {away}"
        if away is not None:
            return f"{away} What was drafted is kept; repeat the command when it answers, or add --wait."
        if hindrance.worked_on:
            return None
        left = "Nobody takes up" if progress.released else "Other work comes first for"
        return f"{left} the requests that are left; see `escalation-consumer request list` and /readyz of the service."


async def apply_plan(
    replays: Replays,
    replay_id: str,
    limits: Limits,
    *,
    stop: asyncio.Event,
    tell: Callable[[ReplayProgress], None],
    standstill: Standstill | None = None,
) -> ReplayProgress:
    """Applies the plan until it has ended or met its limit, or until `stop`; the rest then waits for the next run.

    `tell` is called with the progress after every step. While the database is away, this waits. With `standstill` it
    ends where nothing comes of it, too.
    """
    progress = ReplayProgress(state=ReplayState.APPLYING)
    while not stop.is_set():
        try:
            progress = await replays.advance(replay_id, limits)
        except Transient as error:
            log.warning("Replay paused: PostgreSQL is away or refuses.", event_name="replay_waits", error=str(error))
        else:
            tell(progress)
            if progress.state is not ReplayState.APPLYING or (progress.limited and not progress.released):
                break
            if standstill is not None and (why := await _standing(standstill, replays, replay_id, progress)):
                progress = replace(progress, stands=why)
                break
        await rest(stop, TICK_SECONDS)
    if progress.state is ReplayState.APPLYING:
        with contextlib.suppress(Transient):  # then due requests stay due, and the next run goes on
            await replays.pause(replay_id)
    return progress


async def _standing(standstill: Standstill, replays: Replays, replay_id: str, progress: ReplayProgress) -> str | None:
    with contextlib.suppress(Transient):  # the next step says so
        return await standstill.reason(replays, replay_id, progress)
    return None
