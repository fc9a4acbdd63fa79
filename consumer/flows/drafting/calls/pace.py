"""How many calls at once, and when: as many as the API takes, by its own word.

An answer that asks to wait (429) halves the calls at once of every replica and holds all of them back for as long as it
asks. Answers raise the limit again: fast to where it held before, then one more after many answers, so that less than
one call in a hundred goes over the API's limit. After an outage calls begin again one at a time.

Replicas share the pause, and with it the halving. Each has a limit of its own; limits that are halved together and grow
by answers come to be equal shares. Libraries hold limits that somebody knows; nobody knows this one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import SystemRandom, token_hex
from typing import Protocol

from consumer.flows.drafting.model import ModelAway

LONGEST_RETRY_AFTER_SECONDS = 60.0
"""The contract's cap (part 8), whatever the API asks for."""
RETRY_SECONDS = (0.5, 2.0)
"""A call that failed is repeated after a random time between these."""
LEAST_CALLS = 0.001
"""Below one call at once, the one rests after its answer, here for a thousand times as long as it took; but never for
longer than the API itself may ask for. Else a call that hung would silence a replica for hours."""
BACK_TO = 0.8
"""Of the limit that was overrun: up to there it grows with each answer, beyond by a step after so many."""
CLEAN_ANSWERS, CLEAN_ROUNDS = 200, 20
FIRST_STEP, LONGEST_STEP = 0.1, 1.0
"""Of the limit. Steps double while the API takes everything: its limits may have been raised."""
BLOCKED_SECONDS = 30.0
"""The contract's time without an answer that makes an outage of pacing (part 8)."""
HEED_SECONDS = 0.1
"""How often the pause of others is looked for. Calls that begin in between are few beside those under way."""
RETRY_SHARE = 0.1
"""Retries per answered call, the contract's budget."""
RETRIES_SAVED = (3.0, 10.0)
"""Retries that may be made at the start, and the most that can be saved up."""
RETRY_EVERY_SECONDS = 10.0
"""One retry is allowed in this time, however few calls there are."""

_random = SystemRandom()


class CallLimit:
    """The calls at once of one replica. Pure: it changes by what it is told."""

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self.calls = self._most
        """May be below one."""
        self._held = self._most
        self._clean, self._step = 0, FIRST_STEP

    def answered(self) -> None:
        if self.calls < self._held:
            self.calls = min(self._held, self.calls + min(self.calls, 1.0))
            return
        self._clean += 1
        if self._clean >= max(CLEAN_ANSWERS, CLEAN_ROUNDS * self.calls):
            self._clean = 0
            more = self.calls * self._step if self.calls < 1 else max(self.calls * self._step, 1.0)
            self._held = self.calls = min(self._most, self.calls + more)
            self._step = min(2 * self._step, LONGEST_STEP)

    def overrun(self) -> None:
        self._held = max(self.calls * BACK_TO, LEAST_CALLS)
        self.calls = max(self.calls / 2, LEAST_CALLS)
        self._clean, self._step = 0, FIRST_STEP

    def restart(self) -> None:
        self.calls = min(self._held, 1.0)

    def rest_after(self, seconds: float) -> float:
        """How long the only call rests after one that took so long."""
        return min(seconds * (1 / self.calls - 1), LONGEST_RETRY_AFTER_SECONDS) if self.calls < 1 else 0.0


class RetryBudget:
    """Retries are a tenth of the calls, and a few: an ailing API is not asked twice as often."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._saved, self._most = RETRIES_SAVED
        self._seen_at = clock()

    def answered(self) -> None:
        self._save(RETRY_SHARE)

    def take(self) -> bool:
        """Whether a call may be repeated now."""
        now = self._clock()
        self._save((now - self._seen_at) / RETRY_EVERY_SECONDS)
        self._seen_at = now
        if self._saved < 1:
            return False
        self._saved -= 1
        return True

    def _save(self, retries: float) -> None:
        self._saved = min(self._saved + retries, self._most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """What another replica was asked to wait."""

    mark: str
    """Each pause has its own."""
    seconds: float


class SharedPace(Protocol):
    """What replicas tell each other. No method raises; each may do nothing, and then a replica paces itself alone."""

    async def pause(self) -> Pause | None:
        """The pause that holds now."""

    async def begin_pause(self, pause: Pause) -> None: ...

    async def note_answer(self, *, keep_seconds: float) -> None:
        """Notes that a call got through."""

    async def answered_lately(self) -> bool:
        """Whether a call of any replica got through in the time that it was to be noted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTurn:
    """The right to make one call."""

    began: float
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What pacing allows at this moment."""

    calls: float
    """At once; may be below one."""
    under_way: int
    pause_seconds: float


class Pace:
    """Of all calls of one process. Turns come in the order in which they were asked for."""

    def __init__(self, *, places: int, shared: SharedPace | None, clock: Callable[[], float]) -> None:
        self._limit = CallLimit(places)
        self._most = places
        self._budget = RetryBudget(clock)
        self._shared = shared
        self._clock = clock
        self._door = asyncio.Lock()
        self._freed = asyncio.Event()
        self._under_way = 0
        self._round = 0
        self._waits_until = 0.0
        self._overrun_at = float("-inf")
        self._blocked_since: float | None = None
        self._mark = ""
        self._heeded_at = float("-inf")

    @property
    def allowance(self) -> "Allowance":
        return Allowance(
            calls=self._limit.calls,
            under_way=self._under_way,
            pause_seconds=max(0.0, self._waits_until - self._clock()),
        )

    @asynccontextmanager
    async def turn(self, *, at_once: bool = False) -> AsyncIterator[CallTurn]:
        """Waits for a turn, for as long as it takes. `at_once` is for a probe, which others have paced."""
        if not at_once:
            async with self._door:
                await self._wait()
        turn = CallTurn(began=self._clock(), round=self._round)
        self._under_way += 1
        try:
            yield turn
        finally:
            if turn.round == self._round:
                self._under_way -= 1
            now = self._clock()
            self._waits_until = max(self._waits_until, now + self._limit.rest_after(now - turn.began))
            self._freed.set()

    async def _wait(self) -> None:
        while True:
            await self._heed_others()
            left = self._waits_until - self._clock()
            if left > 0:
                await asyncio.sleep(left)
            elif self._under_way >= max(int(self._limit.calls), 1):
                self._freed.clear()
                await self._freed.wait()
            else:
                return

    async def _heed_others(self) -> None:
        if self._shared is None or self._clock() - self._heeded_at < HEED_SECONDS:
            return
        self._heeded_at = self._clock()
        pause = await self._shared.pause()
        if pause is None or pause.mark == self._mark:
            return
        self._mark = pause.mark
        self._hold_back(pause.seconds, began=self._clock())

    def may_retry(self) -> bool:
        """Whether the budget has a retry; it is taken. Without one, new calls wait for those that are repeated."""
        if self._budget.take():
            return True
        self._waits_until = max(self._waits_until, self._clock() + RETRY_SECONDS[1])
        return False

    async def answered(self) -> None:
        self._limit.answered()
        self._budget.answered()
        self._blocked_since = None
        if self._shared is not None and self._limit.calls < self._most:
            await self._shared.note_answer(keep_seconds=BLOCKED_SECONDS)

    async def asked_to_wait(self, turn: CallTurn, seconds: float) -> bool:
        """The API took no call, and asks to wait. Returns whether nothing gets through any more: an outage."""
        pause = Pause(mark=token_hex(8), seconds=seconds)
        self._mark = pause.mark
        self._hold_back(seconds, began=turn.began)
        if self._shared is not None:
            await self._shared.begin_pause(pause)
        if self._blocked_since is None:
            self._blocked_since = self._clock()
        if self._clock() - self._blocked_since < BLOCKED_SECONDS:
            return False
        return self._shared is None or not await self._shared.answered_lately()

    def _hold_back(self, seconds: float, *, began: float) -> None:
        """Calls that began before the limit was halved say nothing about what is left of it."""
        now = self._clock()
        if began > self._overrun_at and now >= self._waits_until:
            self._overrun_at = now
            self._limit.overrun()
        # A little at random, because others were told the same.
        self._waits_until = max(self._waits_until, now + seconds + _random.uniform(0.0, min(seconds / 10, 0.5)))

    def restart(self) -> None:
        """The model is away. When it is back, calls begin one at a time; those that still hang do not count."""
        self._limit.restart()
        self._round += 1
        self._under_way = 0
        self._blocked_since = None


def retry_in_seconds(fault: ModelAway) -> float:
    """When to call again: as the API asked, up to the cap, and a little at random, for others were told the same."""
    if fault.retry_after_seconds is None:
        return _random.uniform(*RETRY_SECONDS)
    return min(fault.retry_after_seconds + _random.uniform(0.0, RETRY_SECONDS[0]), LONGEST_RETRY_AFTER_SECONDS)
