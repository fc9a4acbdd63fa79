"""What is erased, or becomes known as secret, while Redis is away leaves Redis as well, whoever is killed."""

import asyncio
import contextlib
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from tests.support import servers as support
from tests.support.stage import Event, Stage, Story
from tests.support.waiting import until

pytestmark = pytest.mark.kills_servers

TEMPLATE = {"name": "Map drive", "parameters_schema": {"parameters": [{"key": "pin", "field_type": "password"}]}}
SCRIPT = {"generation_id": "g1", "template": TEMPLATE, "parameters_used": {"pin": "blue-giraffe-lamp"}}
DELETING: tuple[tuple[str, dict[str, Any]], ...] = (
    ("session.erased.v1", {}),
    ("session.script_generated.v1", SCRIPT),
)


async def drafted(stage: Stage, *stories: Story) -> None:
    """Each session has a package, and Redis a copy of its draft."""
    await stage.send(*(event for story in stories for event in (story.opened(), story.fact(), story.request())))
    await stage.published(len(stories))
    assert len(await cached(stage, *stories)) == len(stories)


async def cached(stage: Stage, *stories: Story) -> list[str]:
    """The sessions of which something is left in Redis."""
    stored = (await stage.oracle.stored_in_redis()).decode(errors="replace")
    return [story.session_id for story in stories if story.session_id in stored]


async def accepted(stage: Stage, *events: Event) -> None:
    """The events are stored, and their offsets are committed: nobody reads them again."""
    await stage.send(*events)

    async def all_read() -> bool:
        return not await stage.oracle.unread()

    await until(all_read, within_seconds=60)


async def gone(stage: Stage, *stories: Story) -> None:
    async def nothing_left() -> bool:
        return not await cached(stage, *stories)

    await until(nothing_left, within_seconds=30)


@pytest.mark.parametrize(("kind", "data"), DELETING)
@pytest.mark.failure(54)
async def test_the_connection_is_lost_and_the_service_killed(
    stage: Stage, servers: support.TestServers, kind: str, data: dict[str, Any]
) -> None:
    service = await stage.running(revise_limit="0")  # a revision would be cached anew
    stories = [Story() for _ in range(3)]
    await drafted(stage, *stories)
    await servers.redis.kill()
    await accepted(stage, *(story.event(kind, data) for story in stories))
    await service.kill()
    await servers.redis.start()
    assert len(await cached(stage, *stories)) == 3, "Redis is back with its old content"
    service.start()
    await gone(stage, *stories)


@pytest.mark.failure(54)
async def test_redis_is_frozen_and_the_service_killed(stage: Stage, servers: support.TestServers) -> None:
    service = await stage.running()
    story = Story()
    await drafted(stage, story)
    servers.redis.pause()
    try:
        await accepted(stage, story.event("session.erased.v1"))
        await service.kill()
        service.start()
        await service.wait_ready()
    finally:
        servers.redis.resume()
    await gone(stage, story)


async def test_while_it_waits_it_is_named_and_the_service_is_ready(stage: Stage, servers: support.TestServers) -> None:
    service = await stage.running()
    story = Story()
    await drafted(stage, story)
    await servers.redis.kill()
    await accepted(stage, story.event("session.erased.v1"))

    async def named() -> bool:
        readiness = await service.prompt_readiness()
        _, figures = await service.get("/metrics") or (0, "")
        return (
            readiness.status == 200
            and readiness.stuck.get("forget", "").endswith(": 1")
            and "escalation_cache_evictions 1.0" in figures
        )

    await until(named, within_seconds=30)
    await servers.redis.start()
    await gone(stage, story)

    async def forgotten() -> bool:
        return "forget" not in (await service.prompt_readiness()).stuck

    await until(forgotten, within_seconds=30)


async def test_hundreds_of_sessions_are_forgotten_in_one_call(
    stage: Stage, servers: support.TestServers, redis_url: str
) -> None:
    await stage.running()
    stories = [Story() for _ in range(400)]
    await servers.redis.kill()
    await accepted(stage, *(story.event("session.erased.v1") for story in stories))
    await servers.redis.start()  # counts its commands anew

    async def nothing_waits() -> bool:
        return not await stage.query("SELECT FROM cache_evictions LIMIT 1")

    await until(nothing_waits, within_seconds=30)
    async with Redis.from_url(redis_url) as redis:
        calls = (await redis.info("commandstats"))["cmdstat_del"]["calls"]
    assert calls <= 2, "one that a busy machine answers too late is sent again"


async def test_without_redis_nothing_is_waited_for(stage: Stage) -> None:
    service = stage.service_of({**stage.environment(), "REDIS_URL": ""})
    service.start()
    await service.wait_ready()
    story = Story()
    await stage.send(story.opened(), story.request())
    await stage.published(1)
    await stage.send(story.event("session.erased.v1"))
    await stage.settled()
    assert (await service.prompt_readiness()).stuck == {}


class SlowNetwork:
    """A way to Redis. It holds back what matches, and delivers it late, also when the sender has hung up."""

    def __init__(self, host: str, port: int) -> None:
        self._redis = host, port
        self.holds = b""
        self.held = asyncio.Event()
        self.go_on = asyncio.Event()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_redis, to_redis = await asyncio.open_connection(*self._redis)
        back = asyncio.create_task(_pump(from_redis, writer))
        try:
            while chunk := await reader.read(65536):
                if self.holds and self.holds in chunk:
                    self.held.set()
                    await self.go_on.wait()
                to_redis.write(chunk)
                await to_redis.drain()
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            for end in (to_redis, writer):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)


@pytest.mark.failure(54)
async def test_a_copy_that_the_network_delivers_after_the_erasure_is_refused(stage: Stage, redis_url: str) -> None:
    address = urlsplit(redis_url)
    network = SlowNetwork(address.hostname or "", address.port or 0)
    server = await asyncio.start_server(network.carry, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        service = stage.service_of(stage.environment() | {"REDIS_URL": f"redis://127.0.0.1:{port}/0"})
        service.start()
        await service.wait_ready()
        network.holds = b"drafted_for"
        story = Story()
        await stage.send(story.opened(), story.fact(), story.request())
        await stage.published(1)
        assert network.held.is_set()
        await stage.send(story.event("session.erased.v1"))
        await stage.settled()
        network.go_on.set()
        await asyncio.sleep(1)
        assert await cached(stage, story) == []
        await service.terminate()
