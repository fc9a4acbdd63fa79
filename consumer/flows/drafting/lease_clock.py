"""The database's clock, carried on by the local monotonic one while a lease is held."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from consumer.domain.request.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseClock:
    """The time as the database tells it, without asking it again; `began` and `clock` are monotonic, in seconds."""

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
        """Until the first package has to be decided."""
        deadline = self.work.deadline_in_seconds
        return None if deadline is None else max(deadline - self.elapsed_seconds, 0.0)
