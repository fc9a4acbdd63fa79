"""Progress reports while servers start: one step, how much of it is done, and its total."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Unit = Literal["bytes", "steps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartProgress:
    """`step` names the bar and stays the same from its first report to its last; `done == total` ends it."""

    step: str
    done: int
    total: int
    unit: Unit


ProgressCallback = Callable[[StartProgress], None]
"""Called from the event loop's thread and from the threads that download. Must return at once."""


def silent(_: StartProgress) -> None:
    """Ignores every report, for callers that draw nothing."""
