"""The order in which partitions are read."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from aiokafka import TopicPartition

from schemas.topics import Topics


@dataclass(frozen=True, slots=True)
class Order:
    """Groups of partitions, each read only while those before it hold nothing. No group is empty."""

    live: Sequence[Collection[TopicPartition]]
    """Requests are few and urgent: they come before any backlog of session events."""
    replayed: Sequence[Collection[TopicPartition]]
    """Replayed requests have no deadline: they come after their sessions, and seldom ask for the topics' ends."""

    @classmethod
    def of(cls, partitions: Iterable[TopicPartition], topics: Topics) -> Self:
        groups: dict[tuple[bool, bool], list[TopicPartition]] = {}
        for each in partitions:
            groups.setdefault((topics.is_replay(each.topic), topics.carries_sessions(each.topic)), []).append(each)
        live = [groups.get((False, carries_sessions)) for carries_sessions in (False, True)]
        replayed = [groups.get((True, carries_sessions)) for carries_sessions in (True, False)]
        return cls([group for group in live if group], [group for group in replayed if group])
