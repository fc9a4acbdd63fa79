"""Whether figures grow with the work that was done: a line through samples, with how sure it is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import fmean

SURE = 3.0
"""Standard errors from which a slope is no accident."""
FEWEST = 5
"""Samples below which nothing is said."""

Sample = tuple[float, float]
"""Work done so far, and the figure then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The line through some samples."""

    slope: float
    """Growth of the figure per unit of work."""
    error: float
    """The standard error of the slope."""
    level: float
    """The mean of the figure."""
    span: float
    """The work between the first and the last sample."""

    @property
    def grows(self) -> bool:
        return self.slope > SURE * self.error

    @property
    def share(self) -> float:
        """Growth over the span as a share of the level."""
        return self.slope * self.span / self.level if self.level else 0.0

    def grows_by(self, least: float) -> bool:
        """Whether it is sure that it grows, and by more than `least` per unit of work."""
        return self.grows and self.slope > least


def fitted(samples: Sequence[Sample]) -> Trend | None:
    """Least squares; None for too few samples or ones of a single moment."""
    if len(samples) < FEWEST:
        return None
    work, figures = [x for x, _ in samples], [y for _, y in samples]
    middle, level = fmean(work), fmean(figures)
    spread = sum((x - middle) ** 2 for x in work)
    if not spread:
        return None
    slope = sum((x - middle) * (y - level) for x, y in samples) / spread
    left = sum((y - level - slope * (x - middle)) ** 2 for x, y in samples)
    error = sqrt(left / (len(samples) - 2) / spread) if len(samples) > 2 else inf
    return Trend(slope=slope, error=error, level=level, span=max(work) - min(work))


def beside(figures: Sequence[float], cause: Sequence[float]) -> list[float]:
    """What is left of each figure when its line over another cause is taken away; the level stays."""
    line = fitted(list(zip(cause, figures, strict=True)))
    if line is None:
        return list(figures)
    middle = fmean(cause)
    return [figure - line.slope * (each - middle) for figure, each in zip(figures, cause, strict=True)]
