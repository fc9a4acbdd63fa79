"""Relays that are killed and frozen while they fight over one outbox: a reader sees every event once."""

import asyncio
import random
import signal
from collections import Counter
from contextlib import suppress

import asyncpg
import pytest

from consumer.adapters.kafka.topic_reader import TopicReader
from tests.support.relay_process import Parameters
from tests.support.topics import make_topics

ROWS = 2000
FAULTS = 14
SEED = 20
RELAYS = 3
_ADD = """
    INSERT INTO outbox (topic, key, headers, value)
    SELECT $1, ('k' || n % 7)::bytea, jsonb_build_array(jsonb_build_array('ce_id', n::text)), n::text::bytea
    FROM unnest($2::int[]) AS n
"""


class Fight:
    """Relay processes, a writer that keeps adding rows, and random kills and freezes."""

    def __init__(self, parameters: Parameters, topic: str, seed: int) -> None:
        self._parameters = parameters
        self._topic = topic
        self._chance = random.Random(seed)
        self._relays: list[asyncio.subprocess.Process] = []
        self.killed = 0
        self.frozen = 0

    async def run(self, rows: int, faults: int) -> None:
        self._relays = [await self._start() for _ in range(RELAYS)]
        try:
            writing = asyncio.create_task(self._write(rows))
            for _ in range(faults):
                await asyncio.sleep(self._chance.uniform(0.15, 0.6))
                await self._harm(self._chance.randrange(RELAYS))
            await writing
            for relay in self._relays:
                with suppress(ProcessLookupError):
                    relay.send_signal(signal.SIGCONT)
            await self._until_empty()
            await asyncio.sleep(0.5)  # zombies that woke up late would publish now
        finally:
            for relay in self._relays:
                with suppress(ProcessLookupError):
                    relay.kill()
                await relay.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._parameters.command(), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )

    async def _harm(self, number: int) -> None:
        relay = self._relays[number]
        assert relay.returncode is None, "a relay ended by itself"
        if self._chance.random() < 0.5:
            relay.kill()
            await relay.wait()
            self._relays[number] = await self._start()
            self.killed += 1
        else:
            relay.send_signal(signal.SIGSTOP)
            asyncio.get_running_loop().call_later(self._chance.uniform(0.7, 2.5), self._wake, relay)
            self.frozen += 1

    @staticmethod
    def _wake(relay: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            relay.send_signal(signal.SIGCONT)

    async def _write(self, rows: int) -> None:
        connection = await asyncpg.connect(self._parameters.dsn)
        try:
            for first in range(0, rows, 20):
                numbers = list(range(first, min(first + 20, rows)))
                await connection.execute(_ADD, self._topic, numbers)
                await asyncio.sleep(0.03)
        finally:
            await connection.close()

    async def _until_empty(self) -> None:
        connection = await asyncpg.connect(self._parameters.dsn)
        try:
            while await connection.fetchval("SELECT count(*) FROM outbox"):  # noqa: ASYNC110 - others empty it
                await asyncio.sleep(0.1)
        finally:
            await connection.close()


@pytest.mark.failure(3, 5, 40)
@pytest.mark.promise(3)
async def test_every_event_is_seen_once_whoever_is_killed_or_frozen(
    bootstrap_servers: str, database: str, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}events"
    parameters = Parameters(bootstrap_servers=bootstrap_servers, dsn=database, prefix=topic_prefix, topics=[topic])
    await make_topics(bootstrap_servers, **{topic: 3, parameters.marker_topic: 1})
    ring = Fight(parameters, topic, SEED)
    await ring.run(ROWS, FAULTS)
    assert ring.killed >= 3
    assert ring.frozen >= 3
    async with TopicReader((topic,), bootstrap_servers=bootstrap_servers) as reader:
        seen = [int(record.value or b"") for record in await reader.read_to_end()]
    assert {number: times for number, times in Counter(seen).items() if times != 1} == {}
    assert set(range(ROWS)) - set(seen) == set()
