"""How loops wait: `rest` until there may be work, `insist` until a store answers again, `attended` for a long call.

`in_turns` and `LoopTurn` let others work; `is_asked_to_end` tells when a loop must end.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

from consumer.errors import Transient

INSIST_SECONDS = (0.2, 2.0)
"""The first and the longest pause between two tries."""
INSIST_TIMES = 15
"""Tries for about 20 s, so that a restart of the database does not throw away what was paid for."""

TURN_SECONDS = 0.05
"""How long work on many records may hold the event loop. Heartbeats, deadlines and `/livez` wait that long, and for one
record at most; a pause costs some 20 µs. Counted in time: one record can take a thousand times as long as another."""

CANCELLED_SECONDS = 1.0
"""How long a cancelled call is waited for."""

T = TypeVar("T")


class Waker(Protocol):
    """Something that may give a resting loop a reason to look again; an `asyncio.Event` is one."""

    async def wait(self) -> object:
        """Returns when there may be something to do. Never raises; may be cancelled and called again."""


def is_asked_to_end(error: BaseException) -> bool:
    """Whether the error is the end that somebody asked this task for.

    A CancelledError that nobody asked for comes from within a library, which cancelled a future of its own.
    """
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling() > 0)


class LoopTurn:
    """A turn at the event loop. Work on many pieces asks after each whether it is over, and ends it."""

    __slots__ = ("_clock", "until")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.until = clock() + TURN_SECONDS

    @property
    def is_over(self) -> bool:
        return self._clock() >= self.until

    async def end(self) -> None:
        """Lets other tasks work; the next turn begins then."""
        await asyncio.sleep(0)
        self.until = self._clock() + TURN_SECONDS


async def in_turns(pieces: Iterable[T]) -> AsyncIterator[T]:
    """The pieces, in order. Other tasks work between two of them when what was done with them has taken long."""
    turn = LoopTurn()
    for piece in pieces:
        yield piece
        if turn.is_over:
            await turn.end()


async def attended(call: Awaitable[T], attend: Callable[[], Awaitable[None]], *, every_seconds: float) -> T:
    """Awaits a call that may take long, and attends to something meanwhile, such as giving signs of life.

    The call is cancelled when `attend` raises, which is raised here, or when this is cancelled.
    """
    task = asyncio.ensure_future(call)
    try:
        while not (await asyncio.wait({task}, timeout=every_seconds))[0]:
            await attend()
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CANCELLED_SECONDS)


async def rest(stop: asyncio.Event, seconds: float, *wakers: Waker) -> None:
    """Returns when `stop` is set, when `seconds` have passed or when a waker returns, whichever comes first."""
    waits = [asyncio.create_task(waker.wait(), name="rest") for waker in (stop, *wakers)]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def insist(work: Callable[[], Awaitable[T]]) -> T:
    """Does work that may be repeated, until its store answers. Raises Transient when the store is away for too long."""
    pause, longest = INSIST_SECONDS
    for _ in range(INSIST_TIMES - 1):
        try:
            return await work()
        except Transient:
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)
    return await work()
