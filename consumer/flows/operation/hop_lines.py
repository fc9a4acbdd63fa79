"""One line when a hop is lost, and one when it works again. A hop that flaps is told seldom, with how often it did."""

from collections import Counter
from collections.abc import Callable

import structlog

FLAPPING_SECONDS = 60.0
"""A hop that is lost again within this time is told when the time is over, if it is still lost then."""

log = structlog.stdlib.get_logger("escalation.health")


class HopLines:
    """Told of every report to health, it writes what has changed. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lost: dict[str, float] = {}
        """When each hop was told to be lost that was not told to work since."""
        self._told_at: dict[str, float] = {}
        self._untold: Counter[str] = Counter()

    def failing(self, hop: str, reason: str, *, seconds: float, again: bool) -> None:
        """`seconds`: for how long it has not worked. `again`: it failed already at the last report."""
        if hop in self._lost:
            return
        now = self._clock()
        if now - self._told_at.get(hop, -FLAPPING_SECONDS) < FLAPPING_SECONDS:
            self._untold[hop] += not again
            return
        self._lost[hop] = now - seconds
        self._told_at[hop] = now
        untold = self._untold.pop(hop, 0)
        log.warning(
            "A hop is lost.",
            event_name="hop_lost",
            hop=hop,
            reason=reason,
            **({"lost_meanwhile": untold} if untold else {}),
        )

    def works(self, hop: str) -> None:
        """This hop works."""
        since = self._lost.pop(hop, None)
        if since is not None:
            seconds = round(self._clock() - since, 1)
            log.info("A hop works again.", event_name="hop_recovered", hop=hop, seconds=seconds)
