"""Meters that remember."""

from collections import Counter

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

    def observe(self, meter: Meter, value: float) -> None:
        self.observed.append((meter, value))
