"""Every metric of the service, with its name and meaning and what to do when, in one closed set.

Flows call `Meters`; an adapter shows the figures at `/metrics`. docs/metrics.md is made from this table, and the
dashboard and the alerts of deploy/ are held against it.

A counter or histogram is shown from the start for every value of its labels. A gauge is shown while its value is known:
unknown is absent, not zero.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from consumer.flows.operation import metric
from consumer.flows.operation.metric import LabelSet, LabelValues, Metric, MetricKind


def _counter(name: str, meaning: str, act: str, labels: LabelSet = LabelSet()) -> Metric:  # noqa: B008 - frozen
    return Metric(kind=MetricKind.COUNTER, name=f"escalation_{name}", meaning=meaning, act=act, labels=labels)


def _gauge(name: str, meaning: str, act: str, labels: LabelSet = LabelSet()) -> Metric:  # noqa: B008
    return Metric(kind=MetricKind.GAUGE, name=f"escalation_{name}", meaning=meaning, act=act, labels=labels)


def _histogram(name: str, meaning: str, act: str, buckets: tuple[float, ...] = metric.CALL_SECONDS) -> Metric:
    return Metric(kind=MetricKind.HISTOGRAM, name=f"escalation_{name}", meaning=meaning, act=act, buckets=buckets)


class Meter(Enum):
    """Every metric of the service."""

    BUILD_INFO = _gauge(
        "build_info",
        "Always 1; the labels say what runs.",
        "Two versions for long: a rollout is stuck.",
        metric.BUILDS,
    )
    STUCK = _gauge(
        "stuck_seconds",
        "Time without progress of a hop or loop; absent while there is progress.",
        "Above 60: read /readyz, which gives the reason.",
        metric.STATIONS,
    )
    # intake
    RECORDS = _counter(
        "records_total",
        "Records that intake has read, by what was done with them.",
        "No growth while lag grows: see `stuck_seconds`.",
        metric.RECORD_OUTCOMES,
    )
    LAG_RECORDS = _gauge(
        "lag_records",
        "Records of a partition of this replica that are not read yet.",
        "Grows for minutes on all: add replicas, up to the number of partitions. On one: look at its records.",
        metric.PARTITIONS,
    )
    LAG_SECONDS = _gauge(
        "lag_seconds",
        "At most so old is the oldest record that is not read; 0 for a partition that is caught up. Unknown until a "
        "record of it was read, by the time of the last one, or it was seen caught up.",
        "Above 60 for minutes: intake is too slow or stands still.",
        metric.PARTITIONS,
    )
    DEAD_LETTERS = _counter(
        "dead_letters_total",
        "Records refused, by reason.",
        "A sudden rise: one producer sends what the schemas refuse; `dead-letters list` shows excerpts.",
        metric.REASONS,
    )
    DEAD_LETTERS_KEPT = _gauge(
        "dead_letters_kept",
        "Refused records in the table, by reason; counting stops at 10,000 of each.",
        "More than 0: look at them, mend the cause, and send them again or let them go.",
        metric.REASONS,
    )
    BATCHES = _counter(
        "intake_batches_total",
        "Intake transactions, by result.",
        "Failures: PostgreSQL is away or slow.",
        metric.BATCH_RESULTS,
    )
    # requests
    OPEN_REQUESTS = _gauge("open_requests", "Requests without an outcome, up to 100,000.", "Only to compare.")
    OLDEST_PENDING = _gauge(
        "oldest_pending_seconds",
        "Age of the oldest request without an outcome, whatever it waits for.",
        "Above the usual deadline: see `overdue_requests`.",
    )
    DUE_WORK = _gauge("due_work", "Requests with work that is due now, up to 100,000.", "Only to compare.")
    OLDEST_WAITING = _gauge(
        "oldest_waiting_seconds",
        "The longest that due work has waited for a worker: the signal for scaling. What waits for a version or for "
        "the model is not in it.",
        "Live above 15 for minutes: add replicas, or raise ESCALATION_MODEL_CONCURRENCY.",
        metric.LANES,
    )
    OVERDUE = _gauge(
        "overdue_requests",
        "Requests without an outcome 30 s after their deadline and later, up to 1,000.",
        "Above 0: /readyz names the oldest one.",
    )
    MISSED_DEADLINES = _counter(
        "missed_deadlines_total",
        "Requests whose first outcome was written after their deadline, once per request by the replica that wrote it.",
        "Any growth: look at `oldest_waiting_seconds` and `stuck_seconds` at that time.",
    )
    UPGRADES_WAITING = _gauge(
        "upgrades_waiting",
        "Packages by rules that the model is to draft again, up to 100,000.",
        "Not falling while the model answers: see `oldest_waiting_seconds`.",
    )
    OUTCOME_SECONDS = _histogram(
        "outcome_seconds",
        "Time from storing a request to writing its first package.",
        "The 95th percentile near the deadline: add replicas.",
    )
    PACKAGES = _counter(
        "packages_total",
        "Outcomes written, by status; revisions count.",
        "Mostly `fallback`: the model is away, refused by policy or budget, or has no key.",
        metric.STATUSES,
    )
    # model
    MODEL_CALLS = _counter(
        "model_calls_total",
        "Calls to the model for drafts, by result.",
        "`away`: see the provider's status. `locked`: the key is wrong. `busy`: ask for a higher rate.",
        metric.CALL_RESULTS,
    )
    MODEL_SECONDS = _histogram(
        "model_seconds", "How long a call for a draft took.", "Near ESCALATION_MODEL_ATTEMPT_SECONDS: calls are cut."
    )
    MODEL_TOKENS = _counter(
        "model_tokens_total",
        "Tokens that the model counted, by kind; `cache_read_input` were read from the prompt cache.",
        "No cache reads under load: the prefix of the prompt moves.",
        metric.TOKEN_KINDS,
    )
    MODEL_DOLLARS = _counter(
        "model_cost_dollars_total",
        "What answered calls cost by the dated price table; calls without a known price are not in it.",
        "Faster than planned: `tenant spend` says for whom.",
        metric.PAYMENTS,
    )
    MODEL_AVAILABLE = _gauge(
        "model_available",
        "1 while the model may be called, 0 in an outage that all replicas know of.",
        "0: rules draft, upgrades follow; /readyz has the reason.",
    )
    CALL_LIMIT = _gauge(
        "model_call_limit",
        "Calls at once that pacing allows this replica; below 1 the one call rests after its answer.",
        "Well below ESCALATION_MODEL_CONCURRENCY: the provider's rate limit holds; more replicas will not help.",
    )
    CALLS_UNDER_WAY = _gauge("model_calls_under_way", "Calls for drafts under way in this replica.", "Only to compare.")
    CALL_PAUSE = _gauge(
        "model_pause_seconds",
        "For how long pacing still holds back all calls of this replica.",
        "Often above 0: as `model_call_limit`.",
    )
    VIOLATIONS = _counter(
        "draft_violations_total",
        "Rules that answers of the model broke.",
        "A leap: the model or the prompt has changed; read some packages.",
        metric.RULES,
    )
    CHECKS = _counter(
        "checks_total",
        "Checks of answers by the second reader, by result.",
        "Mostly others than `checked`: packages carry the warning `unchecked`.",
        metric.CHECK_ENDS,
    )
    CHECK_SECONDS = _histogram("check_seconds", "How long a check by the second reader took.", "As `model_seconds`.")
    DRAFTS_REUSED = _counter(
        "drafts_reused_total", "Drafts taken from the cache or the ledger.", "Only to compare.", metric.ORIGINS
    )
    BUDGETS_NEARLY_SPENT = _gauge(
        "budgets_nearly_spent",
        "Budgets of which 80 % is spent this month, those used up included.",
        "Above 0: raise them, or let rules draft for the rest of the month.",
    )
    BUDGETS_SPENT = _gauge("budgets_spent", "Budgets that are used up this month: rules draft.", "As above.")
    # publishing
    PUBLISHED = _counter(
        "published_total", "Events published in committed transactions.", "No growth while the outbox grows: see below."
    )
    RELAY_LEADING = _gauge(
        "relay_leading", "1 while this process publishes, else 0.", "The sum over replicas is not 1 for a minute."
    )
    RELAY_FAILURES = _counter(
        "relay_failures_total",
        "Times that publishing was interrupted, by kind.",
        "`behind` or `ahead`: Kafka or PostgreSQL was restored; events are searched and nothing is sent twice.",
        metric.RELAY_FAULTS,
    )
    OUTBOX_ROWS = _gauge("outbox_rows", "Events that wait to be published, up to 100,000.", "Grows: see its age.")
    OUTBOX_AGE = _gauge(
        "outbox_oldest_seconds",
        "Age of the oldest event that waits to be published; 0 without one.",
        "Above 30: Kafka is away, or no replica leads.",
    )
    OUTBOX_PARKED = _gauge(
        "outbox_parked",
        "Events that wait because their topic refuses them.",
        "Above 0: /readyz names topic and reason; mend the topic.",
    )
    UNPOSTED = _gauge(
        "unposted_packages",
        "Packages with a ticket that nobody has told to be posted after 30 minutes; unknown without any feedback.",
        "Above 0: the PSA sync stands still.",
    )
    # stores
    CATCH_UPS = _counter(
        "store_catch_ups_total",
        "Times that the store was found behind the committed offsets.",
        "Any growth that nobody caused: PostgreSQL has lost commits.",
    )
    EVICTIONS = _gauge(
        "cache_evictions",
        "Deletions of cached drafts that Redis has not acknowledged, up to 100,000.",
        "Above 0 for minutes: Redis is away, and may hold what was erased.",
    )
    OLDEST_EVICTION = _gauge("cache_evictions_oldest_seconds", "Age of the oldest of these deletions.", "As above.")
    DATABASE_CONNECTIONS = _gauge(
        "database_connections",
        "Connections of this replica to PostgreSQL, by pool.",
        "`work` busy all the time: PostgreSQL is slow.",
        metric.CONNECTIONS,
    )
    # process
    RESTARTS = _counter(
        "loop_restarts_total",
        "Loops that were started again after an unexpected end.",
        "Any growth: a defect; the log has the error.",
        metric.LOOP_NAMES,
    )
    LOOP_SECONDS = _counter(
        "loop_seconds_total",
        "What the three loops spend their time with, by phase; `read`, `store`, `stand_by` and `rest` are waiting.",
        "`decode` near 1 a second: intake is bound by its CPU; near-all `store`: by PostgreSQL.",
        metric.LOOP_PHASES,
    )
    TASKS = _gauge(
        "tasks",
        "Tasks of the event loop: loops, connections, work under way.",
        "Grows for hours: something leaks. Report it; a restart helps until then.",
    )
    LOOP_DELAY = _histogram(
        "event_loop_delay_seconds",
        "How much later than asked the event loop woke a task, sampled four times a second.",
        "The 99th percentile above 0.25: the process lacks CPU.",
        metric.DELAY_SECONDS,
    )


class Meters(Protocol):
    """Takes the figures. Never blocks, never raises. `label` is given for exactly those metrics that have labels."""

    def count(self, meter: Meter, amount: float = 1, *, label: LabelValues = "") -> None: ...
    def set(self, meter: Meter, value: float, *, label: LabelValues = "") -> None: ...
    def replace(self, meter: Meter, values: Mapping[LabelValues, float]) -> None:
        """Sets a gauge's values by label; all others of the metric are gone. Without values it is unknown."""

    def observe(self, meter: Meter, value: float) -> None: ...


class NoMeters:
    """Meters that keep nothing."""

    def count(self, meter: Meter, amount: float = 1, *, label: LabelValues = "") -> None: ...
    def set(self, meter: Meter, value: float, *, label: LabelValues = "") -> None: ...
    def replace(self, meter: Meter, values: Mapping[LabelValues, float]) -> None: ...
    def observe(self, meter: Meter, value: float) -> None: ...
