"""The port of the input topics."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from consumer.domain.events import Record, TopicPartition


class LostPosition(NamedTuple):
    """A committed offset whose records were deleted before they were read."""

    partition: TopicPartition
    committed: int
    log_start: int
    """Where reading went on."""


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
    async def session_ends(self) -> dict[TopicPartition, int]: ...
    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None: ...
    def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def close(self) -> None: ...
