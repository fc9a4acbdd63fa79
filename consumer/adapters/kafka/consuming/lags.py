"""How far reading is behind the ends of the partitions, in records and in time."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition as KafkaPartition

from consumer.domain.events import TopicPartition
from consumer.flows.intake.ports import Lag


class LagWatch:
    """Remembers when each partition's position moved, when it was caught up, and the time of its last record."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._wall = wall
        self._moved: dict[TopicPartition, tuple[int, float]] = {}
        self._last_ms: dict[TopicPartition, int] = {}
        self._caught_up_at: dict[TopicPartition, float] = {}

    def note(self, batches: Mapping[KafkaPartition, Sequence[Any]]) -> None:
        """The records that were read just now."""
        for partition, records in batches.items():
            self._last_ms[TopicPartition(*partition)] = records[-1].timestamp

    def lags(
        self, positions: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, Lag]:
        """The lags of the partitions whose end is known. Those of other partitions are forgotten."""
        now = self._clock()
        for partition in (self._last_ms.keys() | self._caught_up_at.keys()) - positions.keys():
            self._last_ms.pop(partition, None)
            self._caught_up_at.pop(partition, None)
        self._caught_up_at |= {
            partition: self._wall()
            for partition, position in positions.items()
            if position >= ends.get(partition, position + 1)
        }
        self._moved = {
            partition: known
            if (known := self._moved.get(partition)) and known[0] == position and position < ends.get(partition, 0)
            else (position, now)
            for partition, position in positions.items()
        }
        return {
            partition: Lag(
                records=max(0, ends[partition] - position),
                seconds=self._behind(partition) if position < ends[partition] else 0.0,
                still_seconds=now - self._moved[partition][1],
            )
            for partition, position in positions.items()
            if partition in ends
        }

    def _behind(self, partition: TopicPartition) -> float | None:
        """The oldest record that is not read came after the last one that was, and after all had been read.

        None before the first of these moments: a start with a backlog.
        """
        last_ms, caught_up_at = self._last_ms.get(partition), self._caught_up_at.get(partition)
        moments = [] if last_ms is None else [last_ms / 1000]
        moments += [] if caught_up_at is None else [caught_up_at]
        return max(0.0, self._wall() - max(moments)) if moments else None
