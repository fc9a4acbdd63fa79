"""A broker that comes back may forget to end a transaction. Every event is seen once all the same.

Hanging records are made in two ways: by a kill in the middle of a transaction whose time runs out before the broker is
back, and, without a kill, by records that the coordinator has never heard of.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from structlog.testing import capture_logs

from consumer.adapters.kafka.topic_reader import TopicReader
from consumer.flows.relay.ports import NAME
from tests.support import servers as support
from tests.support.databases import Database, connected
from tests.support.relay_process import Parameters, relay
from tests.support.topics import make_topics
from tests.support.waiting import until

TRANSACTION_SECONDS = 2.0
MOST_NAMES = 6
ADD = """
    INSERT INTO outbox (topic, key, headers, value)
    VALUES ($1, 'k', jsonb_build_array(jsonb_build_array('event_id', $2::text)), 'v')
"""


@pytest.fixture
async def parameters(bootstrap_servers: str, database: str, topic_prefix: str) -> Parameters:
    made = Parameters(
        bootstrap_servers=bootstrap_servers,
        dsn=database,
        prefix=topic_prefix,
        transaction_seconds=TRANSACTION_SECONDS,
        topics=[f"{topic_prefix}events"],
    )
    await make_topics(bootstrap_servers, **{f"{topic_prefix}events": 3, made.marker_topic: 1})
    return made


@asynccontextmanager
async def transaction_of(parameters: Parameters, *names: str, known: bool) -> AsyncIterator[None]:
    """Events in a transaction of the relay that is open inside, and not ended after it. `known` to the coordinator."""
    producer = AIOKafkaProducer(
        bootstrap_servers=parameters.bootstrap_servers,
        transactional_id=parameters.prefix + NAME,
        transaction_timeout_ms=int(TRANSACTION_SECONDS * 1000),
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        if not known:
            producer._txn_manager._txn_partitions |= {TopicPartition(parameters.topics[0], n) for n in range(3)}
        for name in names:
            await producer.send_and_wait(
                parameters.topics[0], key=b"k", value=b"v", headers=[("event_id", name.encode())]
            )
        yield
    finally:
        stopping = asyncio.create_task(producer.stop())
        while not stopping.done():
            producer._sender.sender_task.cancel()
            await asyncio.wait({stopping}, timeout=0.1)
        await asyncio.gather(stopping, return_exceptions=True)
        await producer.client.close()


@asynccontextmanager
async def nothing_verified(parameters: Parameters) -> AsyncIterator[None]:
    """The broker takes records of transactions that the coordinator has never heard of, as old brokers did."""

    name = "transaction.partition.verification.enable"

    async def verify(value: str) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=parameters.bootstrap_servers)
        await admin.start()
        try:
            await admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", configs={name: value})])
            await until(lambda: is_so(admin, value))
        finally:
            await admin.close()

    async def is_so(admin: AIOKafkaAdminClient, value: str) -> bool:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, "1", configs={name: ""})])
        return value in {setting[1] for resource in answer.resources for setting in resource[4]}

    await verify("false")
    try:
        yield
    finally:
        await verify("true")


async def seen(parameters: Parameters) -> list[str]:
    """The ids of the events that readers of committed records see."""
    async with TopicReader(parameters.topics, bootstrap_servers=parameters.bootstrap_servers) as reader:
        return sorted(dict(record.headers)["event_id"].decode() for record in await reader.read_to_end())


@asynccontextmanager
async def relaying(parameters: Parameters) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(relay(parameters, stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def emptied(connection: Database) -> None:
    async def is_empty() -> bool:
        return not await connection.fetchval("SELECT count(*) FROM outbox")

    await until(is_empty, within_seconds=60)


@pytest.mark.long
@pytest.mark.kills_servers
@pytest.mark.failure(59)
async def test_by_a_broker_that_was_killed(servers: support.TestServers, parameters: Parameters) -> None:
    """On an idle machine it forgets each time, on a busy one now and then; the other test makes it certain."""
    names: list[str] = []
    async with connected(parameters.dsn) as connection:
        with capture_logs() as logs:
            while len(names) < MOST_NAMES and "relay_hanging_transactions" not in {
                entry.get("event_name") for entry in logs
            }:
                new = [f"{len(names) + number}" for number in range(3)]
                names += new
                for name in new:
                    await connection.execute(ADD, parameters.topics[0], name)
                async with transaction_of(parameters, *new, known=True):
                    await servers.kafka.kill()
                    await asyncio.sleep(TRANSACTION_SECONDS)
                await servers.kafka.start()
                async with relaying(parameters):
                    await emptied(connection)
    assert await seen(parameters) == sorted(names)


@pytest.mark.parametrize(
    "waiting", [("a", "b", "c"), ("b", "c"), ("c",), ()], ids=["all wait", "some wait", "another waits", "none waits"]
)
@pytest.mark.failure(59)
async def test_by_a_coordinator_that_never_heard_of_it(parameters: Parameters, waiting: Sequence[str]) -> None:
    async with nothing_verified(parameters), transaction_of(parameters, "a", "b", known=False):
        pass
    assert await seen(parameters) == []

    async def all_are_seen(names: Collection[str]) -> bool:
        return set(await seen(parameters)) >= set(names)

    async with connected(parameters.dsn) as connection:
        for name in waiting:
            await connection.execute(ADD, parameters.topics[0], name)
        async with relaying(parameters):
            await emptied(connection)
            await until(lambda: all_are_seen({"a", "b", *waiting}))
    assert await seen(parameters) == sorted({"a", "b", *waiting}), "and none twice"
