"""A service on a stage that is killed and comes back at once under its name, while acts are played on it."""

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer

from consumer.domain.events import Origin
from tests.support.databases import Database, connected, with_database
from tests.support.killing.mother import Mother
from tests.support.killing.page import Page
from tests.support.stage import Event, Stage, Story
from tests.support.waiting import until

SETTINGS = {
    "instance_id": "only",  # so that nobody waits for a dead member, nor for a dead worker's leases
    "topic_partitions": "2",
    "revise_after_seconds": "0.2",
    "upgrade_spread_seconds": "0",
    "model_probe_seconds": "0.2",
    "drain_seconds": "4",
}
RETENTION = {"retention_days": "30", "key_retention_days": "60"}
QUIET_SECONDS = 120.0
"""An act takes a second or two, and after a kill as much again; a machine may be busy."""
_LOOK_SECONDS = 0.1
_LEFT = """
    SELECT (SELECT count(*) FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS sent (topic, partition, at)
            LEFT JOIN intake_positions AS read USING (topic, partition)
            WHERE read.next_offset IS NULL OR read.next_offset <= sent.at) AS unread,
           (SELECT count(*) FROM requests WHERE state = 'open' OR leased_until IS NOT NULL
                OR due_at < now() + interval '5 seconds') AS requests,
           (SELECT count(*) FROM outbox) AS outbox,
           (SELECT count(*) FROM cache_evictions) AS to_forget
"""
_OUTCOME = {
    "requests": "tenant_id, session_id, request_id, state, requested_state_version, reason, priority, revision,"
    " revisions_by_change, upgrade_wanted, failure FROM requests",
    "packages": "tenant_id, session_id, request_id, revision, state_version, arrivals, status, cause, model, event"
    " FROM packages",
    "events": "tenant_id, session_id, version, event_id, type, data FROM session_events",
    "sessions": "tenant_id, session_id, newest_version, event_count, has_secrets, last_ticket,"
    " erased_at IS NULL AS is_here, trimmed_at IS NULL AS is_whole FROM sessions",
    "drafts": "DISTINCT tenant_id, session_id, state, model FROM drafts",  # a cached one may spare a row
    "feedback": "tenant_id, session_id, event_id, outcome FROM package_feedback",
    "dead_letters": "tenant_id, session_id, reason, redrive_error IS NULL FROM dead_letters",
    "settled": "tenant_id, session_id, reason, became FROM settled_dead_letters",
    "secrets": "tenant_id, session_id, kind FROM session_secrets",
    "replayed": "tenant_id, session_id, request_id, state"
    " FROM (SELECT * FROM replay_items WHERE state <> 'planned') AS begun",
}
_TOLD = ("state_version", "status", "cause", "warnings", "language", "markdown", "supersedes_revision", "footer")
"""Of a package: what does not hold a time or a digest of the session's id."""

_NOT_REBUILT = ("drafts", "settled", "replayed")
_CASE = re.compile(r'Case of ([^"]+)"')
_FINGERPRINT = re.compile(r":[0-9a-f]{16}\]")
"""A placeholder's, which differs from session to session."""

Outcome = Mapping[str, list[str]]


class NarrowStage(Stage):
    """Few partitions, short times, and a name for the service."""

    def environment(self, *, keyed: bool = True, **changes: str) -> dict[str, str]:
        return super().environment(keyed=keyed, **SETTINGS | changes)


class _PatientStory(Story):
    """Its requests can wait: on a busy machine no deadline comes near but where an act wants that."""

    def request(self, request_id: str = "r1", **fields: Any) -> Event:
        return super().request(request_id, **{"deadline_seconds": 3600} | fields)


class World:
    """Everything of one act has the tag in its ids, so that acts do not meet."""

    def __init__(self, stage: Stage, mother: Mother, tables: Database, producer: AIOKafkaProducer, page: Page) -> None:
        self.stage = stage
        self.page = page
        self.tag = ""
        self.secrets: set[str] = set()
        self.tables = tables
        self._mother = mother
        self._producer = producer
        self._sent: dict[tuple[str, int], int] = {}
        self._log = page.path.with_suffix(".log")
        self._pid: int | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._is_down = False
        self._may_live = asyncio.Event()
        self._may_live.set()
        self._commands = 0

    # what acts do

    @property
    def model(self) -> Any:
        return self.stage.model

    def story(self, name: str = "s", *, tenant: str | None = None) -> Story:
        return _PatientStory(f"{self.tag}-{name}", tenant_id=None if tenant is None else f"{self.tag}-{tenant}")

    async def send(self, *events: Event, topic: str | None = None) -> list[Origin]:
        """To the topic of each type."""
        return [
            await self.send_raw(topic or self.stage.topic_of(each), each["subject"], json.dumps(each).encode())
            for each in events
        ]

    async def send_raw(self, topic: str, key: str, value: bytes) -> Origin:
        receipt = await self._producer.send_and_wait(topic, key=key.encode(), value=value)
        self._sent[receipt.topic, receipt.partition] = receipt.offset
        return Origin(receipt.topic, receipt.partition, receipt.offset, receipt.timestamp)

    async def begin(self, tag: str) -> None:
        """The next act. What the one before has left of an outage, having been killed at its end, is over."""
        self.tag = tag
        for table in ("model_outage", "model_doubts"):
            await self.tables.execute(f"DELETE FROM {table}")

    async def quiet(self) -> None:
        """Returns when all that was sent is read, and nothing is left to do in the next seconds."""
        left: dict[str, int] = {}

        async def nothing_left() -> bool:
            nonlocal left
            sent = [(topic, partition, at) for (topic, partition), at in self._sent.items()]
            left = dict(await self.tables.fetchrow(_LEFT, *(list(column) for column in zip(*sent, strict=True))) or {})
            return not any(left.values()) and not self._is_down

        try:
            await until(nothing_left, within_seconds=QUIET_SECONDS, every_seconds=_LOOK_SECONDS)
        except TimeoutError:
            raise AssertionError(f"not quiet within {QUIET_SECONDS:g} s: {left}\n{self.log_tail()}") from None

    async def seen(self, condition: str, *arguments: object) -> None:
        """Returns when this SQL condition is true."""

        async def true() -> bool:
            return bool(await self.tables.fetchval(f"SELECT {condition}", *arguments))

        try:
            await until(true, within_seconds=QUIET_SECONDS, every_seconds=_LOOK_SECONDS)
        except TimeoutError:
            raise AssertionError(f"never true: {condition} {arguments}\n{self.log_tail()}") from None

    async def command(self, *arguments: str, **variables: str) -> str:
        """Runs a command, again where it is killed, until it succeeds. Returns its output."""
        environment = self.stage.environment() | variables
        while True:
            self._commands += 1
            log = self._log.with_suffix(f".{self._commands}")
            pid = await self._mother.start(environment, log, self.page.path, *arguments)
            async with asyncio.timeout(QUIET_SECONDS):
                code = await self._mother.ended(pid)
            if code != -signal.SIGKILL:
                break
        output = log.read_text(encoding="utf-8")
        assert code == 0, f"{arguments} ended with {code}\n{output}\n{self.log_tail()}"
        return output

    async def committed(self) -> None:
        """Returns when the offsets of all input are committed."""
        async with asyncio.timeout(QUIET_SECONDS):
            while await self.stage.oracle.unread():  # noqa: ASYNC110 - Kafka tells nobody
                await asyncio.sleep(_LOOK_SECONDS)

    async def positions(self) -> list[Any]:
        return await self.tables.fetch("SELECT topic, partition, next_offset FROM intake_positions")

    async def lose(self, positions: list[Any]) -> None:
        """Nothing of the act is stored any more, as in a store restored from a backup of that time."""
        async with self.tables.transaction():
            for table in ("packages", "drafts", "requests", "session_events", "session_secrets", "sessions"):
                await self.tables.execute(f"DELETE FROM {table} WHERE session_id LIKE $1", f"{self.tag}-%")
            await self.tables.execute("DELETE FROM intake_positions")
            await self.tables.executemany("INSERT INTO intake_positions VALUES ($1, $2, $3)", positions)

    async def rebuilt_beside(self) -> None:
        """Rebuilds into an empty database, and compares."""
        name = f"rebuilt_{secrets.token_hex(6)}"
        await self.tables.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        dsn = with_database(self.stage.dsn, name)
        try:
            await self.command("rebuild", "--json", DATABASE_URL=dsn)
            async with connected(dsn) as tables:
                rebuilt = dict(await self.outcome(tables))
        finally:
            await self.tables.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        served = dict(await self.outcome())
        for name in _NOT_REBUILT:
            rebuilt.pop(name), served.pop(name)
        assert rebuilt == served

    # life and death

    async def start(self, *, keyed: bool = True) -> None:
        """Starts the service; when a point kills it, it is back at once."""
        environment = self.stage.environment(keyed=keyed, **RETENTION)
        self._keeping = asyncio.create_task(self._keep(environment), name="keeping")
        await self.seen("EXISTS (SELECT FROM relay WHERE leader IS NOT NULL)")
        await self.seen("EXISTS (SELECT FROM intake_positions)")

    async def _keep(self, environment: Mapping[str, str]) -> None:
        while True:
            self._is_down = True
            await self._may_live.wait()
            self._pid = await self._mother.start(environment, self._log, self.page.path, "run")
            self._is_down = False
            code = await self._mother.ended(self._pid)
            assert code in (-signal.SIGKILL, 0), f"the service ended with {code}\n{self.log_tail()}"

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """SIGKILL from outside; it is back after the block."""
        self._may_live.clear()
        await self._signal(signal.SIGKILL)
        yield
        self._may_live.set()

    async def end(self) -> None:
        """SIGTERM; it is back at once."""
        await self._signal(signal.SIGTERM)

    async def _signal(self, number: signal.Signals) -> None:
        """Also to a process that a point has just killed: then the next one gets it."""
        while self._is_down:  # noqa: ASYNC110 - it changes in a few steps of this loop
            await asyncio.sleep(_LOOK_SECONDS)
        assert self._pid is not None
        ended = self._mother.ended(self._pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, number)
        async with asyncio.timeout(30):
            await asyncio.shield(ended)
        await asyncio.sleep(0)  # it counts as down from now on

    async def stop(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            failed = (await asyncio.gather(self._keeping, return_exceptions=True))[0]
            if isinstance(failed, AssertionError):
                raise failed
        if self._pid is not None and not self._mother.ended(self._pid).done():
            os.kill(self._pid, signal.SIGKILL)
            await self._mother.ended(self._pid)

    # what became of it

    async def outcome(self, tables: "Database | None" = None) -> Outcome:
        """All that is stored of the act's sessions, without times, ids of rows and the tag."""
        rows = {
            name: await (tables or self.tables).fetch(
                f"SELECT {query} WHERE session_id LIKE $1 OR tenant_id LIKE $1", f"{self.tag}-%"
            )
            for name, query in _OUTCOME.items()
        }
        return {name: sorted(self._plain(dict(row)) for row in some) for name, some in rows.items()}

    def _plain(self, row: dict[str, Any]) -> str:
        if "event" in row:
            event = json.loads(row.pop("event"))
            row |= {name: event.get(name) for name in _TOLD}
        return _FINGERPRINT.sub("]", json.dumps(row, default=str).replace(self.tag, "#"))

    def drafts_begun(self) -> Counter[str]:
        """How many drafts the model was asked for, by the act's session: retries and repairs belong to their draft."""
        drafts = {call.boundary: call.user_text for call in self.model.requests if self.tag in call.user_text}
        names = (_CASE.search(text) for text in drafts.values())
        return Counter(name[1].replace(self.tag, "#") for name in names if name is not None)

    def log_tail(self, lines: int = 30) -> str:
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    @property
    def log(self) -> Any:
        return self._log


@asynccontextmanager
async def open_world(stage: Stage, mother: Mother, page: Page) -> AsyncIterator[World]:
    producer = AIOKafkaProducer(bootstrap_servers=stage.bootstrap_servers)
    await producer.start()
    try:
        async with connected(stage.dsn) as tables:
            world = World(stage, mother, tables, producer, page)
            try:
                yield world
            finally:
                await world.stop()
    finally:
        await producer.stop()
