"""The metrics of the service in the text format that Prometheus reads."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from consumer.flows.operation.health import Stuck
from consumer.flows.operation.meters import Meter, Meters, MetricKind

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 300)


class PrometheusMeters(Meters):
    """Implements the port `Meters` with its own registry: two instances in one process share nothing."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._metrics = {meter: _new_metric(meter, self._registry) for meter in Meter}

    def count(self, meter: Meter, amount: float = 1, *, label: str = "") -> None:
        metric = self._metrics[meter]
        assert isinstance(metric, Counter)  # noqa: S101 - the set of metrics is closed
        (metric.labels(label) if label else metric).inc(amount)

    def set(self, meter: Meter, value: float, *, label: str = "") -> None:
        metric = self._metrics[meter]
        assert isinstance(metric, Gauge)  # noqa: S101
        (metric.labels(label) if label else metric).set(value)

    def replace(self, meter: Meter, values: Mapping[str, float]) -> None:
        self._metrics[meter].clear()
        for label, value in values.items():
            self.set(meter, value, label=label)

    def observe(self, meter: Meter, value: float) -> None:
        metric = self._metrics[meter]
        assert isinstance(metric, Histogram)  # noqa: S101
        metric.observe(value)

    def values(self, meter: Meter) -> dict[str, float]:
        """The figures of a counter or gauge by label, without a label by ''."""
        return {
            next(iter(sample.labels.values()), ""): sample.value
            for family in self._metrics[meter].collect()
            for sample in family.samples
            if not sample.name.endswith("_created")
        }

    def exposition(self, stuck: Iterable[Stuck]) -> bytes:
        """Returns all metrics as text, with what is stuck at this moment."""
        metric = self._metrics[Meter.STUCK]
        metric.clear()
        for entry in stuck:
            self.set(Meter.STUCK, entry.seconds, label=entry.what)
        return generate_latest(self._registry)


def _new_metric(meter: Meter, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    metric = meter.value
    labels = (metric.label,) if metric.label else ()
    match metric.kind:
        case MetricKind.COUNTER:
            return Counter(metric.name, metric.meaning, labels, registry=registry)
        case MetricKind.GAUGE:
            return Gauge(metric.name, metric.meaning, labels, registry=registry)
        case MetricKind.HISTOGRAM:
            return Histogram(metric.name, metric.meaning, labels, registry=registry, buckets=_SECONDS)
