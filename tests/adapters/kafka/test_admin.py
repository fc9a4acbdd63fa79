"""Topics are made with the partitions that were asked for, and existing ones are not grown."""

from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from consumer.adapters.kafka.admin import PARTITIONS, prepare_topics
from consumer.errors import Halt
from schemas.topics import Topics
from tests.support.waiting import until


async def _partitions(bootstrap_servers: str, topic: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()

    async def known() -> int:  # a broker may hear of a new topic later
        (described,) = await admin.describe_topics([topic])
        return len(described["partitions"])

    try:
        return await until(known)
    finally:
        await admin.close()


async def test_partitions_are_a_setting_and_an_existing_topic_is_never_grown(
    bootstrap_servers: str, topic_prefix: str
) -> None:
    topics, marker = Topics(topic_prefix), topic_prefix + "marker"
    given: dict[str, Any] = {"bootstrap_servers": bootstrap_servers}
    assert await prepare_topics(given, topics, marker, partitions=3)
    assert await _partitions(bootstrap_servers, topics.sessions) == 3
    assert await prepare_topics(given, topics, marker) == [], "whoever names no number takes what there is"
    assert await prepare_topics(given, topics, marker, partitions=3) == []
    with pytest.raises(Halt, match=r"has 3 partitions, and ESCALATION_TOPIC_PARTITIONS is 12.*keys move"):
        await prepare_topics(given, topics, marker, partitions=12)
    assert await _partitions(bootstrap_servers, topics.sessions) == 3


async def test_without_the_setting_there_are_six(bootstrap_servers: str, topic_prefix: str) -> None:
    topics = Topics(topic_prefix)
    await prepare_topics({"bootstrap_servers": bootstrap_servers}, topics, topic_prefix + "marker")
    assert await _partitions(bootstrap_servers, topics.requests) == PARTITIONS == 6
