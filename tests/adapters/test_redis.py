"""The cache on a real Redis that is flushed, frozen, killed and poisoned: only speed suffers."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from typing import TypeVar

import pytest
from redis.asyncio import Redis

from consumer.adapters.redis.cache import FAILURES_TO_OPEN, RedisCache
from consumer.adapters.redis.connection import OPEN_SECONDS
from consumer.domain.events import SessionKey
from consumer.domain.writing.ledger import DraftKey, LedgerEntry
from consumer.flows.operation.health import Health
from schemas.packages import Usage
from tests.support.servers import RedisServer
from tests.support.waiting import until

T = TypeVar("T")

KEY = DraftKey("acme", "session 1", "a" * 64, "p1", "m1")
WRITER = 41
ENTRY = LedgerEntry(
    draft='{"problem": "ü"}',
    model="m1",
    warnings=("repaired",),
    attempts=2,
    usage=Usage(input_tokens=1),
    drafted_at=datetime(2026, 3, 4, tzinfo=UTC),
    drafted_for="r/1",
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def hasty(redis_url: str, topic_prefix: str, clock: Clock) -> AsyncIterator[RedisCache]:
    """The service's cache: to it, a machine that is busy for 0.1 s is a Redis that is away."""
    made = RedisCache(redis_url, prefix=topic_prefix, keep_seconds=60, health=Health(clock), clock=clock)
    yield made
    await made.close()


@pytest.fixture
async def cache(
    redis_url: str, topic_prefix: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RedisCache]:
    monkeypatch.setattr("consumer.adapters.redis.connection.SOCKET_SECONDS", 30.0)
    made = RedisCache(redis_url, prefix=topic_prefix, keep_seconds=60, health=Health(clock), clock=clock)
    yield made
    await made.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


async def put(cache: RedisCache, key: DraftKey, version: int) -> None:
    await cache.admit(key.session, WRITER)
    await cache.put(key, version, ENTRY, writer=WRITER)


async def only_name(redis: Redis, topic_prefix: str) -> bytes:
    (name,) = [name async for name in redis.scan_iter(f"{topic_prefix}*")]
    assert isinstance(name, bytes)
    return name


async def test_what_was_put_is_found_by_version_and_by_digest(cache: RedisCache) -> None:
    assert await cache.get(KEY, 7) is None
    await put(cache, KEY, 7)
    assert await cache.get(KEY, 7) == ENTRY
    assert await cache.get(KEY, 8) == ENTRY, "another version of the same bundle"


@pytest.mark.parametrize("change", ["tenant_id", "session_id", "bundle_sha256", "prompt_version", "model"])
async def test_an_entry_counts_for_its_key_only(cache: RedisCache, change: str) -> None:
    await put(cache, KEY, 7)
    assert await cache.get(KEY._replace(**{change: "other"}), 7) is None


async def test_a_version_whose_digest_has_changed_is_not_believed(cache: RedisCache) -> None:
    await put(cache, KEY, 7)
    newer = KEY._replace(bundle_sha256="b" * 64)  # an event below version 7 arrived late
    assert await cache.get(newer, 7) is None
    await put(cache, newer, 7)
    assert await cache.get(KEY, 7) == ENTRY
    assert await cache.get(newer, 7) == ENTRY


async def test_names_carry_the_prefix_and_end_by_themselves(cache: RedisCache, redis: Redis, topic_prefix: str) -> None:
    await put(cache, KEY, 7)
    name = await only_name(redis, topic_prefix)
    assert name.decode() == f"{topic_prefix}escalation:drafts:acme:session%201"
    assert 0 < await redis.ttl(name) <= 60


async def test_a_session_is_forgotten_whole(cache: RedisCache, redis: Redis, topic_prefix: str) -> None:
    for version in range(3):
        await put(cache, KEY._replace(bundle_sha256=str(version) * 64), version)
    await put(cache, KEY._replace(session_id="other"), 1)
    assert await cache.forget(SessionKey("acme", "session 1"))
    assert (await only_name(redis, topic_prefix)).endswith(b"other")


async def test_whoever_began_before_a_session_was_forgotten_puts_nothing(
    cache: RedisCache, redis: Redis, topic_prefix: str
) -> None:
    await cache.put(KEY, 7, ENTRY, writer=1)
    assert await cache.get(KEY, 7) is None, "never admitted"
    await cache.admit(KEY.session, 1)
    assert await cache.forget(KEY.session)
    await cache.admit(KEY.session, 2)
    await cache.put(KEY, 7, ENTRY, writer=1)
    assert await cache.get(KEY, 7) is None
    await cache.put(KEY, 7, ENTRY, writer=2)
    assert await cache.get(KEY, 7) == ENTRY
    name = await only_name(redis, topic_prefix)
    assert 0 < await redis.ttl(name) <= 60
    assert await redis.hlen(name) == 2, "an admission ends with its one copy"


@pytest.mark.parametrize(
    "poison",
    [b"", b"{}", b"null", b"\xff\xfe", b"[]", b'"x"', b"\x80\x04\x95pickle", json.dumps({"key": list(KEY)}).encode()],
)
@pytest.mark.failure(24)
async def test_garbage_is_not_believed(cache: RedisCache, redis: Redis, topic_prefix: str, poison: bytes) -> None:
    await put(cache, KEY, 7)
    name = await only_name(redis, topic_prefix)
    for field in await redis.hkeys(name):
        await redis.hset(name, field, poison)
    assert await cache.get(KEY, 7) is None
    await redis.delete(name)
    await redis.set(name, poison)  # not even a hash
    assert await cache.get(KEY, 7) is None
    await put(cache, KEY, 7)


async def test_another_sessions_entry_in_its_place_is_not_believed(
    cache: RedisCache, redis: Redis, topic_prefix: str
) -> None:
    await put(cache, KEY, 7)
    name = await only_name(redis, topic_prefix)
    foreign = name.replace(b"session%201", b"session%202")
    for field, value in (await redis.hgetall(name)).items():
        await redis.hset(foreign, field, value)
    assert await cache.get(KEY._replace(session_id="session 2"), 7) is None


def at_once(work: Coroutine[object, None, T]) -> T:
    """The coroutine's result; fails if it waits."""
    try:
        work.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    work.close()
    raise AssertionError("it waits for something")


async def test_nobody_there_is_no_error_and_the_breaker_ends_the_asking(topic_prefix: str, clock: Clock) -> None:
    health = Health(clock)
    cache = RedisCache("redis://127.0.0.1:9/0", prefix=topic_prefix, keep_seconds=60, health=health, clock=clock)
    for _ in range(FAILURES_TO_OPEN):
        assert await cache.get(KEY, 7) is None
    assert at_once(cache.get(KEY, 7)) is None
    at_once(cache.admit(KEY.session, WRITER))
    at_once(cache.put(KEY, 7, ENTRY, writer=WRITER))
    assert not await cache.forget(KEY.session)
    assert "cache" in {stuck.what for stuck in health.stuck()}
    assert not any(stuck.blocking for stuck in health.stuck() if stuck.what == "cache")
    await cache.close()


@pytest.mark.kills_servers
async def test_a_frozen_redis_costs_a_tenth_of_a_second_a_few_times(
    hasty: RedisCache, cache: RedisCache, redis_server: RedisServer, clock: Clock
) -> None:
    await put(cache, KEY, 7)
    redis_server.pause()
    costs = []
    try:
        for _ in range(FAILURES_TO_OPEN):
            began = time.monotonic()
            assert await hasty.get(KEY, 7) is None
            costs.append(time.monotonic() - began)
        assert at_once(hasty.get(KEY, 7)) is None, "it rests"
    finally:
        redis_server.resume()
    assert min(costs) < 0.2, "what a busy machine adds, it does not add every time"

    async def rested() -> LedgerEntry | None:
        clock.now += OPEN_SECONDS + 0.1
        return await hasty.get(KEY, 7)

    assert await until(rested) == ENTRY, "once it has rested, it is asked again"


@pytest.mark.kills_servers
async def test_a_redis_that_was_killed_is_used_again_when_it_is_back(
    cache: RedisCache, redis_server: RedisServer, clock: Clock
) -> None:
    await put(cache, KEY, 7)
    await redis_server.kill()
    assert await cache.get(KEY, 7) is None
    await redis_server.start()
    clock.now += OPEN_SECONDS + 0.1
    await put(cache, KEY, 7)
    assert await cache.get(KEY, 7) == ENTRY


async def test_the_address_is_not_shown(clock: Clock) -> None:
    cache = RedisCache("redis://:hunter22@127.0.0.1:9/0", prefix="", keep_seconds=1, health=Health(clock), clock=clock)
    assert "hunter22" not in repr(cache)
    await cache.close()


GARBAGE = {
    "no protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "an unknown kind of reply": b"@what\r\n",
    "a number that is none": b":many\r\n" * 8,
    "a length that is none": b"*x\r\n" * 8,
    "half a reply": b"*2\r\n$5\r\nab",
    "half a reply, and no more": None,
    "another kind of reply": b"+OK\r\n" * 8,
    "numbers for everything": b":1\r\n" * 8,
    "lists within lists": b"*1\r\n" * 5000 + b":1\r\n",
    "no text": b"$4\r\n\xff\xfe\xfd\xfc\r\n" * 8,
    "an error in no text": b"-\xff\xfe\r\n" * 8,
    "a list with holes": b"*2\r\n$-1\r\n*-1\r\n" * 8,
    "a reset": b"",
}


@contextlib.asynccontextmanager
async def answering(reply: bytes | None) -> AsyncIterator[str]:
    """A server that answers everything with these bytes; with None byte after byte without an end."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while await reader.read(65536):
                if reply is None:
                    writer.write(b"$9999\r\n")
                    while True:
                        writer.write(b"x")
                        await writer.drain()
                        await asyncio.sleep(0.02)
                if not reply:
                    writer.transport.abort()
                    return
                writer.write(reply)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    finally:
        server.close()


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.failure(24)
async def test_what_answers_and_is_no_redis_costs_the_cache_and_not_the_draft(kind: str, clock: Clock) -> None:
    health = Health(clock)
    async with answering(GARBAGE[kind]) as url:
        cache = RedisCache(url, prefix="", keep_seconds=60, health=health, clock=clock)
        for _ in range(2):
            clock.now += OPEN_SECONDS + 0.1
            began = time.monotonic()
            await cache.admit(KEY.session, WRITER)
            assert await cache.get(KEY, 7) is None
            await cache.put(KEY, 7, ENTRY, writer=WRITER)
            forgotten = await cache.forget(KEY.session)
            assert time.monotonic() - began < 2.0, "each call is bounded, whatever comes"
            if kind != "numbers for everything":
                assert not forgotten
                assert "cache" in {stuck.what for stuck in health.stuck()}
        await cache.close()
