"""Intake's speed on real servers: `python -m tests.benchmarks.intake [--events N] [--json]` (`make bench`).

Session events wait in Kafka; then the real intake (decode, redact, store, commit) takes them in. Printed: events a
second from the first batch to the last row, CPU seconds of this process and of the servers, and peak memory of this
process. The events are the real ones of the shared data where it is there (65,533), else as many made ones of the same
shapes.
"""

import argparse
import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterator

import psutil
from rich.console import Console
from rich.table import Table

from consumer.adapters.embedded import ServerName, Servers
from consumer.adapters.kafka.admin import prepare_topics
from consumer.adapters.kafka.consumer import KafkaSource
from consumer.adapters.kafka.writing import TopicWriter
from consumer.adapters.postgres.inbox import PostgresInbox
from consumer.adapters.postgres.migrate import migrate
from consumer.adapters.postgres.pool import Pool, open_pool
from consumer.adapters.prometheus import PrometheusMeters
from consumer.app import ease_collection
from consumer.domain.package import Sender
from consumer.domain.redaction import Redactor
from consumer.flows.health import Health
from consumer.flows.intake import Intake
from consumer.flows.schedule import RevisionRules
from consumer.settings import Settings
from schemas.topics import SESSIONS, Topics
from tests.support import volvo

EVENTS = 65_533
_LOOK_SECONDS = 0.02


def _records(count: int) -> list[tuple[str, bytes]]:
    """Key and value of each session event, in time order."""
    if (volvo.shared_folder() / "tools" / "volvo_events.py").exists():
        real = [line for line in volvo.stream().records() if line["topic"] == SESSIONS]
        return [(line["key"], json.dumps(line["value"]).encode()) for line in real[:count]]
    return list(_made(count))


def _made(count: int) -> Iterator[tuple[str, bytes]]:
    for number in range(count):
        session, version = f"s{number % (count // 9 + 1)}", number // (count // 9 + 1)
        text = f"team {number % 40} set the print service to Accepted / In Progress on host ws-{number % 900}"
        kind, data = (
            "session.fact_recorded.v1",
            {"fact_id": f"f{version}", "text": text, "source_type": "engineer_note"},
        )
        if version == 0:
            kind, data = "session.opened.v1", {"title": f"case {number}", "intake_text": f"{text}. " * 5}
        event = {
            "specversion": "1.0",
            "id": f"e{number}",
            "source": "/bench",
            "type": kind,
            "subject": session,
            "time": "2026-01-01T00:00:00Z",
            "stateversion": version,
            "data": data,
        }
        yield session, json.dumps(event).encode()


async def _load(records: list[tuple[str, bytes]], topics: Topics, bootstrap_servers: str) -> None:
    async with TopicWriter(bootstrap_servers=bootstrap_servers) as writer:
        for key, value in records:
            await writer.write(topics.sessions, key, value)
        await writer.flush()


async def _measure(count: int) -> dict[str, float]:
    topics, settings, redactor = Topics(), Settings(), Redactor(b"a key for the benchmark only")
    async with Servers(wanted=(ServerName.KAFKA, ServerName.POSTGRES)) as servers:
        kafka = {"bootstrap_servers": servers.kafka.bootstrap_servers}
        await migrate(servers.postgres.dsn)
        await prepare_topics(kafka, topics, "relay-position")
        records = await asyncio.to_thread(_records, count)
        await _load(records, topics, servers.kafka.bootstrap_servers)
        pool = await open_pool(servers.postgres.dsn, name="bench", max_size=4)
        source = KafkaSource(
            kafka, group="bench", topics=topics, session_timeout_seconds=30, batch_records=settings.intake_batch_records
        )
        intake = Intake(
            source=source,
            inbox=PostgresInbox(
                pool,
                sender=Sender(topics=topics, source="/bench"),
                redactor=redactor,
                revisions=RevisionRules(after_seconds=60, window_seconds=86_400, limit=5),
            ),
            redactor=redactor,
            topics=topics,
            health=Health(time.monotonic),
            meters=PrometheusMeters(),
        )
        ease_collection()  # as the service does
        try:
            return await _run(intake, pool, len(records))
        finally:
            await pool.close()


async def _run(intake: Intake, pool: Pool, count: int) -> dict[str, float]:
    own, servers = resource.getrusage(resource.RUSAGE_SELF), _servers_cpu_seconds()
    stop = asyncio.Event()
    running = asyncio.create_task(intake.run(stop))
    began = 0.0
    while await pool.fetchval("SELECT count(*) FROM intake_positions") == 0:  # noqa: ASYNC110 - it looks from outside
        await asyncio.sleep(_LOOK_SECONDS)
    began = time.monotonic()
    first = stored = await pool.fetchval("SELECT count(*) FROM session_events")
    while stored < count:
        await asyncio.sleep(_LOOK_SECONDS * 5)
        stored = await pool.fetchval("SELECT coalesce(sum(event_count), 0) FROM sessions")
        if running.done():
            await running
    seconds = time.monotonic() - began
    stop.set()
    await running
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "events": count,
        "seconds": seconds,
        "events_a_second": (count - first) / seconds,
        "own_cpu_seconds": after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime,
        "servers_cpu_seconds": _servers_cpu_seconds() - servers,
        "peak_memory_mib": after.ru_maxrss / 1024,
    }


def _servers_cpu_seconds() -> float:
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            spent = child.cpu_times()
        except psutil.Error:
            continue
        total += spent.user + spent.system
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(_measure(options.events))
    if options.json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return 0
    table = Table(title="Intake", show_header=False)
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), f"{value:,.0f}" if value >= 100 else f"{value:.2f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
