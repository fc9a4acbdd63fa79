"""One replica's intake in its own process: it joins, waits for a word on stdin, takes in until stdin ends.

`python -m tests.benchmarks.replica BOOTSTRAP_SERVERS DSN`. It prints how many partitions it owns whenever that
changes, and at the end what it used.
"""

import asyncio
import json
import resource
import sys
import time
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, field
from typing import Self

from consumer.adapters.kafka.consuming.consumer import KafkaSource
from consumer.adapters.postgres.core.pool import open_pool
from consumer.adapters.postgres.intake.inbox import PostgresInbox
from consumer.adapters.prometheus import PrometheusMeters
from consumer.domain.package.package import Sender
from consumer.domain.redaction import Redactor
from consumer.domain.request.schedule import RevisionRules
from consumer.flows.intake.loop import Intake
from consumer.flows.operation.health import Health
from consumer.service import ease_collection
from consumer.settings import Settings
from schemas.topics import Topics

POLL_MS = 50


@dataclass(slots=True)
class Replica:
    """The process, as its starter sees it."""

    process: Process
    figures: dict[str, float] = field(default_factory=dict)
    """The latest figures, by name."""
    listening: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, *, kafka: str, dsn: str) -> Self:
        command = [sys.executable, "-m", "tests.benchmarks.replica", kafka, dsn]
        replica = cls(await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE))
        replica.listening = asyncio.create_task(replica._listen())
        return replica

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def owned(self) -> int:
        """Partitions. Raises RuntimeError when the process has ended."""
        if self.process.returncode is not None:
            raise RuntimeError("a replica ended by itself; what it printed stands above")
        return int(self.figures.get("owned", 0))

    async def _listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.figures.update(json.loads(line))

    def begin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"begin\n")

    async def end(self) -> dict[str, float]:
        """What it used: `cpu_seconds` since the word to begin, and `peak_memory_mib`."""
        assert self.process.stdin is not None
        assert self.listening is not None
        self.process.stdin.close()
        await self.listening
        await self.process.wait()
        return self.figures

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


async def _run(kafka: str, dsn: str) -> None:
    topics, settings, redactor = Topics(), Settings(), Redactor(b"a key for the benchmark only")
    pool = await open_pool(dsn, name="bench", max_size=4)
    source = KafkaSource(
        {"bootstrap_servers": kafka},
        group="bench",
        topics=topics,
        session_timeout_seconds=settings.session_timeout_seconds,
        batch_records=settings.intake_batch_records,
    )
    inbox = PostgresInbox(
        pool,
        sender=Sender(topics=topics, source="/bench"),
        redactor=redactor,
        revisions=RevisionRules(after_seconds=60, window_seconds=86_400, limit=5),
    )
    intake = Intake(
        source=source,
        inbox=inbox,
        redactor=redactor,
        topics=topics,
        health=Health(time.monotonic),
        meters=PrometheusMeters(),
    )
    ease_collection()  # as the service does
    word = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    source.pause()
    last = 0
    while not word.done():
        await source.poll(POLL_MS)
        if len(source.owned) != last:
            last = len(source.owned)
            _tell(owned=last)
        await asyncio.sleep(POLL_MS / 1000)
    await source.resume()
    used, stop = _cpu_seconds(), asyncio.Event()
    running = asyncio.create_task(intake.run(stop))
    await asyncio.to_thread(sys.stdin.read)
    stop.set()
    await running
    await pool.close()
    _tell(
        cpu_seconds=_cpu_seconds() - used,
        peak_memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _tell(**what: float) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_run(*sys.argv[1:]))
