"""Committed offsets beyond the log's end, as after a restored broker: nothing is lost, and somebody is told."""

import pytest

from consumer.adapters.kafka import offsets
from consumer.adapters.postgres.core.pool import closing_pool
from consumer.adapters.postgres.operation.positions import put_positions
from consumer.domain.events import TopicPartition
from tests.faults.test_stores import sessions
from tests.support.stage import Stage
from tests.support.waiting import until

BEYOND = 300


async def move_beyond_end(stage: Stage, *, store: bool) -> None:
    """The group's offsets, and with `store` the store's own positions: they are right, and the log is not."""
    connection = {"bootstrap_servers": stage.bootstrap_servers}
    group = f"{stage.topics.prefix}escalation-consumer"
    planned = await offsets.plan_moves(connection, group, (*stage.topics.live, *stage.topics.replay), "latest")
    moves = [
        offsets.Move(
            topic=move.topic, partition=move.partition, committed=None, start=0, end=move.end, to=move.end + BEYOND
        )
        for move in planned
    ]
    await offsets.move_group(connection, group, moves)
    if store:
        async with closing_pool(stage.dsn, name="test", max_size=1) as pool:
            await put_positions(pool, {TopicPartition(move.topic, move.partition): move.to for move in moves})


@pytest.mark.long
@pytest.mark.parametrize("store", [pytest.param(False, marks=pytest.mark.long), True])
@pytest.mark.parametrize("sent_first", [pytest.param(False, marks=pytest.mark.long), True])
@pytest.mark.failure(44)
async def test_requests_behind_an_offset_beyond_the_end_are_answered(
    stage: Stage, *, store: bool, sent_first: bool
) -> None:
    first = await stage.running()
    await stage.send(*sessions(3, "before"))
    await stage.published(3)
    await stage.settled()
    await first.terminate()
    await move_beyond_end(stage, store=store)
    if sent_first:
        await stage.send(*sessions(10, "after"))
    service = await stage.running()
    if not sent_first:
        await stage.send(*sessions(10, "after"))
    await stage.published(13)

    async def is_named() -> bool:
        return "position" in (await service.prompt_readiness()).stuck

    await until(is_named, within_seconds=30)
    await stage.settled()
    await stage.verdict()
    assert len(await stage.published(13)) == 13
    assert service.logged.count("offset_lost") >= 1
