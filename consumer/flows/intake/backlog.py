"""When intake looks whether requests still wait for a backlog of session events."""

from collections.abc import Callable

LOOK_SECONDS = 0.1
ENDS_SECONDS = 5.0
"""Between two questions to Kafka for the ends of the session topics."""


class BacklogWatch:
    """Bounds how often intake looks at the backlog, and remembers what it saw last."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._looked_at = self._asked_at = clock()
        self.waiting = True
        """Whether requests wait for a backlog; assumed until the first look."""

    def may_look(self) -> bool:
        """True at most once in `LOOK_SECONDS`."""
        if self._clock() - self._looked_at < LOOK_SECONDS:
            return False
        self._looked_at = self._clock()
        return True

    def may_ask_for_ends(self) -> bool:
        """True at most once in `ENDS_SECONDS`."""
        if self._clock() - self._asked_at <= ENDS_SECONDS:
            return False
        self._asked_at = self._clock()
        return True
