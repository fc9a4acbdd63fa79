"""Bounded waiting: a condition that never becomes true is a failure and not a hang."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

LONG_ENOUGH_SECONDS = 60.0
"""For work of a second on an idle machine. A test of a promised time names that time itself."""

T = TypeVar("T")


async def until(
    check: Callable[[], Awaitable[T | None]],
    *,
    within_seconds: float = LONG_ENOUGH_SECONDS,
    every_seconds: float = 0.03,
) -> T:
    """The first true value that `check` gives. Raises TimeoutError when there was none in time."""
    deadline = time.monotonic() + within_seconds
    while not (value := await check()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come true within {within_seconds:g} s")
        await asyncio.sleep(every_seconds)
    return value
