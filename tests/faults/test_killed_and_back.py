"""Replicas that are killed again and again, and come back at once under their names."""

import asyncio
import random

import pytest

from tests.faults.test_stores import sessions
from tests.support.stage import Stage

ROUNDS = 6
BACK_SECONDS = 10.0
"""Promise: a replica with an instance id is ready within that time, though the group waits 30 s for the dead."""


@pytest.mark.failure(53)
async def test_with_instance_ids_a_killed_replica_is_back_at_once(stage: Stage) -> None:
    names = ("first", "second")
    replicas = [await stage.running(instance_id=name, session_timeout_seconds="30") for name in names]
    chance = random.Random(11)
    for number in range(ROUNDS):
        await stage.send(*sessions(5, f"round-{number}"))
        for replica in replicas:
            await replica.kill()
            await asyncio.sleep(chance.uniform(0.5, 1.5))
            replica.start()
        await asyncio.sleep(chance.uniform(1, 3))
    for replica in replicas:
        await replica.wait_ready(within_seconds=BACK_SECONDS)
    await stage.settled(within_seconds=40)
    await stage.verdict()
