"""Moving the committed offsets of an empty group, on a real broker."""

from datetime import UTC, datetime
from typing import Any

import pytest
import typer
from aiokafka import AIOKafkaConsumer

from consumer.adapters.kafka import offsets
from consumer.adapters.kafka.writing import TopicWriter
from consumer.cli.service.rewind import parse_target
from consumer.errors import Permanent
from tests.support.topics import make_topics

RECORDS = 4


@pytest.fixture
async def topic(bootstrap_servers: str, topic_prefix: str) -> str:
    """A topic: one partition, a few records."""
    name = f"{topic_prefix}in"
    await make_topics(bootstrap_servers, **{name: 1})
    async with TopicWriter(bootstrap_servers=bootstrap_servers) as writer:
        for _ in range(RECORDS):
            await writer.write(name, "s", b"{}")
        await writer.flush()
    return name


async def test_an_empty_group_is_moved_anywhere_within_the_log(bootstrap_servers: str, topic: str) -> None:
    kafka: dict[str, Any] = {"bootstrap_servers": bootstrap_servers}

    async def moved(target: offsets.Target) -> tuple[int | None, int, int, int]:
        (move,) = await offsets.plan_moves(kafka, f"{topic}-group", [topic], target)
        await offsets.move_group(kafka, f"{topic}-group", [move])
        return move.committed, move.to, move.again, move.skipped

    assert await offsets.members(kafka, f"{topic}-group") == 0
    assert await moved("latest") == (None, 4, 0, 4)
    assert await moved(1) == (4, 1, 3, 0)
    assert await moved(99) == (1, 4, 0, 3)
    assert await moved("earliest") == (4, 0, 4, 0)
    assert await moved(datetime(2999, 1, 1, tzinfo=UTC)) == (0, 4, 0, 4)
    assert await moved(datetime(2000, 1, 1, tzinfo=UTC)) == (4, 0, 4, 0)


async def test_a_group_with_a_member_is_left_alone(bootstrap_servers: str, topic: str) -> None:
    kafka: dict[str, Any] = {"bootstrap_servers": bootstrap_servers}
    consumer = AIOKafkaConsumer(topic, group_id=f"{topic}-group", auto_offset_reset="earliest", **kafka)
    await consumer.start()
    try:
        await consumer.getone()
        assert await offsets.members(kafka, f"{topic}-group") == 1
        moves = await offsets.plan_moves(kafka, f"{topic}-group", [topic], "latest")
        with pytest.raises(offsets.GroupInUse):
            await offsets.move_group(kafka, f"{topic}-group", moves)
        assert not await consumer.committed(next(iter(consumer.assignment())))
    finally:
        await consumer.stop()


async def test_a_topic_that_is_missing_is_named(bootstrap_servers: str, topic: str) -> None:
    with pytest.raises(Permanent, match=f"{topic}-other"):
        await offsets.plan_moves({"bootstrap_servers": bootstrap_servers}, "group", [f"{topic}-other"], "latest")


def test_where_to_is_read_as_people_write_it() -> None:
    assert [parse_target(text) for text in ("earliest", "latest", "17")] == ["earliest", "latest", 17]
    nine = datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert [
        parse_target(text) for text in ("2026-03-02T09:00:00Z", "2026-03-02T10:00:00+01:00", "2026-03-02 09:00")
    ] == [nine] * 3
    with pytest.raises(typer.BadParameter, match="soon"):
        parse_target("soon")
