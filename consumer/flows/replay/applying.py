"""Applies a plan: makes its requests due little by little. Drafting loops, here or in other processes, do the work.

Nothing is kept in memory: the applying process may be killed at any moment, and the next one goes on from the tables.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import structlog

from consumer.errors import Transient
from consumer.flows.pacing import rest
from schemas.packages import Usage

TICK_SECONDS = 0.5

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

    @property
    def ended(self) -> int:
        return self.revised + self.drafted + self.unchanged + self.failed + self.dropped

    @property
    def total(self) -> int:
        return self.ended + self.planned + self.released


class Replays(Protocol):
    """The tables, used under the replay's lock. Every method raises Transient while the database is away."""

    async def advance(self, replay_id: str, limits: Limits) -> ReplayProgress:
        """Makes due what the limits allow; ends the replay when nothing is left. May be called by several at once."""

    async def pause(self, replay_id: str) -> None:
        """Takes back the due requests that nobody works on. A replay that has ended stays as it is."""


async def apply_plan(
    replays: Replays, replay_id: str, limits: Limits, *, stop: asyncio.Event, tell: Callable[[ReplayProgress], None]
) -> ReplayProgress:
    """Applies the plan until it has ended or met its limit, or until `stop`; the rest then waits for the next run.

    `tell` is called with the progress after every step. While the database is away, this waits.
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
        await rest(stop, TICK_SECONDS)
    if progress.state is ReplayState.APPLYING:
        with contextlib.suppress(Transient):  # then due requests stay due, and the next run goes on
            await replays.pause(replay_id)
    return progress
