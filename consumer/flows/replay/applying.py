"""Applying a plan: its requests are made due little by little, and whoever drafts does the work, here or elsewhere.

Nothing is kept in memory: whoever applies the plan may be killed at any moment, and goes on where the tables stand.
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
    """Of a replay."""

    PLANNED = "planned"
    APPLYING = "applying"
    PAUSED = "paused"
    """Whoever applied it was stopped, or met a limit."""
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    at_once: int
    """Requests that are due at a time: what a stop or a cancellation cannot call back."""
    per_minute: float | None
    """Requests made due in a minute; None: as fast as they are worked on."""
    spend_usd: float | None
    """No request is made due that would go beyond it, by what was paid and what is foretold for those under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayProgress:
    """How far a replay has come; counts are of requests."""

    state: ReplayState
    planned: int = 0
    released: int = 0
    """Due now, or being worked on."""
    revised: int = 0
    drafted: int = 0
    unchanged: int = 0
    failed: int = 0
    dropped: int = 0
    calls: int = 0
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    spent_usd: float | None = None
    """None: the price is not known."""
    limited: bool = False
    """The limit of spending keeps the rest back."""

    @property
    def ended(self) -> int:
        return self.revised + self.drafted + self.unchanged + self.failed + self.dropped

    @property
    def total(self) -> int:
        return self.ended + self.planned + self.released


class Replays(Protocol):
    """The tables, under the replay's lock. Every method raises Transient while the database is away."""

    async def advance(self, replay_id: str, limits: Limits) -> ReplayProgress:
        """Makes due what the limits allow; ends the replay when nothing is left. Safe by several at once."""

    async def pause(self, replay_id: str) -> None:
        """Takes back what nobody works on; a replay that has ended is left alone."""


async def apply_plan(
    replays: Replays, replay_id: str, limits: Limits, *, stop: asyncio.Event, tell: Callable[[ReplayProgress], None]
) -> ReplayProgress:
    """Returns when the replay has ended or met its limit, or after `stop`: then the rest waits for the next time."""
    progress = ReplayProgress(state=ReplayState.APPLYING)
    while not stop.is_set():
        try:
            progress = await replays.advance(replay_id, limits)
        except Transient as error:
            log.warning("The replay waits for the database.", event_name="replay_waits", error=str(error))
        else:
            tell(progress)
            if progress.state is not ReplayState.APPLYING or (progress.limited and not progress.released):
                break
        await rest(stop, TICK_SECONDS)
    if progress.state is ReplayState.APPLYING:
        with contextlib.suppress(Transient):  # what is due stays due then; the next one that applies it goes on
            await replays.pause(replay_id)
    return progress
