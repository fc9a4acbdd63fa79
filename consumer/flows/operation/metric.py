"""What a metric is, and the closed sets from which its labels come.

The values of labels come from these sets alone: no tenant, no session, no text of a record. Words that belong to flows,
which this package does not know, stand here once more; a test holds them against their origin.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import TypeAlias, get_args

from consumer.domain.cost.prices import PRICES
from consumer.domain.review.violations import Rule
from consumer.flows.operation.health import Hop
from schemas.dead_letters import RefusalReason
from schemas.packages import PackageStatus, Usage

OTHER = "other"
"""Stands for a value that is in none of the sets, such as a model without a known price."""

LabelValues: TypeAlias = str | tuple[str, ...]
"""The value of a metric's one label, or of all its labels in order; empty for a metric without."""


class MetricKind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The labels of a metric and all their values."""

    names: tuple[str, ...] = ()
    values: tuple[tuple[str, ...], ...] = ((),)
    """Empty where the set is known only while the service runs: its partitions, its build."""
    meaning: str = ""
    """What bounds a set that is known only while the service runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric, as it is shown and explained."""

    kind: MetricKind
    name: str
    """As Prometheus shows it: base units, `_total` for counters."""
    meaning: str
    act: str
    """What to do when."""
    labels: LabelSet = LabelSet()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, in its unit."""

    @property
    def unit(self) -> str:
        """By the ending of the name."""
        stem = self.name.removesuffix("_total")
        return next((unit for unit in ("seconds", "dollars", "ratio") if stem.endswith(f"_{unit}")), "number")


def labelled(name: str, values: Iterable[str]) -> LabelSet:
    """One label."""
    return LabelSet((name,), tuple((value,) for value in values))


LOOPS = (
    "watch",
    "standing",
    "relay",
    "intake",
    "drafting",
    "forgetting",
    "retention",
    "budgets",
    "hints",
    "sampler",
    "redrive",
)
PHASES = {
    "intake": ("read", "decode", "store", "rest"),
    "drafting": ("claim", "rest"),
    "relay": ("stand_by", "publish", "rest"),
}
"""What the three loops spend their time with; `read`, `store`, `stand_by` and `rest` are waiting."""
POOLS = ("standing", "work", "relay", "console")

RECORD_OUTCOMES = labelled(
    "outcome",
    (
        *("stored", "repeated", "dropped", "requested", "replayed", "cancelled", "erased"),
        *("refused", "ignored", "policies", "feedback"),
    ),
)
PARTITIONS = LabelSet(("topic", "partition"), (), "the partitions that this replica owns")
BUILDS = LabelSet(("version", "python"), (), "one series")
REASONS = labelled("reason", RefusalReason)
BATCH_RESULTS = labelled("result", ("stored", "failed"))
STATUSES = labelled("status", (*PackageStatus, "failed"))
CALL_RESULTS = labelled(
    "result",
    (
        *("complete", "empty", "cut", "refused", "unexpected"),
        *("away", "busy", "locked", "prompt_refused", "form_refused", "forbidden", "cancelled"),
    ),
)
TOKEN_KINDS = labelled("kind", (field.removesuffix("_tokens") for field in Usage.model_fields))
PAYMENTS = LabelSet(("model", "purpose"), tuple(product((*PRICES, OTHER), ("draft", "check"))))
RULES = labelled("rule", Rule)
CHECK_ENDS = labelled("result", ("checked", "incomplete", "unreadable", "slow", "failed", "no_time"))
ORIGINS = labelled("origin", ("cache", "ledger"))
RELAY_FAULTS = labelled("kind", ("behind", "ahead", "broker", "database", "refused"))
LOOP_NAMES = labelled("loop", LOOPS)
LOOP_PHASES = LabelSet(("loop", "phase"), tuple((loop, phase) for loop, some in PHASES.items() for phase in some))
LANES = labelled("lane", ("live", "replay"))
CONNECTIONS = LabelSet(("pool", "state"), tuple(product(POOLS, ("busy", "idle"))))
STATIONS = labelled("what", (*get_args(Hop), *(f"loop:{loop}" for loop in LOOPS)))

CALL_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 300)
DELAY_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
