"""Making the topics: `prepare`'s half that concerns Kafka."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from consumer.errors import Halt, Transient
from schemas.topics import Topics

PARTITIONS = 6  # of the topics keyed by session: divides among 1, 2, 3 or 6 replicas
_TIMEOUT_SECONDS = 30.0
_BROKERS_DEFAULT = -1  # as the contract says: the broker's own replication factor

_RETRIED = frozenset({5, 7, 15, 41})  # leader, time-out, coordinator, controller: not there yet, or just moved


async def prepare_topics(
    connection: Mapping[str, Any], topics: Topics, marker_topic: str, *, partitions: int = PARTITIONS
) -> list[str]:
    """Makes the topics that are missing and leaves the others as they are; returns the names of those made.

    Safe by several at once. Raises Transient when Kafka is away, Halt when it refuses.
    """
    wanted = [_topic(name, partitions) for name in topics.all]
    wanted.append(_topic(marker_topic, 1))
    admin = AIOKafkaAdminClient(**connection)
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await admin.start()
            missing = [topic for topic in wanted if topic.name not in set(await admin.list_topics())]
            return await _create(admin, missing)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Transient(f"Kafka: {type(error).__name__}; are the brokers up, and is the address right?") from error
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, missing: list[NewTopic]) -> list[str]:
    if not missing:
        return []
    answer = await admin.create_topics(missing)
    made = []
    for name, code, *_ in answer.topic_errors:
        if code == 0:
            made.append(name)
        elif code in _RETRIED:
            raise Transient(f"Kafka could not make topic {name} now: {for_code(code).__name__}")
        elif code != TopicAlreadyExistsError.errno:
            raise Halt(f"Kafka refuses to make topic {name}: {for_code(code).__name__}; make it yourself, or allow it.")
    return made


def _topic(name: str, partitions: int) -> NewTopic:
    topic = NewTopic(name, partitions, 1, topic_configs={"cleanup.policy": "delete"})
    topic.replication_factor = _BROKERS_DEFAULT  # set afterwards: the constructor does not know this value
    return topic
