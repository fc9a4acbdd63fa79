"""What a rebuild reads from and writes to."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from consumer.domain.events import Record, Request, SessionKey, TopicPartition
from consumer.domain.package.published import PublishedOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A record with the timestamp that it has on its topic."""

    record: Record
    timestamp_ms: int

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(max(self.timestamp_ms, 0) / 1000, tz=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetRange:
    """Offsets from `start`, inclusive, to `end`, exclusive."""

    start: int
    end: int


class RetainedTopics(Protocol):
    """The topics, read without being a member of a consumer group."""

    async def spans(
        self, topics: Collection[str], *, since: datetime | None = None
    ) -> dict[TopicPartition, OffsetRange]:
        """Returns the offsets that each partition retains; with `since` those of records from then on."""

    async def committed(self, group: str, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Returns the committed offsets of the group; partitions without one are left out."""

    async def has_members(self, group: str) -> bool: ...

    def read(self, spans: Mapping[TopicPartition, OffsetRange]) -> AsyncIterator[Dated]:
        """Yields the records, in order within a partition and by timestamp between partitions."""


class OutcomeStore(Protocol):
    """A store that takes what was published as it is. Every method raises Transient while the database is away."""

    async def positions(self) -> dict[TopicPartition, int]: ...

    async def date_requests(
        self, requests: Sequence[tuple[Request, datetime]], positions: Mapping[TopicPartition, int]
    ) -> None:
        """Stores when these requests were first sent, and the positions after them; only then do they count as read."""

    async def unknown(self, outcomes: Sequence[PublishedOutcome]) -> int:
        """Returns how many requests of these outcomes have not been read."""

    async def put_outcomes(self, outcomes: Sequence[PublishedOutcome], positions: Mapping[TopicPartition, int]) -> None:
        """Stores published outcomes as the outcomes of their requests. Repeating it changes nothing."""


class RebuildStore(OutcomeStore, Protocol):
    """The store that is built."""

    async def begin(self) -> None:
        """Marks the store as being rebuilt. Raises Permanent unless it is empty or an earlier run has begun it."""

    async def finish(self, *, forgotten_before: datetime | None, whole: bool) -> int:
        """Marks requests without an outcome that were sent before that time as answered; returns how many.

        With `whole` a service may work on the store from now on.
        """


class RestoredStore(OutcomeStore, Protocol):
    """A store in use that has lost commits."""

    def alone(self) -> AbstractAsyncContextManager[datetime]:
        """Marks the store as incomplete, until `finish`. Yields since when published events may be missing in it.

        Raises Transient while another process is within.
        """

    async def erase(self, sessions: Collection[SessionKey]) -> None:
        """Erases those of these sessions that are not erased: the record of their erasure is retained no more."""

    async def finish(self, *, forgotten_before: datetime | None) -> int:
        """As a rebuild's. From now on services work on the store again."""


class Trusted(Protocol):
    """Which incarnation of the store may be used; None before the first look."""

    incarnation: str | None


class StandingStore(Protocol):
    """What tells one store from another, and how far it has read. Raises Transient while the database is away."""

    async def incarnation(self) -> str:
        """Returns another text after the database was started anew, restored or replaced."""

    async def is_incomplete(self) -> bool:
        """Whether somebody has begun to catch up and not finished."""

    async def positions(self) -> dict[TopicPartition, int]: ...


@dataclass(slots=True, kw_only=True)
class Rebuilt:
    """The result of a run."""

    events: int = 0
    requests: int = 0
    """`events` and `requests` count the records of the session topics and of the request topics, refused ones too."""
    outcomes: int = 0
    presumed: int = 0
    """Requests that are older than the retained outcomes; they count as answered."""
    lost: dict[TopicPartition, int] = field(default_factory=dict)
    """Records, by partition, that left their topic before the first run or between two runs."""
    serving: bool = False
    """The old service still reads: its group has a member, or committed during the run. Stop it, then run again."""
