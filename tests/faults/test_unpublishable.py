"""A row or a topic that Kafka refuses costs itself alone: it waits, is named, and is published once it can be."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from consumer.adapters.kafka.topic_reader import TopicReader
from consumer.flows.relay.parking import ALONE_IN_A_ROW
from tests.faults.test_stores import sessions
from tests.support import relay_process
from tests.support import servers as support
from tests.support.databases import connected
from tests.support.service import ServiceProcess
from tests.support.stage import Stage, Story
from tests.support.topics import make_topics
from tests.support.waiting import until


@asynccontextmanager
async def admin_of(stage: Stage) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.bootstrap_servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def limit_size(stage: Stage, topic: str, largest_bytes: int) -> None:
    async with admin_of(stage) as admin:
        change = {"max.message.bytes": str(largest_bytes)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=change)])


async def delete_topic(stage: Stage, topic: str) -> None:
    async with admin_of(stage) as admin:
        await admin.delete_topics([topic])

        async def is_gone() -> bool:
            return topic not in await admin.list_topics()

        await until(is_gone, within_seconds=10)


async def make_topic(stage: Stage, topic: str) -> None:
    async with admin_of(stage) as admin:
        await admin.create_topics([NewTopic(topic, 6, 1)])


async def parked(service: ServiceProcess) -> str:
    """What /readyz says about parked events."""
    said = ""

    async def it_is_named() -> bool:
        nonlocal said
        said = (await service.prompt_readiness()).stuck.get("parked", "")
        return bool(said)

    await until(it_is_named, within_seconds=30)
    return said


async def packages_on_topic(stage: Stage, count: int, *, within_seconds: float) -> None:
    """Reads no other topic: one of them is not there."""

    async def they_are() -> bool:
        async with TopicReader([stage.topics.ready], bootstrap_servers=stage.bootstrap_servers) as reader:
            return len(await reader.read_to_end()) >= count

    await until(they_are, within_seconds=within_seconds)


async def stuck_since(service: ServiceProcess, hop: str) -> datetime:
    _, page = await service.get("/readyz") or (0, "{}")
    since = next(entry["since"] for entry in json.loads(page)["stuck"] if entry["what"] == hop)
    return datetime.fromisoformat(since)


async def send_bad(stage: Stage, count: int = 3, *, key: bytes = b"s") -> None:
    await stage.send_poison(*((stage.topics.sessions, key, b"{not json %d" % number, ()) for number in range(count)))


@pytest.mark.long
@pytest.mark.parametrize("known_before", [False, True], ids=["never seen", "seen before"])
@pytest.mark.failure(47)
async def test_a_dead_letter_topic_that_is_gone(stage: Stage, *, known_before: bool) -> None:
    dead_letters = stage.topics.dead_letter_of(stage.topics.sessions)
    if known_before:
        service = await stage.running()
        await send_bad(stage, 1)
        await stage.settled()
        await delete_topic(stage, dead_letters)
    else:
        await delete_topic(stage, dead_letters)
        service = await stage.running()
    await send_bad(stage)
    await stage.send(*sessions(10, "sound"))
    await packages_on_topic(stage, 10, within_seconds=30)
    assert dead_letters in await parked(service)
    since = await stuck_since(service, "parked")
    await asyncio.sleep(7)  # a further try has failed meanwhile
    assert abs(await stuck_since(service, "parked") - since) < timedelta(seconds=3)
    await stage.send(*sessions(3, "later"))
    await packages_on_topic(stage, 13, within_seconds=10)
    await make_topic(stage, dead_letters)
    await stage.settled(within_seconds=90)
    assert len((await stage.oracle.read()).dead_letters) == 3


@pytest.mark.long
@pytest.mark.failure(47)
async def test_a_dead_letter_topic_that_takes_only_small_records(stage: Stage) -> None:
    dead_letters = stage.topics.dead_letter_of(stage.topics.sessions)
    await limit_size(stage, dead_letters, 100)
    service = await stage.running()
    await send_bad(stage, 40)
    await stage.send(*sessions(10, "sound"))
    await stage.published(10, within_seconds=30)
    await parked(service)
    await limit_size(stage, dead_letters, 1_000_000)
    await stage.settled(within_seconds=90)
    await stage.verdict()


@pytest.mark.long
@pytest.mark.failure(47)
async def test_one_package_that_is_too_large_for_its_topic(stage: Stage) -> None:
    """The others of its topic go on."""
    await limit_size(stage, stage.topics.ready, 9_000)
    service = await stage.running(keyed=False)
    large = Story("large")
    words = (f"the printer shows error {random.Random(number).getrandbits(256):064d}" for number in range(300))
    await stage.send(large.opened(), *(large.fact(text) for text in words), large.request(), *sessions(10, "sound"))
    await stage.published(10, within_seconds=30)
    assert stage.topics.ready in await parked(service)
    await limit_size(stage, stage.topics.ready, 1_000_000)
    await stage.published(11, within_seconds=90)
    await stage.settled()
    await stage.verdict()


@pytest.mark.failure(47)
async def test_small_rows_that_are_refused_before_others_of_their_topic(
    servers: support.TestServers, database: str, topic_prefix: str
) -> None:
    """A compacted topic takes none without a key. Three in a row look as if the topic took nothing."""
    parameters = relay_process.Parameters(
        bootstrap_servers=servers.kafka.bootstrap_servers,
        dsn=database,
        prefix=topic_prefix,
        transaction_seconds=10.0,
        topics=[f"{topic_prefix}compacted"],
    )
    await make_topics(parameters.bootstrap_servers, **{parameters.marker_topic: 1})
    admin = AIOKafkaAdminClient(bootstrap_servers=parameters.bootstrap_servers)
    await admin.start()
    try:
        compacted = NewTopic(parameters.topics[0], 1, 1, topic_configs={"cleanup.policy": "compact"})
        await admin.create_topics([compacted])
    finally:
        await admin.close()
    async with connected(database) as connection:
        add = "INSERT INTO outbox (topic, key, headers, value) VALUES ($1, $2, '[]', $3)"
        for number in range(ALONE_IN_A_ROW + 2):
            await connection.execute(add, parameters.topics[0], None, b"%d" % number)
        for number in range(20):
            await connection.execute(add, parameters.topics[0], b"k%d" % number, b"a longer one: %d" % number)
        stop = asyncio.Event()
        relaying = asyncio.create_task(relay_process.relay(parameters, stop))

        async def only_they_are_left() -> bool:
            return bool(await connection.fetchval("SELECT count(*) FROM outbox") == ALONE_IN_A_ROW + 2)

        await until(only_they_are_left, within_seconds=60)
        await connection.execute("UPDATE outbox SET retry_at = now()")  # all of them are tried again at once ...
        await connection.execute(add, parameters.topics[0], b"new", b"new")
        await until(only_they_are_left, within_seconds=4)  # ... and nobody takes that for the topic's
        stop.set()
        await relaying


@pytest.mark.failure(48)
async def test_a_bad_record_with_a_key_of_a_megabyte(stage: Stage) -> None:
    await stage.running()
    await send_bad(stage, key=b"k" * 990_000)
    await stage.send(*sessions(5, "sound"))
    await stage.published(5, within_seconds=30)
    await stage.settled()
    letters = (await stage.oracle.read()).dead_letters
    assert len(letters) == 3
    assert all(letter.key is not None and len(letter.key) <= 1024 for letter in letters)


@pytest.mark.failure(48)
async def test_a_ticket_system_of_600_000_characters(stage: Stage) -> None:
    await stage.running()
    story = Story("long")
    opened = story.opened(psa_ticket={"system": "x" * 600_000, "ticket_id": "1"})
    await stage.send_poison((stage.topics.sessions, b"long", json.dumps(opened).encode(), ()))
    await stage.send(story.fact(), story.request(), *sessions(5, "sound"))
    await stage.published(6, within_seconds=30)
    await stage.settled()
    await stage.verdict()
