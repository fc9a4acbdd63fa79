"""The intake on real servers: from topics to tables."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import CommitFailedError, RequestTimedOutError
from structlog.testing import capture_logs

from consumer.adapters.kafka.admin import prepare_topics
from consumer.adapters.kafka.consuming.consumer import KafkaSource
from consumer.adapters.postgres.core.pool import Pool, open_pool
from consumer.adapters.postgres.intake.inbox import PostgresInbox
from consumer.domain.arrival import decode as decode_module
from consumer.domain.arrival import fast as fast_module
from consumer.domain.events import Record
from consumer.domain.package.package import Sender
from consumer.domain.request.schedule import RevisionRules
from consumer.flows.intake import suspicion
from consumer.flows.intake.loop import Intake
from consumer.flows.operation.health import Health
from schemas.topics import Topics
from tests.flows.drafting.steps import named
from tests.support import servers as support
from tests.support.meters import RememberedMeters
from tests.support.waiting import until
from tests.support.wire import FACT, REDACTOR, change, request

WAIT_SECONDS = 120.0


class Stage:
    """One environment: topics, tables, and intakes that can be started."""

    def __init__(self, kafka: support.KafkaServer, pool: Pool, prefix: str) -> None:
        self.bootstrap = kafka.bootstrap_servers
        self.pool = pool
        self.topics = Topics(prefix)
        self.group = f"{prefix}group"
        self.health = Health(time.monotonic)
        self.meters = RememberedMeters()

    @contextlib.asynccontextmanager
    async def intake(self, *, batch_records: int = 500) -> AsyncIterator[KafkaSource]:
        source = KafkaSource(
            {"bootstrap_servers": self.bootstrap},
            group=self.group,
            topics=self.topics,
            session_timeout_seconds=10,
            batch_records=batch_records,
        )
        flow = Intake(
            source=source,
            inbox=PostgresInbox(
                self.pool,
                sender=Sender(topics=self.topics, source="/test"),
                redactor=REDACTOR,
                revisions=RevisionRules(after_seconds=60, window_seconds=86_400, limit=5),
            ),
            redactor=REDACTOR,
            topics=self.topics,
            health=self.health,
            meters=self.meters,
        )
        stop = asyncio.Event()
        running = asyncio.create_task(flow.run(stop))
        try:
            yield source
        finally:
            stop.set()
            await asyncio.wait_for(running, WAIT_SECONDS)

    async def send(
        self, values: list[object], *, topic: str | None = None, transactional_id: str | None = None
    ) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            transactional_id=transactional_id,
            compression_type="gzip",
            max_request_size=4 * 1024 * 1024,
        )
        await producer.start()
        try:
            if transactional_id:
                async with producer.transaction():
                    await self._send(producer, values, topic)
            else:
                await self._send(producer, values, topic)
        finally:
            await producer.stop()

    async def _send(self, producer: AIOKafkaProducer, values: list[object], topic: str | None) -> None:
        under_way = []
        for value in values:
            raw = value if isinstance(value, bytes | None) else json.dumps(value).encode()
            key = str(value["subject"]).encode() if isinstance(value, dict) else b"s1"
            under_way.append(await producer.send(topic or self.topics.sessions, raw, key))
        await asyncio.gather(*under_way)

    async def until(self, sql: str, wanted: object) -> None:
        """Waits until `sql` is `wanted`."""
        value: object = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                while (value := await self._look(sql)) != wanted:  # noqa: ASYNC110 - it looks from outside
                    await asyncio.sleep(0.05)
        assert value == wanted, sql

    async def _look(self, sql: str) -> object:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return await self.pool.fetchval(sql)
        return None

    async def committed(self) -> dict[str, int]:
        """Committed offsets summed by topic."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(self.group)
        finally:
            await admin.close()
        total: dict[str, int] = {}
        for place, at in offsets.items():
            assert isinstance(place, TopicPartition)
            total[place.topic.removeprefix(self.topics.prefix)] = (
                total.get(place.topic.removeprefix(self.topics.prefix), 0) + at.offset
            )
        return total


def facts(count: int, *, sessions: int = 7) -> list[object]:
    return [
        change(data=FACT | {"fact_id": f"f{number}"}, version=number, subject=f"s{number % sessions}")
        for number in range(count)
    ]


@pytest.fixture
async def stage(servers: support.TestServers, database: str, topic_prefix: str) -> AsyncIterator[Stage]:
    pool = await open_pool(database, name="test", max_size=4)
    await prepare_topics(
        {"bootstrap_servers": servers.kafka.bootstrap_servers},
        Topics(topic_prefix),
        f"{topic_prefix}marker",
        partitions=2,
    )
    yield Stage(servers.kafka, pool, topic_prefix)
    await pool.close()


@pytest.mark.promise(1)
async def test_everything_is_stored_and_then_committed(stage: Stage) -> None:
    poison: list[object] = [None, b"{", b"\xff", b"x" * 2_000_000]
    await stage.send([*facts(300), *poison])
    async with stage.intake(batch_records=64):
        await stage.until("SELECT count(*) FROM session_events", 300)
        await stage.until("SELECT count(*) FROM dead_letters", 4)
    assert (await stage.committed())["session-state-changed"] == 304
    assert not [stuck for stuck in stage.health.stuck() if stuck.what in {"group", "store", "poll"}]
    async with stage.intake():
        await stage.send(facts(301)[300:])
        await stage.until("SELECT count(*) FROM session_events", 301)
    assert await stage.pool.fetchval("SELECT sum(event_count) FROM sessions") == 301


@pytest.mark.failure(11)
async def test_a_commit_that_failed_is_made_again_though_no_record_arrives(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, failures = AIOKafkaConsumer.commit, [RequestTimedOutError(), CommitFailedError(), TimeoutError()]

    async def often_lost(self: AIOKafkaConsumer, offsets: Any) -> None:
        if failures:
            raise failures.pop()
        await commit(self, offsets)

    monkeypatch.setattr(AIOKafkaConsumer, "commit", often_lost)
    await stage.send(facts(50))
    async with stage.intake():
        await stage.until("SELECT count(*) FROM session_events", 50)

        async def all_committed() -> bool:
            return (await stage.committed()).get("session-state-changed") == 50

        await until(all_committed, within_seconds=20)
    assert not failures


async def test_a_clock_starts_when_the_marks_of_transactions_are_passed(stage: Stage) -> None:
    await stage.send(facts(50), transactional_id=f"{stage.topics.prefix}writer")
    await stage.send([request(state_version=10_000)], topic=stage.topics.requests)
    async with stage.intake():
        await stage.until("SELECT count(*) FROM requests WHERE deadline_at IS NOT NULL", 1)


@pytest.mark.kills_servers
@pytest.mark.promise(1)
@pytest.mark.failure(26)
async def test_a_database_that_is_away_pauses_intake_and_loses_nothing(
    stage: Stage, postgres_server: support.PostgresServer
) -> None:
    async with stage.intake(batch_records=50):
        await stage.send(facts(100))
        await stage.until("SELECT count(*) FROM session_events", 100)
        await postgres_server.kill()
        await stage.send(facts(400)[100:])
        async with asyncio.timeout(WAIT_SECONDS):
            while "store" not in {stuck.what for stuck in stage.health.stuck()}:  # noqa: ASYNC110 - it looks from outside
                await asyncio.sleep(0.05)
        await postgres_server.start()
        await stage.until("SELECT sum(event_count) FROM sessions", 400)
        await stage.until("SELECT count(*) FROM session_events", 400)
    assert (await stage.committed())["session-state-changed"] == 400


@pytest.mark.failure(7)
async def test_members_come_and_go_and_every_event_counts_once(stage: Stage) -> None:
    async with stage.intake(batch_records=20):
        await stage.send(facts(200))
        async with stage.intake(batch_records=20):
            await stage.send(facts(400)[200:])
        await stage.send(facts(600)[400:])
        await stage.until("SELECT sum(event_count) FROM sessions", 600)
    assert await stage.pool.fetchval("SELECT count(*) FROM session_events") == 600
    assert (await stage.committed())["session-state-changed"] == 600


@pytest.mark.failure(14)
async def test_a_lost_position_is_loud_and_reading_goes_on(stage: Stage) -> None:
    await stage.send(facts(50))
    async with stage.intake():
        await stage.until("SELECT count(*) FROM session_events", 50)
    await stage.send(facts(80)[50:])
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.bootstrap)
    await admin.start()
    try:
        ends = {TopicPartition(stage.topics.sessions, number): RecordsToDelete(before_offset=-1) for number in range(2)}
        await admin.delete_records(ends)
    finally:
        await admin.close()
    async with stage.intake():
        await stage.send(facts(90)[80:])
        await stage.until("SELECT count(*) FROM session_events", 60)
    assert "position" in {stuck.what for stuck in stage.health.stuck()}


class Panic(BaseException):
    """What a native library raises when it fails inside."""


@pytest.mark.parametrize("error", [RecursionError, MemoryError, Panic])
@pytest.mark.failure(51)
async def test_a_record_that_decoding_stumbles_over_is_set_aside(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    stumble(monkeypatch, error, lambda record: record.key == b"s3")
    await stage.send(facts(70))
    with capture_logs() as logs:
        async with stage.intake():
            await stage.until("SELECT count(*) FROM session_events", 60)
            await stage.until("SELECT count(*) FROM dead_letters WHERE reason = 'internal'", 10)
    assert (await stage.committed())["session-state-changed"] == 70
    assert "Ping" not in str(await stage.pool.fetch("SELECT * FROM dead_letters"))
    assert sum(line["event_name"] == "record_set_aside" for line in logs) == 10


@pytest.mark.failure(51)
async def test_a_release_that_can_decode_nothing_pauses_and_sets_nothing_aside(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspicion, "STUMBLES_SECONDS", 0.2)
    stumble(monkeypatch, RuntimeError, lambda _: True)
    await stage.send(facts(70))
    with capture_logs():  # drawing them takes so long that a batch would be half decoded when the fault ends
        await decoded_again(stage, monkeypatch)
    assert await stage.pool.fetchval("SELECT count(*) FROM dead_letters") == 0
    assert "decode" not in {stuck.what for stuck in stage.health.stuck()}


async def decoded_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage.intake():
        await named(stage.health, "decode")
        await asyncio.sleep(2)  # it is tried again and again
        assert "decode" in {stuck.what for stuck in stage.health.stuck()}
        monkeypatch.undo()
        await stage.until("SELECT count(*) FROM session_events", 70)


async def test_a_leap_of_malformed_records_pauses_once_and_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspicion, "REFUSALS_SECONDS", 2.0)
    malformed: list[object] = [change(data={}, version=1, subject=f"bad{number}") for number in range(150)]
    async with stage.intake():
        await stage.send(malformed)
        await named(stage.health, "decode")
        assert await stage.pool.fetchval("SELECT count(*) FROM dead_letters") < 50
        await stage.send(facts(5))
        await stage.until("SELECT count(*) FROM session_events", 5)
        await stage.until("SELECT count(*) FROM dead_letters", 150)
        assert "decode" not in {stuck.what for stuck in stage.health.stuck()}


def stumble(monkeypatch: pytest.MonkeyPatch, error: type[BaseException], over: Callable[[Record], bool]) -> None:
    fast = fast_module.fast

    def falls(record: Record, *arguments: Any) -> Any:
        if over(record):
            raise error(record.value)
        return fast(record, *arguments)

    monkeypatch.setattr(decode_module, "fast", falls)
