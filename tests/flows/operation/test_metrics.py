"""The table of metrics: names by Prometheus' conventions, labels from closed sets, a page that is current."""

import importlib
import inspect
import re
from enum import EnumMeta

import pytest

from consumer import service
from consumer.adapters.postgres.intake import events, inbox, reception
from consumer.flows.drafting.calls.accounting import Purpose
from consumer.flows.drafting.calls.calling import FAULTS
from consumer.flows.drafting.calls.second_reader import CheckEnd
from consumer.flows.drafting.model import Ending
from consumer.flows.operation import metric
from consumer.flows.operation.meters import Meter
from consumer.flows.operation.metric import MetricKind
from consumer.flows.relay.agreement import Agreement
from tests.support import metric_docs

UNITS = ("seconds", "bytes", "dollars", "ratio")


def values_of(labels: metric.LabelSet, place: int = 0) -> set[str]:
    return {values[place] for values in labels.values}


@pytest.mark.parametrize("meter", Meter)
def test_names_are_by_convention_and_everything_is_explained(meter: Meter) -> None:
    held = meter.value
    assert re.fullmatch(r"escalation(_[a-z]+)+", held.name)
    assert (held.kind is MetricKind.COUNTER) == held.name.endswith("_total")
    assert not re.search(r"_(count|sum|bucket|created|milliseconds|ms|minutes)$", held.name)
    assert bool(held.buckets) == (held.kind is MetricKind.HISTOGRAM)
    assert (held.kind is MetricKind.HISTOGRAM) <= (held.unit == "seconds")
    assert held.meaning.endswith(".")
    assert held.act.endswith(".")


def test_every_name_stands_once() -> None:
    names = [meter.value.name.removesuffix("_total") for meter in Meter]
    assert len(set(names)) == len(names) == len(Meter.__members__)


@pytest.mark.parametrize("meter", [meter for meter in Meter if meter.value.labels.names])
def test_labels_are_closed_sets_of_words(meter: Meter) -> None:
    labels = meter.value.labels
    assert bool(labels.values) != bool(labels.meaning), "a set that only the running service knows says what bounds it"
    assert not {"tenant", "session", "request", "ticket"} & set(labels.names)
    assert len(set(labels.values)) == len(labels.values)
    for values in labels.values:
        assert len(values) == len(labels.names)
        assert all(re.fullmatch(r"[a-z0-9_:-]+", value) for value in values)


@pytest.mark.parametrize(
    ("labels", "origin"),
    [
        (metric.CALL_RESULTS, {*Ending, *FAULTS.values(), "cancelled"}),
        (metric.CHECK_ENDS, {*CheckEnd}),
        (metric.RELAY_FAULTS, ({*Agreement} - {Agreement.AGREED}) | {"broker", "database", "refused"}),
    ],
)
def test_words_of_flows_are_those_of_the_flows(labels: metric.LabelSet, origin: set[str]) -> None:
    assert values_of(labels) == set(origin)


def test_what_calls_are_for_is_the_purposes() -> None:
    assert isinstance(Purpose, EnumMeta)
    assert values_of(metric.PAYMENTS, 1) == set(Purpose)


def test_the_page_is_current() -> None:
    assert metric_docs.DOC.read_text(encoding="utf-8") == metric_docs.page(), "python -m tests.support.metric_docs"


def test_loops_are_those_that_the_service_starts() -> None:
    started = re.findall(r"_guard\.start\(\"?(\w+)", inspect.getsource(service))
    assert set(started) == set(metric.LOOPS)
    assert set(metric.PHASES) <= set(started)


@pytest.mark.parametrize("loop", metric.PHASES)
def test_phases_are_those_that_the_loops_enter(loop: str) -> None:
    source = inspect.getsource(importlib.import_module(f"consumer.flows.{loop}.loop"))
    assert set(re.findall(r"_phases\.enter\(\"(\w+)\"\)", source)) == set(metric.PHASES[loop])


def test_pools_are_those_that_the_service_watches() -> None:
    watched = re.findall(r'"(\w+)": \w+_pool\b', inspect.getsource(service))
    assert watched == list(metric.POOLS)


def test_outcomes_of_records_are_those_that_intake_counts() -> None:
    sources = [inspect.getsource(module) for module in (inbox, events, reception)]
    counted = {word for source in sources for word in re.findall(r'outcomes\["(\w+)"\]', source)}
    (given,) = re.findall(r"outcomes=Counter\((.*?)\n        \)", sources[2], flags=re.DOTALL)
    counted |= set(re.findall(r"^ +(\w+)=", given, flags=re.MULTILINE))
    assert counted == values_of(metric.RECORD_OUTCOMES)
