"""When intake looks whether requests still wait for a backlog of session events."""

from collections.abc import Callable, Mapping

from consumer.domain.events import TopicPartition

LOOK_SECONDS = 0.1
"""Between two looks, where nothing says that one is worth it."""
ENDS_SECONDS = 5.0
"""Between two questions to Kafka for the ends of the session topics."""


class BacklogWatch:
    """Bounds how often intake looks at the backlog, and remembers what it saw last.

    A request often overtakes the events that were sent just before it. So a look is worth it as soon as reading has
    reached what was on the topics when the request was read.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._looked_at = self._asked_at = clock()
        self.waiting = True
        """Whether requests wait for a backlog; assumed until the first look."""
        self._aim: Mapping[TopicPartition, int] = {}
        self._later: Mapping[TopicPartition, int] = {}

    def aim(self, ends: Mapping[TopicPartition, int]) -> None:
        """Requests have come that wait until reading has reached these ends, if it has not."""
        if self._aim:
            self._later = ends or self._later
        else:
            self._aim = ends

    def may_look(self, positions: Mapping[TopicPartition, int]) -> bool:
        """True once when reading has reached what requests wait for, else at most once in `LOOK_SECONDS`.

        `positions` are those of this process; others read what it does not own.
        """
        if not self._has_reached_aim(positions) and self._clock() - self._looked_at < LOOK_SECONDS:
            return False
        self._looked_at = self._clock()
        return True

    def _has_reached_aim(self, positions: Mapping[TopicPartition, int]) -> bool:
        if not self.waiting:
            self._aim = self._later = {}
        if not self._aim or any(positions.get(place, end) < end for place, end in self._aim.items()):
            return False
        self._aim, self._later = self._later, {}
        return True

    def may_ask_for_ends(self) -> bool:
        """True at most once in `ENDS_SECONDS`."""
        if self._clock() - self._asked_at <= ENDS_SECONDS:
            return False
        self._asked_at = self._clock()
        return True
