"""What an expression of Prometheus names: metrics, and their labels."""

import re
from collections.abc import Iterable

from consumer.flows.operation.meters import Meter
from consumer.flows.operation.metric import OTHER, LabelSet, MetricKind

_SELECTOR = re.compile(r"(escalation_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"')
_GROUPED = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")


def _series() -> dict[str, Meter]:
    """By each name that a query may use."""
    by_name: dict[str, Meter] = {}
    for meter in Meter:
        endings = ("_bucket", "_sum", "_count") if meter.value.kind is MetricKind.HISTOGRAM else ("",)
        by_name |= {meter.value.name + ending: meter for ending in endings}
    return by_name


SERIES = _series()


def meters_of(expression: str) -> set[Meter]:
    """The metrics that it names. Raises KeyError for one that does not exist."""
    return {SERIES[name] for name, _ in _SELECTOR.findall(expression)}


def faults_of(expression: str) -> list[str]:
    """What is wrong with the names and labels."""
    selectors = _SELECTOR.findall(expression)
    faults = [f"no metric {name}" for name, _ in selectors if name not in SERIES]
    if not selectors or faults:
        return faults or ["no metric"]
    for name, matchers in selectors:
        labels = SERIES[name].value.labels
        for label, _, value in _MATCHER.findall(matchers):
            faults += _faults_of_label(name, labels, label, value.split("|"))
    known = {label for name, _ in selectors for label in SERIES[name].value.labels.names} | {"le"}
    grouped = {word.strip() for words in _GROUPED.findall(expression) for word in words.split(",")}
    return faults + [f"no label {label}" for label in sorted(grouped - known)]


def _faults_of_label(name: str, labels: LabelSet, label: str, values: Iterable[str]) -> list[str]:
    if label == "le":
        return []
    if label not in labels.names:
        return [f"{name} has no label {label}"]
    known = {held[labels.names.index(label)] for held in labels.values} | {OTHER}
    return [f"{name} has no {label} {value}" for value in values if labels.values and value not in known]
