"""Servers go away during work and come back: in the end everything is done once."""

import asyncio

import pytest

from tests.support import servers as support
from tests.support.service import ServiceProcess
from tests.support.stage import Event, Stage, Story
from tests.support.waiting import until

pytestmark = pytest.mark.kills_servers
NOT_READY = 503
NAMED_SECONDS = 30
"""Promise: what is stuck is named within that time."""


def sessions(count: int, name: str) -> list[Event]:
    stories = [Story(f"{name}-{number}") for number in range(count)]
    return [
        event
        for story in stories
        for event in (story.opened(f"Case of {story.session_id}"), story.fact(), story.fix(), story.request())
    ]


async def answers(service: ServiceProcess, status: int) -> None:
    """/readyz has this status in time; each answer comes at once."""

    async def it_does() -> bool:
        return (await service.prompt_readiness()).status == status

    await until(it_does, within_seconds=NAMED_SECONDS)


async def named(service: ServiceProcess, what: str) -> None:
    """/readyz names it in time, and is 503 with it; each answer comes at once."""

    async def it_is() -> bool:
        readiness = await service.prompt_readiness()
        return what in readiness.stuck and readiness.status == NOT_READY

    await until(it_is, within_seconds=NAMED_SECONDS)


async def known(service: ServiceProcess) -> bool:
    """Whether /metrics shows what waits in the tables."""
    _, figures = await service.get("/metrics") or (0, "")
    assert "escalation_build_info{" in figures
    return "\nescalation_oldest_waiting_seconds{" in figures


@pytest.mark.failure(26)
@pytest.mark.promise(10)
async def test_postgresql_killed_under_load_is_named_and_costs_nothing(
    stage: Stage, servers: support.TestServers
) -> None:
    service = await stage.running()
    await stage.send(*sessions(40, "before"))
    await stage.model.called(4)
    await servers.postgres.kill()
    await named(service, "database")
    assert not await known(service), "what the tables hold is not known now"
    await stage.send(*sessions(20, "while-away"))
    await named(service, "store")
    await servers.postgres.start()
    await answers(service, 200)
    await until(lambda: known(service), within_seconds=NAMED_SECONDS)
    await stage.send(*sessions(20, "after"))
    await stage.settled()
    await stage.verdict()
    assert service.running


@pytest.mark.failure(24)
@pytest.mark.promise(9)
async def test_redis_flushed_frozen_and_killed_changes_nothing_but_speed(
    stage: Stage, servers: support.TestServers
) -> None:
    service = await stage.running()
    await stage.send(*sessions(15, "with-redis"))
    await stage.published(15)
    servers.redis.pause()
    await stage.send(*sessions(15, "frozen"))
    await stage.published(30)
    await answers(service, 200)
    servers.redis.resume()
    await servers.redis.kill()
    await stage.send(*sessions(15, "killed"))
    await stage.published(45)
    await answers(service, 200)
    await servers.redis.start()  # empty, as if flushed
    await stage.settled()
    await stage.verdict()
    assert stage.model.calls == await stage.drafts()


@pytest.mark.failure(12)
async def test_kafka_killed_during_work_loses_nothing_and_repeats_nothing(
    stage: Stage, servers: support.TestServers
) -> None:
    service = await stage.running()
    await stage.send(*sessions(40, "before"))
    await stage.model.called(4)
    await servers.kafka.kill()
    await asyncio.sleep(3)
    assert service.running
    await servers.kafka.start()
    await stage.send(*sessions(20, "after"))
    await stage.settled()
    await stage.verdict()
    await answers(service, 200)


@pytest.mark.long
async def test_the_service_starts_without_its_servers_and_ends_without_them(
    stage: Stage, servers: support.TestServers
) -> None:
    await servers.kafka.kill()
    await servers.postgres.kill()
    service = stage.service()
    service.start()
    await until(lambda: _answering(service))
    await answers(service, NOT_READY)
    assert (await service.get("/livez") or (0, ""))[0] == 200
    ended = await service.terminate()
    assert (ended.code, ended.seconds < 25) == (0, True)

    again = stage.service()
    again.start()
    await servers.postgres.start()
    await servers.kafka.start()
    await again.wait_ready()
    await stage.send(*sessions(5, "after"))
    await stage.settled()
    await stage.verdict()


async def _answering(service: ServiceProcess) -> bool:
    assert service.running, service.logged
    return await service.get("/livez") is not None
