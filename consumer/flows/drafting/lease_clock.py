"""The database's clock, continued by the local monotonic clock while a lease is held."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from consumer.domain.request.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseClock:
    """Tells the database's time without asking the database again. `began` and `clock` are monotonic, in seconds."""

    work: Work
    began: float
    clock: Callable[[], float]

    @property
    def elapsed_seconds(self) -> float:
        return self.clock() - self.began

    @property
    def now(self) -> datetime:
        return self.work.taken_at + timedelta(seconds=self.elapsed_seconds)

    @property
    def left_seconds(self) -> float | None:
        """Seconds until the first package has to be decided; None without a deadline."""
        deadline = self.work.deadline_in_seconds
        return None if deadline is None else max(deadline - self.elapsed_seconds, 0.0)
