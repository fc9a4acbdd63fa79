"""Replicas that are killed again and again, and come back at once under their names."""

import asyncio
import json
import random
import time

import pytest

from tests.faults.test_stores import sessions
from tests.support import model_server
from tests.support.stage import Stage, Story

BACK_SECONDS = 10.0
"""Promise: a replica with an instance id is ready within that time, though the group waits longer for the dead."""
P95_SECONDS = 30.0


@pytest.mark.long
@pytest.mark.parametrize("seconds", [15.0, 60.0])
@pytest.mark.failure(53)
async def test_with_instance_ids_killed_replicas_are_back_at_once_and_requests_are_answered(
    stage: Stage, seconds: float
) -> None:
    replicas = [
        await stage.running(  # with the defaults of production
            instance_id=name, session_timeout_seconds="10", lease_seconds="20", relay_transaction_seconds="15"
        )
        for name in ("first", "second")
    ]
    chance = random.Random(11)
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        number += 1
        await stage.send(*sessions(5, f"round-{number}"))
        replica = replicas[number % 2]
        await replica.kill()
        await asyncio.sleep(chance.uniform(0.2, 1.0))
        replica.start()
        await asyncio.sleep(chance.uniform(1.0, 3.0))
    for replica in replicas:
        await replica.wait_ready(within_seconds=BACK_SECONDS)
    await stage.settled(within_seconds=60)
    await stage.verdict()
    waits = sorted(await waited(stage))
    assert len(waits) == 5 * number
    assert waits[int(0.95 * len(waits))] < P95_SECONDS


@pytest.mark.failure(53)
async def test_a_replica_that_is_back_takes_back_the_work_that_it_held(stage: Stage) -> None:
    """Nobody waits for the lease to expire, nor for the group to notice the death."""
    stage.model.always(model_server.hang())
    replica = await stage.running(instance_id="first", lease_seconds="120", session_timeout_seconds="60")
    story = Story("held")
    await stage.send(story.opened(), story.request())
    await stage.model.called()
    await replica.kill()
    stage.model.always(None)
    replica.start()
    await replica.wait_ready(within_seconds=40)
    await stage.published(1, within_seconds=20)
    await stage.settled()
    await stage.verdict()


async def waited(stage: Stage) -> list[float]:
    """Seconds from each request to its first outcome, by the clock of the broker."""
    written = await stage.oracle.read()
    asked = {
        json.loads(record.value or b"")["subject"]: record.origin.timestamp_ms
        for record in written.input
        if record.origin.topic == stage.topics.requests
    }
    answered: dict[str, int] = {}
    for record in (*written.ready, *written.failed):
        session = json.loads(record.value or b"")["subject"]
        answered[session] = min(record.origin.timestamp_ms, answered.get(session, record.origin.timestamp_ms))
    return [(answered[session] - at) / 1000 for session, at in asked.items()]
