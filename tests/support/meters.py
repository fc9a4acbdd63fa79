"""Meters that remember."""

from collections import Counter
from collections.abc import Mapping

from consumer.flows.operation.meters import Meter
from consumer.flows.operation.metric import LabelValues


class RememberedMeters:
    def __init__(self) -> None:
        self.counts: Counter[tuple[Meter, LabelValues]] = Counter()
        self.values: dict[tuple[Meter, LabelValues], float] = {}
        self.observed: list[tuple[Meter, float]] = []

    def count(self, meter: Meter, amount: float = 1, *, label: LabelValues = "") -> None:
        self.counts[meter, label] += int(amount)

    def set(self, meter: Meter, value: float, *, label: LabelValues = "") -> None:
        self.values[meter, label] = value

    def replace(self, meter: Meter, values: Mapping[LabelValues, float]) -> None:
        self.values = {place: value for place, value in self.values.items() if place[0] is not meter}
        self.values |= {(meter, label): value for label, value in values.items()}

    def observe(self, meter: Meter, value: float) -> None:
        self.observed.append((meter, value))
