"""The topics, for those who write into them or ask about them."""

from collections.abc import Collection, Sequence

from consumer.adapters.kafka import admin
from consumer.adapters.kafka.client import connection
from consumer.adapters.kafka.consuming.transactions import open_transactions
from consumer.adapters.kafka.writing import TopicWriter
from consumer.domain.events import TopicPartition
from consumer.flows.intake.ports import OpenTransaction
from consumer.settings import Settings


def topic_writer(settings: Settings) -> TopicWriter:
    """A writer of records, made in a running event loop. Entering it raises aiokafka's errors while Kafka is away."""
    return TopicWriter(**connection(settings))


async def existing_topics(settings: Settings) -> frozenset[str]:
    """The names of all topics that this user may see. Raises Transient."""
    return await admin.topic_names(connection(settings))


async def transactions_in(settings: Settings, partitions: Collection[TopicPartition]) -> Sequence[OpenTransaction]:
    """Which are open in these partitions. Within 3 s. Raises Transient."""
    return await open_transactions(connection(settings), sorted(partitions))
