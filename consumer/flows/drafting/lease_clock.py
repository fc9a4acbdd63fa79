"""The database's clock, continued by the local monotonic clock while a lease is held."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from consumer.domain.request.work import Work


@dataclass(slots=True, kw_only=True)
class LeaseClock:
    """Tells the database's time without asking the database again. `began` and `clock` are monotonic, in seconds."""

    work: Work
    began: float
    clock: Callable[[], float]
    _begun_late: float | None = None
    """When the first package has to be decided, on the lease's clock, if the request's own clock stood at first."""

    @property
    def elapsed_seconds(self) -> float:
        return self.clock() - self.began

    @property
    def now(self) -> datetime:
        return self.work.taken_at + timedelta(seconds=self.elapsed_seconds)

    @property
    def left_seconds(self) -> float | None:
        """Seconds until the first package has to be decided; None without a deadline."""
        deadline = self.work.deadline_in_seconds if self._begun_late is None else self._begun_late
        return None if deadline is None else max(deadline - self.elapsed_seconds, 0.0)

    @property
    def stands(self) -> bool:
        """Whether the request's clock stands while a backlog is read. It may begin at any time."""
        first = self.work.last is None and not self.work.replayed
        return first and self.left_seconds is None

    def begin(self, left_seconds: float) -> None:
        """The backlog was read: so many seconds are left from now."""
        self._begun_late = self.elapsed_seconds + left_seconds
