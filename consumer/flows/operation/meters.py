"""Every metric of the service, with its name and meaning, in one closed set.

The values of labels come from closed sets, too: no tenant, no session, no text of a record.

Flows call `Meters`; an adapter shows the figures at `/metrics`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Protocol


class MetricKind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: at most one label, whose values are a closed set."""

    kind: MetricKind
    name: str
    meaning: str
    label: str | None = None


def _counter(name: str, meaning: str, label: str | None = None) -> Metric:
    return Metric(kind=MetricKind.COUNTER, name=name, meaning=meaning, label=label)


def _gauge(name: str, meaning: str, label: str | None = None) -> Metric:
    return Metric(kind=MetricKind.GAUGE, name=name, meaning=meaning, label=label)


def _seconds(name: str, meaning: str, label: str | None = None) -> Metric:
    return Metric(kind=MetricKind.HISTOGRAM, name=name, meaning=meaning, label=label)


class Meter(Enum):
    """Every metric of the service."""

    RECORDS = _counter("escalation_records", "Records that intake has read, by what was done with them.", "outcome")
    LAG_RECORDS = _gauge("escalation_lag_records", "Records that wait in a partition of this replica.", "partition")
    LAG_SECONDS = _gauge(
        "escalation_lag_seconds", "Age of the last record read from a partition, where there are more.", "partition"
    )
    DEAD_LETTERS = _counter("escalation_dead_letters", "Records refused, by reason.", "reason")
    BATCHES = _counter("escalation_intake_batches", "Intake transactions, by result.", "result")
    PACKAGES = _counter("escalation_packages", "Outcomes decided, by status.", "status")
    MODEL_CALLS = _counter("escalation_model_calls", "Calls to the model, by result.", "result")
    MODEL_TOKENS = _counter("escalation_model_tokens", "Tokens that the model counted, by kind.", "kind")
    MODEL_SECONDS = _seconds("escalation_model_seconds", "How long a call to the model took.")
    VIOLATIONS = _counter("escalation_draft_violations", "Rules that answers of the model broke.", "rule")
    CHECKS = _counter("escalation_checks", "Checks of answers by the second reader, by result.", "result")
    CHECK_SECONDS = _seconds("escalation_check_seconds", "How long a check by the second reader took.")
    DRAFTS_REUSED = _counter("escalation_drafts_reused", "Drafts taken from the cache or the ledger.", "origin")
    OUTCOME_SECONDS = _seconds(
        "escalation_outcome_seconds", "Time from storing a request to deciding its first outcome."
    )
    PUBLISHED = _counter("escalation_published", "Events published in committed transactions.")
    RELAY_LEADING = _gauge("escalation_relay_leading", "1 while this process publishes, else 0.")
    RELAY_FAILURES = _counter("escalation_relay_failures", "Relay terms that ended in an error, by kind.", "kind")
    RESTARTS = _counter("escalation_loop_restarts", "Loops that were started again after an unexpected end.", "loop")
    CATCH_UPS = _counter("escalation_store_catch_ups", "Times that the store was found behind the committed offsets.")
    OUTBOX_ROWS = _gauge("escalation_outbox_rows", "Events that wait to be published.")
    OUTBOX_AGE = _gauge("escalation_outbox_oldest_seconds", "Age of the oldest event that waits to be published.")
    OUTBOX_PARKED = _gauge("escalation_outbox_parked", "Events that wait because their topic refuses them.")
    OPEN_REQUESTS = _gauge("escalation_open_requests", "Requests without an outcome.")
    OVERDUE = _gauge("escalation_overdue_requests", "Requests without an outcome well after their deadline.")
    DUE_WORK = _gauge("escalation_due_work", "Requests with work that is due now.")
    OLDEST_PENDING = _gauge("escalation_oldest_pending_seconds", "Age of the oldest request without an outcome.")
    BUDGETS_NEARLY_SPENT = _gauge("escalation_budgets_nearly_spent", "Budgets of which 80 % is spent this month.")
    BUDGETS_SPENT = _gauge("escalation_budgets_spent", "Budgets that are used up this month: rules draft.")
    UNPOSTED = _gauge(
        "escalation_unposted_packages", "Packages with a ticket that nobody has told to be posted after 30 minutes."
    )
    EVICTIONS = _gauge("escalation_cache_evictions", "Deletions of cached drafts that Redis has not acknowledged.")
    OLDEST_EVICTION = _gauge("escalation_cache_evictions_oldest_seconds", "Age of the oldest of these deletions.")
    STUCK = _gauge("escalation_stuck_seconds", "Time without progress; absent while there is progress.", "what")


class Meters(Protocol):
    """Takes the figures. Never blocks, never raises. `label` is given for exactly those metrics that have one."""

    def count(self, meter: Meter, amount: float = 1, *, label: str = "") -> None: ...
    def set(self, meter: Meter, value: float, *, label: str = "") -> None: ...
    def replace(self, meter: Meter, values: Mapping[str, float]) -> None:
        """Sets the values by label; other labels of the metric are gone."""

    def observe(self, meter: Meter, value: float) -> None: ...


class NoMeters:
    """Meters that keep nothing."""

    def count(self, meter: Meter, amount: float = 1, *, label: str = "") -> None: ...
    def set(self, meter: Meter, value: float, *, label: str = "") -> None: ...
    def replace(self, meter: Meter, values: Mapping[str, float]) -> None: ...
    def observe(self, meter: Meter, value: float) -> None: ...
