"""Creates the Kafka topics for the `prepare` command, and says which ones there are."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from consumer.adapters.kafka.client import brokers_reachable
from consumer.errors import Halt, Transient
from schemas.topics import Topics, cleanup_of

PARTITIONS = 6  # of each topic keyed by session: 6 divides evenly among 1, 2, 3 or 6 replicas
_TIMEOUT_SECONDS = 30.0
_BROKERS_DEFAULT = -1  # contract part 9: the broker's default replication factor

_RETRIED = frozenset({5, 7, 15, 41})  # leader, time-out, coordinator, controller: not there yet, or just moved
"""Error codes after which Kafka can create the topic later."""


async def prepare_topics(
    connection: Mapping[str, Any], topics: Topics, marker_topic: str, *, partitions: int | None = None
) -> list[str]:
    """Creates the missing topics and leaves existing ones unchanged; returns the names of the created topics.

    Several processes may run it at once. Raises Transient while Kafka is unreachable or cannot create a topic yet, Halt
    when Kafka refuses a topic, and when `partitions` is given and an existing topic has another number of them.
    """
    wanted = [_topic(name, partitions or PARTITIONS) for name in topics.all]
    wanted.append(_topic(marker_topic, 1))
    admin = AIOKafkaAdminClient(**connection)
    try:
        async with brokers_reachable(), asyncio.timeout(_TIMEOUT_SECONDS):
            await admin.start()
            known = set(await admin.list_topics())
            missing = [topic for topic in wanted if topic.name not in known]
            if partitions is not None:
                await _insist_on(admin, [name for name in topics.all if name in known], partitions)
            return await _create(admin, missing)
    finally:
        await admin.close()


async def topic_names(connection: Mapping[str, Any]) -> frozenset[str]:
    """All topics that this user may see. Raises Transient while Kafka is unreachable."""
    admin = AIOKafkaAdminClient(**connection)
    try:
        async with brokers_reachable(), asyncio.timeout(_TIMEOUT_SECONDS):
            await admin.start()
            return frozenset(await admin.list_topics())
    finally:
        await admin.close()


async def _insist_on(admin: AIOKafkaAdminClient, names: list[str], partitions: int) -> None:
    for topic in await admin.describe_topics(names) if names else ():
        has = len(topic["partitions"])
        if topic["error_code"] == 0 and has != partitions:
            raise Halt(
                f"Topic {topic['topic']} has {has} partitions, and ESCALATION_TOPIC_PARTITIONS is {partitions}. It "
                "stays as it is: with another number keys move to other partitions, and events of one session are read "
                f"out of order. Set {has}, or take new topics by ESCALATION_TOPIC_PREFIX and send the events again."
            )


async def _create(admin: AIOKafkaAdminClient, missing: list[NewTopic]) -> list[str]:
    if not missing:
        return []
    answer = await admin.create_topics(missing)
    created = []
    for name, code, *_ in answer.topic_errors:
        if code == 0:
            created.append(name)
        elif code in _RETRIED:
            raise Transient(f"Kafka could not make topic {name} now: {for_code(code).__name__}")
        elif code != TopicAlreadyExistsError.errno:
            raise Halt(f"Kafka refuses to make topic {name}: {for_code(code).__name__}; make it yourself, or allow it.")
    return created


def _topic(name: str, partitions: int) -> NewTopic:
    topic = NewTopic(name, partitions, 1, topic_configs={"cleanup.policy": cleanup_of(name)})
    topic.replication_factor = _BROKERS_DEFAULT  # set afterwards: the constructor does not accept this value
    return topic
