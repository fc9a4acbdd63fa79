"""What *Now* shows: what needs attention first. Hops that stand are not here; `operation.health` knows them.

Counts stop at `COUNTED`: more is bad enough, and counting more is slow.
"""

from dataclasses import dataclass
from datetime import datetime

from consumer.domain.events import TopicPartition
from consumer.flows.viewing.requests import RequestView
from schemas.dead_letters import RefusalReason

COUNTED = 10_000
NEAR_SECONDS = 60.0
"""A request whose deadline is so near, or over, is shown."""
NEAR_ROWS = 20
AHEAD_VERSIONS = 10
AHEAD_SECONDS = 15.0
"""A request is shown as ahead of its session that names a version so far above the newest, or waits so long for any: a
request often overtakes the events that were sent just before it."""
DEAD_LETTER_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingView:
    """Requests without an outcome."""

    open_requests: int
    due: int
    """Work that is due: first packages, revisions and upgrades."""
    leased: int
    """Work that a replica holds."""
    with_still_clock: int
    """Requests that wait for a backlog: their deadlines do not run."""
    oldest_seconds: float | None
    """Since the oldest open request was stored; None without one."""
    near_deadline: tuple[RequestView, ...]
    """Open ones whose deadline is within `NEAR_SECONDS` or over, the nearest first; at most `NEAR_ROWS`."""
    ahead: tuple[RequestView, ...] = ()
    """Open ones that wait for a version that their session does not have, the oldest first; at most `NEAR_ROWS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradesView:
    """Fallbacks that a model draft should replace."""

    waiting: int
    oldest_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRecords:
    """Records of the last `DEAD_LETTER_HOURS` that were refused for one reason."""

    reason: RefusalReason
    count: int
    newest_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendView:
    """What calls to models cost, by the dated price table. Days and months are in UTC."""

    today_usd: float
    month_usd: float
    held_usd: float
    """What calls under way may cost."""
    budget_usd: float | None
    """`ESCALATION_MONTHLY_BUDGET_USD`, for all tenants together."""
    tenants_over: tuple[str, ...]
    """Tenants whose own budget of this month is used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxView:
    """Events that wait to be published."""

    waiting: int
    oldest_seconds: float | None
    parked: int
    """Of them: what Kafka refuses."""
    refusal: str | None
    """Why, for one of them."""
    leader: str | None
    """The process that publishes; None when none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOutageView:
    """The model is away: rules draft, and one replica asks now and then."""

    reason: str
    since: datetime
    next_probe_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingView:
    """How far intake has read a partition, as far as the tables know it."""

    partition: TopicPartition
    next_offset: int
    still_seconds: float
    """Since the position moved last. It stands still in a quiet topic, too."""
    awaited_offset: int | None
    """The highest offset that an open request waits for; None when none waits for this partition."""

    @property
    def lag_records(self) -> int | None:
        """Records that must be read until no request waits; None when none does: the topics' ends are not stored."""
        return None if self.awaited_offset is None else max(0, self.awaited_offset - self.next_offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One look at the tables."""

    read_at: datetime
    waiting: WaitingView
    upgrades: UpgradesView
    dead_letters: tuple[RefusedRecords, ...]
    spend: SpendView
    outbox: OutboxView
    outage: ModelOutageView | None
    """None while the model answers, as far as the tables know."""
    reading: tuple[ReadingView, ...]
    packages_last_hour: int
    fallbacks_last_hour: int
