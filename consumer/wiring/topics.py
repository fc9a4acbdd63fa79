"""The topics, for those who write into them."""

from consumer.adapters.kafka import admin
from consumer.adapters.kafka.client import connection
from consumer.adapters.kafka.writing import TopicWriter
from consumer.settings import Settings


def topic_writer(settings: Settings) -> TopicWriter:
    """A writer of records, made in a running event loop. Entering it raises aiokafka's errors while Kafka is away."""
    return TopicWriter(**connection(settings))


async def existing_topics(settings: Settings) -> frozenset[str]:
    """The names of all topics that this user may see. Raises Transient."""
    return await admin.topic_names(connection(settings))
