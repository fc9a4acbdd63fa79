"""Dead letters on a real Kafka and PostgreSQL, without a service: records are sent, and noted as refused ones."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from pydantic import SecretStr
from structlog.testing import capture_logs

from consumer.adapters.kafka.admin import prepare_topics
from consumer.adapters.kafka.originals import TopicOriginals
from consumer.adapters.postgres.core.pool import Pool, open_pool
from consumer.adapters.postgres.redrive import PostgresLetters
from consumer.domain.events import Origin, TopicPartition
from consumer.flows.inbox import Batch
from consumer.flows.operation.health import Health
from consumer.flows.redrive import redriving
from consumer.flows.redrive.ports import ChosenLetters, LetterAction, LetterJob
from consumer.settings import Settings
from consumer.wiring.jobs import redrives
from consumer.wiring.loops import inbox
from schemas.topics import Topics
from tests.support.service import Finished, command
from tests.support.stage import Event
from tests.support.wire import REDACTOR

KEY = "a key for tests only"
LEASE_SECONDS = 20.0
BROKEN = b"{ no JSON"
EVENTS = "SELECT session_id, version, event_id FROM session_events ORDER BY 1, 2"
_REFUSE = """
INSERT INTO dead_letters (topic, partition, "offset", record_ms, record_key, tenant_id, session_id, reason, error,
                          excerpt, failed_at)
VALUES ($1, $2, $3, $4, NULL, $5, $6, $7, 'refused by an earlier release', 'an excerpt', coalesce($8, now()))
"""


class Scene:
    """A store and topics. Nothing runs in it but what a test starts."""

    def __init__(self, settings: Settings, pool: Pool, producer: AIOKafkaProducer) -> None:
        self.settings = settings
        self.pool = pool
        self.topics = Topics(settings.topic_prefix)
        self.producer = producer
        self.store = PostgresLetters(pool, lease_seconds=LEASE_SECONDS)
        self.jobs = redrives.letter_jobs(settings, pool=pool, redactor=REDACTOR)
        self.originals = TopicOriginals({"bootstrap_servers": settings.kafka_bootstrap_servers}, topics=self.topics)

    async def send(self, *values: Event | bytes, topic: str | None = None) -> list[Origin]:
        """To one partition. Their origins have their times."""
        sent = []
        for value in values:
            raw = value if isinstance(value, bytes) else json.dumps(value).encode()
            asks = isinstance(value, dict) and value["type"].startswith("escalation.")
            to = topic or (self.topics.requests if asks else self.topics.sessions)
            sent.append(await self.producer.send_and_wait(to, raw, key=b"s1", partition=0))
        return [Origin(each.topic, each.partition, each.offset, each.timestamp) for each in sent]

    async def ends_at(self, partition: TopicPartition, offset: int) -> bool:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka_bootstrap_servers)
        await consumer.start()
        try:
            ends = await consumer.end_offsets([KafkaPartition(*partition)])
        finally:
            await consumer.stop()
        return bool(ends[KafkaPartition(*partition)] == offset)

    async def refused(
        self, *origins: Origin, reason: str = "internal", session: str | None = "s1", at: datetime | None = None
    ) -> None:
        """Dead letters of these records, as an earlier release left them. They are on the `.dlq` topic already."""
        for origin in origins:
            await self.pool.execute(_REFUSE, *origin, "default", session, reason, at)

    async def take_in(self, *origins: Origin) -> None:
        """Reads and stores the records, as intake does."""
        decode = redrives._judge(self.settings, REDACTOR)._decode
        standing = await self.originals.read(origins)
        arrivals = tuple(decode(standing[origin]) for origin in origins)  # type: ignore[arg-type] # they are there
        await inbox(self.settings, self.pool, REDACTOR).store(Batch(arrivals=arrivals))

    def loop(self) -> redriving.Redriving:
        return redrives.redrive_loop(self.settings, pool=self.pool, redactor=REDACTOR, health=Health(lambda: 0.0))

    async def done(self, action: LetterAction = LetterAction.REDRIVE, **chosen: Any) -> LetterJob:
        """Submits a job and works on it to its end."""
        job = await self.jobs.submit(action, ChosenLetters(**chosen), asked_by="a test")
        return await self.worked(job.job_id)

    async def worked(self, job_id: str) -> LetterJob:
        stop = asyncio.Event()
        running = asyncio.create_task(self.loop().run(stop))
        try:
            async with asyncio.timeout(30):
                return [job async for job in self.jobs.watch(job_id, every_seconds=0.05)][-1]
        finally:
            stop.set()
            await running

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that works on this scene."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.settings.kafka_bootstrap_servers,
            "DATABASE_URL": self.settings.database_url.get_secret_value(),
            "ESCALATION_TOPIC_PREFIX": self.settings.topic_prefix,
            "ESCALATION_REDACTION_KEY": KEY,
        }

    async def command(self, *arguments: str) -> Finished:
        """`dead-letters` with these arguments, to its end."""
        return await asyncio.to_thread(command, self.environment, "dead-letters", *arguments)

    async def rows(self, sql: str, *arguments: object) -> list[tuple[object, ...]]:
        return [tuple(row) for row in await self.pool.fetch(sql, *arguments)]

    async def listed(self) -> dict[tuple[str, int], str | None]:
        """The dead letters in the list: topic without its prefix and offset; why each stayed when it was redriven."""
        rows = await self.rows('SELECT topic, "offset", redrive_error FROM dead_letters ORDER BY 1, 2')
        prefix = self.settings.topic_prefix
        return {(str(topic).removeprefix(prefix), int(str(at))): error for topic, at, error in rows}  # type: ignore[misc]

    async def dead_letters_to_publish(self) -> int:
        return int(await self.pool.fetchval("SELECT count(*) FROM outbox WHERE topic LIKE '%.dlq'"))


@asynccontextmanager
async def open_scene(bootstrap_servers: str, database: str, topic_prefix: str) -> AsyncIterator[Scene]:
    settings = Settings().model_copy(
        update={
            "kafka_bootstrap_servers": bootstrap_servers,
            "database_url": SecretStr(database),
            "topic_prefix": topic_prefix,
        }
    )
    await prepare_topics({"bootstrap_servers": bootstrap_servers}, Topics(topic_prefix), "marker", partitions=1)
    pool = await open_pool(database, name="test", max_size=4)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers)
    await producer.start()
    try:
        with capture_logs():
            yield Scene(settings, pool, producer)
    finally:
        await producer.stop()
        await pool.close()
