"""A stage for end-to-end tests: topics, a database, a model and the service's processes."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg
import pytest
import redis.asyncio as redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError

from consumer.domain.events import Origin
from consumer.settings import Settings, read_settings
from consumer.wiring.stores import prepare_stores as make_ready
from schemas.topics import Topics
from tests.support.answers import structured
from tests.support.model_server import ModelServer
from tests.support.oracle import Oracle, Written
from tests.support.service import Finished, ServiceProcess, command
from tests.support.waiting import LONG_ENOUGH_SECONDS, until

API_KEY = "sk-ant-test-only"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
# They make a kill cost seconds; in production they are ten times as long.
FAST = {
    "ESCALATION_LEASE_SECONDS": "2",
    "ESCALATION_SESSION_TIMEOUT_SECONDS": "2",
    "ESCALATION_REVISE_AFTER_SECONDS": "1",
    "ESCALATION_RELAY_TRANSACTION_SECONDS": "2",
    "ESCALATION_MODEL_PROBE_SECONDS": "0.5",
    "ESCALATION_UPGRADE_SPREAD_SECONDS": "1",
}
_POLL_SECONDS = 0.1
NO_GROUPS_YET = (GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError)
"""A broker's errors until the first member of any group joins."""

Event = dict[str, Any]
RawRecord = tuple[str, bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]
"""Topic, key, value, headers."""


class Stage:
    """Its `async with` block ends all that it started. Only `keyed` services reach the model."""

    def __init__(self, *, bootstrap_servers: str, dsn: str, redis_url: str, prefix: str, folder: Path) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.dsn = dsn
        self.topics = Topics(prefix)
        self.model = ModelServer(structured, api_key=API_KEY)
        self.services: list[ServiceProcess] = []
        self.refused: set[Origin] = set()
        self.oracle = Oracle(
            bootstrap_servers=bootstrap_servers,
            dsn=dsn,
            redis_url=redis_url,
            topics=self.topics,
            group=f"{prefix}escalation-consumer",
        )
        self._environment = {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "DATABASE_URL": dsn,
            "REDIS_URL": redis_url,
            "ESCALATION_TOPIC_PREFIX": prefix,
            "ESCALATION_HTTP_PORT": "0",
            **FAST,
        }
        self._folder = folder
        self._open = ExitStack()

    async def __aenter__(self) -> Self:
        self._open.enter_context(self.model)
        try:
            await make_ready(settings_of(self.environment()))
        except BaseException:
            self._open.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for service in self.services:
            service.discard()
        self._open.close()

    # the service

    def environment(self, *, keyed: bool = True, **changes: str) -> dict[str, str]:
        """The environment of a process. `changes` are settings by their names without the prefix, in any case."""
        model = {"ANTHROPIC_API_KEY": API_KEY, "ANTHROPIC_BASE_URL": self.model.url} if keyed else {}
        return self._environment | model | {f"ESCALATION_{name.upper()}": value for name, value in changes.items()}

    async def command(self, *arguments: str, given: str | None = None, **variables: str) -> Finished:
        """To its end, with these environment variables instead of the stage's."""
        return await asyncio.to_thread(command, self.environment() | variables, *arguments, given=given)

    def service(self, *, keyed: bool = True, dsn: str | None = None, **changes: str) -> ServiceProcess:
        """A service not yet started. `dsn` replaces the stage's database."""
        return self.service_of(self.environment(keyed=keyed, **changes) | ({"DATABASE_URL": dsn} if dsn else {}))

    def service_of(self, environment: Mapping[str, str], program: Sequence[str] = ("consumer",)) -> ServiceProcess:
        """Not yet started, with this environment and no other."""
        made = ServiceProcess(environment, self._folder / f"service-{len(self.services)}.log", program=program)
        self.services.append(made)
        return made

    async def running(self, *, keyed: bool = True, dsn: str | None = None, **changes: str) -> ServiceProcess:
        """Started and ready."""
        made = self.service(keyed=keyed, dsn=dsn, **changes)
        made.start()
        await made.wait_ready()
        return made

    async def forget_cached_drafts(self) -> None:
        """Deletes this stage's keys from Redis."""
        client = redis.from_url(self._environment["REDIS_URL"])
        try:
            if keys := await client.keys(f"{self.topics.prefix}*"):
                await client.delete(*keys)
        finally:
            await client.aclose()

    # the topics

    async def load(self, lines: str) -> None:
        """Sends the lines by the loader command."""
        done = await self.command("load", "-", given=lines)
        assert done.code == 0, done.errors

    async def send(self, *events: Event, topic: str | None = None) -> list[Origin]:
        """Sends in order to the topic of each type; waits for delivery before the topic changes."""
        sent: list[Origin] = []
        async with self._producer() as producer:
            for name, some in groupby(events, lambda event: topic or self.topic_of(event)):
                sent += await _written(
                    producer, ((name, event["subject"].encode(), json.dumps(event).encode(), ()) for event in some)
                )
        return sent

    async def send_raw(self, *records: RawRecord) -> list[Origin]:
        """Sends records of any form."""
        async with self._producer() as producer:
            return await _written(producer, records)

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap_servers, compression_type="gzip", max_request_size=20_000_000
        )
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def send_poison(self, *records: RawRecord) -> list[Origin]:
        """As `send_raw`; the oracle expects a dead letter for each."""
        origins = await self.send_raw(*records)
        self.refused.update(origins)
        return origins

    def topic_of(self, event: Event) -> str:
        return self.topics.requests if event["type"].startswith("escalation.") else self.topics.sessions

    async def end_offset(self, topic: str, partition: int = 0) -> int:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap_servers)
        await consumer.start()
        try:
            at = TopicPartition(topic, partition)
            return int((await consumer.end_offsets([at]))[at])
        finally:
            await consumer.stop()

    # the outcome

    async def settled(self, *, within_seconds: float = 2 * LONG_ENOUGH_SECONDS) -> None:
        """Returns when all input is read and nothing is due, leased or unpublished."""

        async def nothing_left() -> bool:
            self._left = await self._unsettled()
            return not self._left

        try:
            await until(nothing_left, within_seconds=within_seconds, every_seconds=_POLL_SECONDS)
        except TimeoutError:
            tails = "\n".join("\n".join(service.logged.splitlines()[-12:]) for service in self.services)
            raise AssertionError(f"not settled within {within_seconds:g} s: {self._left}\n{tails}") from None

    async def _unsettled(self) -> str:
        try:
            return await self.oracle.unsettled()
        except (OSError, asyncpg.PostgresError, *NO_GROUPS_YET) as error:
            return repr(error)

    async def published(self, count: int, *, within_seconds: float = LONG_ENOUGH_SECONDS) -> list[Event]:
        """The data and `type` of the events on both outcome topics, once there are `count` of them."""
        outcomes: list[Event] = []

        async def enough() -> bool:
            nonlocal outcomes
            written = (await self.oracle.read()).published
            outcomes = [{"type": event["type"], **event["data"]} for event in written]
            return len(outcomes) >= count

        try:
            await until(enough, within_seconds=within_seconds, every_seconds=_POLL_SECONDS)
        except TimeoutError:
            tails = "\n".join("\n".join(service.logged.splitlines()[-15:]) for service in self.services)
            raise AssertionError(f"{len(outcomes)} of {count} outcomes after {within_seconds:g} s\n{tails}") from None
        return outcomes

    async def verdict(self, *, secrets: Collection[str] = ()) -> Written:
        """Runs the oracle over all that this stage saw."""
        return await self.oracle.check(
            refused=self.refused,
            secrets=secrets,
            logs=[service.log for service in self.services],
            model_requests=[request.raw for request in self.model.requests],
        )

    async def drafts(self) -> int:
        """The number of drafts in the ledger: one per session, bundle, prompt and model. A claim is no draft."""
        (row,) = await self.query("SELECT count(*) AS drafts FROM drafts WHERE state <> 'claimed'")
        return int(row["drafts"])

    async def query(self, sql: str, *arguments: object) -> list[dict[str, Any]]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return [dict(row) for row in await connection.fetch(sql, *arguments)]
        finally:
            await connection.close()

    async def execute(self, statements: str, *, database: str | None = None) -> None:
        """As the administrator, in the stage's database or another one. Again where the service's locks cross these."""
        connection = await asyncpg.connect(self.dsn, database=database)
        try:
            while True:
                try:
                    await connection.execute(statements)
                except asyncpg.DeadlockDetectedError:
                    continue
                return
        finally:
            await connection.close()


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings that this environment gives."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return read_settings()


async def _written(producer: AIOKafkaProducer, records: Iterable[RawRecord]) -> list[Origin]:
    """Returns when all are delivered."""
    sent = [
        await producer.send(topic, key=key, value=value, headers=list(headers))
        for topic, key, value, headers in records
    ]
    return [Origin(receipt.topic, receipt.partition, receipt.offset) for receipt in [await each for each in sent]]


class Story:
    """The events of one session, each with the next version."""

    def __init__(self, session_id: str | None = None, *, tenant_id: str | None = None) -> None:
        self.session_id = session_id or f"s-{secrets.token_hex(4)}"
        self.tenant_id = tenant_id
        self.version = 0

    def event(self, kind: str, data: Mapping[str, Any] | None = None, *, version: int | None = None) -> Event:
        """A session event; without `version` the next one."""
        if version is None:
            self.version += 1
            version = self.version
        made = self._envelope(kind, f"{self.session_id}-{version}", data or {}, version)
        made["stateversion"] = version
        return made

    def opened(self, title: str = "Outlook asks for a password again and again", **fields: Any) -> Event:
        return self.event("session.opened.v1", {"title": title, "problem_summary": "Mail is not delivered.", **fields})

    def fact(self, text: str = "The mailbox opens in the browser.", **fields: Any) -> Event:
        data = {"fact_id": f"fact-{self.version + 1}-{secrets.token_hex(3)}", "text": text}
        return self.event("session.fact_recorded.v1", {"source_type": "user_report", **data, **fields})

    def fix(self, title: str = "Recreate the mail profile", *, confidence_pct: int = 85) -> Event:
        data = {"fix_id": "fix-in-play", "title": title, "description": "The profile points to the old tenant."}
        return self.event("session.fix_suggested.v1", {**data, "confidence_pct": confidence_pct})

    def outcome(self, status: str, **fields: Any) -> Event:
        return self.event("session.fix_outcome_recorded.v1", {"fix_id": "fix-in-play", "status": status, **fields})

    def request(self, request_id: str = "r1", **fields: Any) -> Event:
        return self._envelope("escalation.requested.v1", request_id, {"request_id": request_id, **fields}, self.version)

    def cancel(self, request_id: str = "r1") -> Event:
        event_id = f"{request_id}-cancelled"
        return self._envelope("escalation.cancelled.v1", event_id, {"request_id": request_id}, self.version)

    def _envelope(self, kind: str, event_id: str, data: Mapping[str, Any], minutes: int) -> Event:
        made: Event = {
            "specversion": "1.0",
            "id": event_id,
            "source": "/tests",
            "type": kind,
            "subject": self.session_id,
            "time": (START + timedelta(minutes=minutes % 100_000)).isoformat(),
            "data": dict(data),
        }
        if self.tenant_id is not None:
            made["tenantid"] = self.tenant_id
        return made
