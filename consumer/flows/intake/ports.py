"""The port of the input topics."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from consumer.domain.events import Record, TopicPartition


class LostPosition(NamedTuple):
    """A committed offset that is not in the log any more, or not yet."""

    partition: TopicPartition
    committed: int
    log_start: int
    """Where reading went on."""

    @property
    def is_beyond_the_end(self) -> bool:
        """Whether the log ends before the offset: it was restored, cut or made anew, and its offsets say nothing."""
        return self.committed > self.log_start

    def __str__(self) -> str:
        if self.is_beyond_the_end:
            return (
                f"{self.partition}: the log ends before the committed offset {self.committed}, as after a restore; it "
                f"is read again from {self.log_start}, and what is known counts once"
            )
        return (
            f"{self.partition}: records {self.committed} to {self.log_start - 1} were deleted before they were read; "
            "send them again on the replay topics"
        )


class Lag(NamedTuple):
    """How far reading of a partition is behind its end."""

    records: int
    seconds: float | None
    """At most so old is the oldest record that is not read; 0 without one, None if nobody knows."""
    still_seconds: float
    """For how long its position has not moved although there are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTransaction:
    """A transaction of some producer that has not ended: nobody reads what stands behind its beginning."""

    partition: TopicPartition
    begins_at: int
    """Its first offset in the partition."""
    producer_id: int
    since: datetime
    """When it began; where the brokers do not tell that, when it wrote last."""
    transactional_id: str | None = None
    """None where this user may not see it."""

    def __str__(self) -> str:
        named = f"producer {self.producer_id}" + (f" ({self.transactional_id})" if self.transactional_id else "")
        since = self.since.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        return (
            f"{named} holds a transaction open in {self.partition} since {since}: nobody reads beyond {self.begins_at}"
        )


class RecordSource(Protocol):
    """The input topics, read as a member of the consumer group.

    Only `close` may be called while another call is under way. Methods that wait raise Transient while Kafka is away.
    """

    @property
    def is_member(self) -> bool: ...
    @property
    def lost(self) -> list[LostPosition]: ...
    async def poll(self, wait_ms: int) -> list[Record]: ...
    def positions(self) -> dict[TopicPartition, int]: ...
    def lags(self) -> Mapping[TopicPartition, Lag]: ...
    async def session_ends(self) -> dict[TopicPartition, int]:
        """Where the logs end: records of open transactions, which nobody can read yet, included."""

    async def open_transactions(self, partitions: Collection[TopicPartition]) -> Sequence[OpenTransaction]:
        """What is open in these partitions, asked on a connection of its own. Within a few seconds."""

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Returns whether all of these offsets are committed; those of partitions that are not owned now are not."""

    def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def close(self) -> None: ...
