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
    """Requests and policies are few and urgent: they come before any backlog of session events. Feedback waits."""
    replayed: Sequence[Collection[TopicPartition]]
    """Replayed requests have no deadline: they come after their sessions, and seldom ask for the topics' ends."""

    @classmethod
    def of(cls, partitions: Iterable[TopicPartition], topics: Topics) -> Self:
        by_topic: dict[str, list[TopicPartition]] = {}
        for each in partitions:
            by_topic.setdefault(each.topic, []).append(each)
        sessions, requests = topics.replay

        def groups(*wanted: tuple[str, ...]) -> list[list[TopicPartition]]:
            partitions_of = ([each for topic in group for each in by_topic.get(topic, ())] for group in wanted)
            return [group for group in partitions_of if group]

        return cls(
            live=groups((topics.policies, topics.requests), (topics.sessions,), (topics.feedback,)),
            replayed=groups((sessions,), (requests,)),
        )
