"""What /metrics shows."""

import shutil
import subprocess

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from consumer.adapters.prometheus import PrometheusMeters
from consumer.flows.operation.health import Stuck
from consumer.flows.operation.meters import Meter
from consumer.flows.operation.metric import OTHER, MetricKind


def shown(meters: PrometheusMeters) -> dict[str, Metric]:
    text = meters.exposition(()).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def series(meters: PrometheusMeters, meter: Meter) -> dict[tuple[str, ...], float]:
    """The values by labels."""
    held = meter.value
    family = shown(meters)[held.name.removesuffix("_total")]
    return {
        tuple(sample.labels[name] for name in held.labels.names): sample.value
        for sample in family.samples
        if sample.name == held.name
    }


@pytest.mark.parametrize("meter", [meter for meter in Meter if meter.value.kind is MetricKind.COUNTER])
def test_a_counter_begins_with_0_for_every_value_of_its_labels(meter: Meter) -> None:
    values = series(PrometheusMeters(), meter)
    assert set(meter.value.labels.values) <= set(values)
    assert set(values.values()) == {0}


@pytest.mark.parametrize("meter", [meter for meter in Meter if meter.value.kind is MetricKind.GAUGE])
def test_a_gauge_is_absent_until_it_is_known_and_when_it_is_not_any_more(meter: Meter) -> None:
    meters = PrometheusMeters()
    label = meter.value.labels.values[0] if meter.value.labels.values else tuple("x" for _ in meter.value.labels.names)
    assert series(meters, meter) == {}
    if meter is not Meter.STUCK:  # that one is asked for at each look
        meters.set(meter, 0, label=label)
        assert series(meters, meter) == {label: 0}
        meters.replace(meter, {})
        assert series(meters, meter) == {}


def test_nothing_is_shown_twice_and_no_time_of_creation() -> None:
    text = PrometheusMeters().exposition(()).decode()
    assert "_created" not in text
    names = [line for line in text.splitlines() if not line.startswith("#")]
    assert len({name.rpartition(" ")[0] for name in names}) == len(names)


def test_a_value_outside_the_set_is_counted_with_the_others() -> None:
    meters = PrometheusMeters()
    meters.count(Meter.MODEL_DOLLARS, 0.5, label=("somebody-elses-model", "draft"))
    meters.count(Meter.RECORDS, 2, label="a tenant's own text")
    assert sum(series(meters, Meter.MODEL_DOLLARS).values()) == 0.5
    assert series(meters, Meter.RECORDS)[OTHER,] == 2
    assert "own text" not in meters.exposition(()).decode()


def test_what_is_stuck_is_asked_at_each_look() -> None:
    meters = PrometheusMeters()
    stuck = Stuck(what="database", reason="away", seconds=4, blocking=True)
    assert b'escalation_stuck_seconds{what="database"} 4.0' in meters.exposition([stuck])
    assert b"escalation_stuck_seconds{" not in meters.exposition(())


def test_promtool_finds_nothing_to_say() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: it comes with Prometheus (Debian: apt-get install prometheus)")
    meters = PrometheusMeters()
    for meter in Meter:
        if meter.value.kind is MetricKind.GAUGE:
            meters.set(meter, 1, label=tuple("x" for _ in meter.value.labels.names))
    text = meters.exposition([Stuck(what="database", reason="away", seconds=4, blocking=True)])
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (0, "", "")
