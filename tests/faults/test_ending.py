"""The process survives lost servers, names them at once, and ends in time whatever hangs."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support import model_server
from tests.support import servers as support
from tests.support.service import Readiness, ServiceProcess, command
from tests.support.stage import Stage, Story
from tests.support.waiting import until

NOWHERE = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "DATABASE_URL": "postgresql://127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ESCALATION_HTTP_PORT": "0",
}
SWIFT_SECONDS = 12.0
"""A swift end waits for nothing; what hangs is cut off after 24 s, work after 18 s."""
NAMED_SECONDS = 30.0
"""Promise: what makes no progress is named by then."""


@pytest.fixture
def here(servers: support.TestServers, database: str, topic_prefix: str) -> Mapping[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": servers.kafka.bootstrap_servers,
        "DATABASE_URL": database,
        "REDIS_URL": servers.redis.url,
        "ESCALATION_TOPIC_PREFIX": topic_prefix,
        "ESCALATION_HTTP_PORT": "0",
        "ESCALATION_LEASE_SECONDS": "2",
    }


@pytest.fixture
def lost(tmp_path: Path) -> Iterator[ServiceProcess]:
    """A service that reaches nothing."""
    service = ServiceProcess(NOWHERE, tmp_path / "service.log")
    yield service
    service.discard()


@pytest.fixture
async def ready(here: Mapping[str, str], tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    assert command(here, "prepare").code == 0
    service = ServiceProcess(here, tmp_path / "service.log")
    service.start()
    await service.wait_ready()
    yield service
    service.discard()


async def until_answering(service: ServiceProcess) -> dict[str, str]:
    async def answer() -> Readiness | None:
        assert service.running, service.logged[-2000:]
        return await service.readiness()

    readiness = await until(answer)
    assert readiness.status == 503
    return readiness.stuck


async def service_names(service: ServiceProcess, word: str) -> None:
    """Waits until /readyz says 503 for a reason with this word, within the promised time; each answer comes at once."""

    async def it_does() -> bool:
        readiness = await service.prompt_readiness()
        return readiness.status == 503 and any(word in reason for reason in readiness.stuck.values())

    await until(it_does, within_seconds=NAMED_SECONDS)


@pytest.mark.failure(12, 26)
async def test_it_starts_and_ends_while_every_server_is_away(lost: ServiceProcess) -> None:
    lost.start()
    stuck = await until_answering(lost)
    assert {"database", "group"} <= stuck.keys()
    assert (await lost.get("/livez") or (0, ""))[0] == 200
    ended = await lost.terminate()
    assert (ended.code, ended.seconds < SWIFT_SECONDS) == (0, True)


async def test_it_waits_until_it_is_prepared(here: Mapping[str, str], empty_database: str, tmp_path: Path) -> None:
    here = {**here, "DATABASE_URL": empty_database}
    service = ServiceProcess(here, tmp_path / "service.log")
    try:
        service.start()
        await until_answering(service)
        await service_names(service, "prepare")
        assert command(here, "prepare").code == 0
        await service.wait_ready()
        assert (await service.terminate()).code == 0
    finally:
        service.discard()


async def test_run_prepares_when_asked_to(here: Mapping[str, str], empty_database: str, tmp_path: Path) -> None:
    service = ServiceProcess({**here, "DATABASE_URL": empty_database}, tmp_path / "service.log")
    try:
        service.start("--prepare")
        await service.wait_ready()
        assert (await service.terminate()).code == 0
    finally:
        service.discard()


@pytest.mark.long
@pytest.mark.kills_servers
async def test_a_database_that_hangs_is_named_at_once_and_delays_no_answer(
    ready: ServiceProcess, servers: support.TestServers
) -> None:
    servers.postgres.pause()
    try:
        await service_names(ready, "PostgreSQL")
        assert (await ready.get("/livez") or (0, ""))[0] == 200
        ended = await ready.terminate()
    finally:
        servers.postgres.resume()
    assert (ended.code, ended.seconds < 25) == (0, True)


@pytest.mark.kills_servers
@pytest.mark.failure(10)
async def test_it_ends_in_time_without_broker_and_database(ready: ServiceProcess, servers: support.TestServers) -> None:
    await asyncio.gather(servers.kafka.kill(), servers.postgres.kill())
    try:
        await asyncio.sleep(1)
        ended = await ready.terminate()
    finally:
        await servers.start()
    assert (ended.code, ended.seconds < 25) == (0, True)


@pytest.mark.long
async def test_a_loop_that_computes_for_ever_ends_in_time(stage: Stage) -> None:
    service = stage.service_of(stage.environment(), ("tests.support.deadly", "spin", "sick"))
    service.start()
    await service.wait_ready()
    story = Story("sick")
    await stage.send(story.opened(), story.request())

    async def spins() -> bool:
        return service.serves and await service.get("/livez") is None

    await until(spins)
    ended = await service.terminate()
    assert (ended.code, ended.seconds < 25) == (0, True)


async def test_a_second_signal_makes_it_faster(stage: Stage) -> None:
    stage.model.always(model_server.hang())
    service = await stage.running(drain_seconds="20")
    story = Story()
    await stage.send(story.opened(), story.request())
    await stage.model.called()
    os.kill(service.pid, signal.SIGINT)

    async def finishing() -> bool:
        return '"draining"' in service.logged

    await until(finishing)
    ended = await service.terminate()
    assert (ended.code, ended.seconds < SWIFT_SECONDS) == (0, True)
