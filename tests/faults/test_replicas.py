"""Replicas start, freeze, die and stop while there is work."""

import asyncio

import pytest

from tests.support.model_server import Menu
from tests.support.stage import Event, Stage, Story

SESSIONS = 150


def waves() -> list[list[Event]]:
    """Events of all sessions, to be sent one wave after the other."""
    stories = [Story(f"s-{number}") for number in range(SESSIONS)]
    return [
        [story.opened(f"Case of {story.session_id}") for story in stories],
        [story.fact() for story in stories],
        [story.request(state_version=3) for story in stories],
        [
            event
            for story in stories
            for event in (story.fix(), story.outcome("applied_failed", failure_reason="no change"))
        ],
    ]


@pytest.mark.failure(7)
async def test_two_replicas_with_rebalances_do_everything_once(stage: Stage) -> None:
    stage.model.always(Menu(stage.model).slow(0.05))
    first = await stage.running()
    second = await stage.running()
    for number, wave in enumerate(waves()):
        await stage.send(*wave)
        if number == 0:
            await second.kill()
        if number == 1:
            second.start()
            await second.wait_ready()
        if number == 2:
            ended = await first.terminate()
            assert ended.code == 0
            first.start()
    await stage.settled()
    await stage.verdict()
    calls, drafts = stage.model.calls, await stage.drafts()
    assert calls <= drafts + 8, f"{calls} calls for {drafts} drafts: one kill was midway"


@pytest.mark.long
@pytest.mark.failure(4)
async def test_a_replica_frozen_longer_than_its_leases_does_no_harm_when_it_wakes(stage: Stage) -> None:
    stage.model.always(Menu(stage.model).slow(0.1))
    first = await stage.running()
    await stage.running()
    for wave in waves():
        await stage.send(*wave)
    await asyncio.sleep(0.5)
    first.pause()
    await asyncio.sleep(6)  # three times the lease and the group's session
    first.resume()
    await stage.settled()
    await stage.verdict()
