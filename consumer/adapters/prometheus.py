"""The metrics of the service in the text format that Prometheus reads."""

from collections.abc import Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from consumer.flows.operation.health import Stuck
from consumer.flows.operation.meters import Meter, Meters
from consumer.flows.operation.metric import OTHER, LabelSet, LabelValues, MetricKind

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class PrometheusMeters(Meters):
    """Implements the port `Meters` with its own registry: two instances in one process share nothing."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # else each counter has a second series
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._counters: dict[Meter, dict[tuple[str, ...], Counter]] = {}
        self._histograms: dict[Meter, Histogram] = {}
        self._gauges = _Gauges()
        for meter in Meter:
            self._register(meter)
        self._registry.register(self._gauges)

    def count(self, meter: Meter, amount: float = 1, *, label: LabelValues = "") -> None:
        known = self._counters[meter]
        known.get(_tuple(label), known[_others(meter.value.labels)]).inc(amount)

    def set(self, meter: Meter, value: float, *, label: LabelValues = "") -> None:
        self._gauges.values[meter][_tuple(label)] = value

    def replace(self, meter: Meter, values: Mapping[LabelValues, float]) -> None:
        self._gauges.values[meter] = {_tuple(label): value for label, value in values.items()}

    def observe(self, meter: Meter, value: float) -> None:
        self._histograms[meter].observe(value)

    def values(self, meter: Meter) -> dict[str, float]:
        """The figures of a gauge by its labels, joined by a slash; without a label by ''. Empty while it is unknown."""
        return {"/".join(labels): value for labels, value in self._gauges.values[meter].items()}

    def exposition(self, stuck: Iterable[Stuck]) -> bytes:
        """Returns all metrics as text, with what is stuck at this moment."""
        self.replace(Meter.STUCK, {entry.what: entry.seconds for entry in stuck})
        return generate_latest(self._registry)

    def _register(self, meter: Meter) -> None:
        metric = meter.value
        match metric.kind:
            case MetricKind.COUNTER:
                counter = Counter(metric.name, metric.meaning, metric.labels.names, registry=self._registry)
                series = {*metric.labels.values, _others(metric.labels)} if metric.labels.names else ()
                self._counters[meter] = {values: counter.labels(*values) for values in sorted(series)} or {(): counter}
            case MetricKind.GAUGE:
                self._gauges.values[meter] = {}
            case MetricKind.HISTOGRAM:
                self._histograms[meter] = Histogram(
                    metric.name, metric.meaning, registry=self._registry, buckets=metric.buckets
                )


class _Gauges(Collector):
    """Gauges that are shown only while they are known: the library's own begin with 0."""

    def __init__(self) -> None:
        self.values: dict[Meter, dict[tuple[str, ...], float]] = {}

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for meter, known in self.values.items():
            metric = meter.value
            family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels.names)
            for labels, value in known.items():
                family.add_metric(labels, value)
            yield family


def _tuple(label: LabelValues) -> tuple[str, ...]:
    """Plain texts: a member of an enumeration is one, and hashes as its text."""
    if isinstance(label, tuple):
        return label
    return (label,) if label else ()


def _others(labels: LabelSet) -> tuple[str, ...]:
    """Where a value is counted that the set does not hold: the series of others, for no count is lost or refused."""
    return tuple(OTHER for _ in labels.names)
