"""Wrong tokens are answered slowly.

The wait grows with the failures of the last minutes, whoever made them, so that many addresses are no faster than one.
The right token is never made to wait. What is remembered is one number, and the addresses that are waiting now: a few.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 8.0
HALF_LIFE_SECONDS = 60.0
MOST_WAITING = 64
MOST_WAITING_OF_ONE_ADDRESS = 2


class SlowDown:
    """`clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0.0
        self._counted_at = clock()
        self._waiting: Counter[str] = Counter()

    def is_full(self, address: str) -> bool:
        """Whether a token from there is not even looked at, for too many failures are being answered."""
        return self._waiting.total() >= MOST_WAITING or self._waiting[address] >= MOST_WAITING_OF_ONE_ADDRESS

    async def failed(self, address: str) -> float:
        """Waits, longer after each failure; returns how many seconds."""
        now = self._clock()
        self._failures = self._failures * 0.5 ** ((now - self._counted_at) / HALF_LIFE_SECONDS)
        self._counted_at = now
        seconds = min(LONGEST_SECONDS, FIRST_SECONDS * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._waiting[address] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting[address] -= 1
            self._waiting += Counter()  # forgets who waits no more
        return seconds
