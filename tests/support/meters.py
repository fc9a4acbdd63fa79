"""Meters that remember."""

from collections import Counter
from collections.abc import Mapping

from consumer.flows.operation.meters import Meter


class RememberedMeters:
    def __init__(self) -> None:
        self.counts: Counter[tuple[Meter, str]] = Counter()
        self.values: dict[tuple[Meter, str], float] = {}
        self.observed: list[tuple[Meter, float]] = []

    def count(self, meter: Meter, amount: float = 1, *, label: str = "") -> None:
        self.counts[meter, label] += int(amount)

    def set(self, meter: Meter, value: float, *, label: str = "") -> None:
        self.values[meter, label] = value

    def replace(self, meter: Meter, values: Mapping[str, float]) -> None:
        self.values = {place: value for place, value in self.values.items() if place[0] is not meter}
        self.values |= {(meter, label): value for label, value in values.items()}

    def observe(self, meter: Meter, value: float) -> None:
        self.observed.append((meter, value))
