"""How long a fallback takes here, measured while fallbacks are made."""

from collections.abc import Callable

FIRST_SECONDS = 0.05
"""Assumed before the first one: longer than most take, so that a flood after the start is met early."""
LONGEST_SECONDS = 0.5
"""What a single one counts at most. A wait for the database says nothing of the next one."""
REMEMBERED = 20
"""About so many determine the figure: it follows a busy machine within a second."""


class FallbackPace:
    """The time between two fallbacks while at least one is being made. `clock` is monotonic, in seconds.

    Made one at a time they seem to take longer than in company. The figure is too long then, never too short.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._under_way = 0
        self._since = 0.0
        self.seconds = FIRST_SECONDS

    def begins(self) -> None:
        if self._under_way == 0:
            self._since = self._clock()
        self._under_way += 1

    def ends(self) -> None:
        now = self._clock()
        took = min(now - self._since, LONGEST_SECONDS)
        self.seconds += (took - self.seconds) / REMEMBERED
        self._since = now
        self._under_way -= 1
