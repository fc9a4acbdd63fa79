"""A topic that was deleted and made anew begins at offset 0 again: its dead letters are others than those of before."""

from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.stage import Stage, Story
from tests.support.waiting import until

BAD = b"{ no JSON"


async def made_anew(stage: Stage, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.bootstrap_servers)
    await admin.start()
    try:
        partitions = len((await admin.describe_topics([topic]))[0]["partitions"])
        await admin.delete_topics([topic])

        async def is_there_again() -> bool:
            answer = await admin.create_topics([NewTopic(topic, partitions, 1)])
            return all(error[1] == 0 for error in answer.topic_errors)

        await until(is_there_again, every_seconds=0.3)
    finally:
        await admin.close()


async def dead_letters(stage: Stage) -> list[dict[str, Any]]:
    return await stage.query('SELECT topic, partition, "offset" FROM dead_letters')


@pytest.mark.long
@pytest.mark.failure(55)
async def test_dead_letters_of_both_are_kept_and_published(stage: Stage) -> None:
    service = await stage.running()
    topic = stage.topics.sessions
    await stage.send_raw((topic, b"s1", BAD, ()))
    await stage.settled()
    assert len(await dead_letters(stage)) == 1
    await service.terminate()
    await made_anew(stage, topic)

    service = await stage.running()
    await stage.send_raw((topic, b"s1", BAD, ()))
    story = Story()
    await stage.send(story.opened(), story.request())
    await stage.published(1)
    await stage.settled()
    first, second = await dead_letters(stage)
    assert first == second, "they have one place, or the test proves nothing"
    ends = [await stage.end_offset(f"{topic}.dlq", partition) for partition in range(len(await partitions(stage)))]
    assert sum(ends) >= 2

    await service.terminate()
    rewound = await stage.command("rewind", "--to", "earliest")
    assert rewound.code == 0, rewound.errors
    await stage.running()
    await stage.settled()
    assert len(await dead_letters(stage)) == 2, "read again, it is the same one"


async def partitions(stage: Stage) -> list[int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.bootstrap_servers)
    await admin.start()
    try:
        described = await admin.describe_topics([f"{stage.topics.sessions}.dlq"])
        return [partition["partition"] for partition in described[0]["partitions"]]
    finally:
        await admin.close()
