"""Intake's speed on real servers (`make bench`): `python -m tests.benchmarks.intake [--events N] [--replicas N]`.

Session events wait in Kafka; then the real intake (decode, redact, store, commit) takes them in, with one replica per
CPU. It prints events a second from the word to begin to the last row, CPU seconds of the replicas and of the servers,
and peak memory of a replica. The events are the real ones of the shared data (65,533), or as many generated ones of
the same shapes where that data is absent.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import AsyncExitStack

import psutil
from rich.console import Console
from rich.table import Table

from consumer.adapters.embedded import ServerName, Servers
from consumer.adapters.kafka.admin import PARTITIONS, prepare_topics
from consumer.adapters.kafka.writing import TopicWriter
from consumer.adapters.postgres.core.migrate import migrate
from consumer.adapters.postgres.core.pool import open_pool
from schemas.topics import SESSIONS, Topics
from tests.benchmarks.replica import Replica
from tests.support import volvo

EVENTS = 65_533
_LOOK_SECONDS = 0.05


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


async def _measure(count: int, replicas: int) -> dict[str, float]:
    topics = Topics()
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(Servers(wanted=(ServerName.KAFKA, ServerName.POSTGRES)))
        kafka = servers.kafka.bootstrap_servers
        await migrate(servers.postgres.dsn)
        await prepare_topics({"bootstrap_servers": kafka}, topics, "relay-position")
        records = await asyncio.to_thread(_records, count)
        await _load(records, topics, kafka)
        pool = await open_pool(servers.postgres.dsn, name="bench", max_size=1)
        stack.push_async_callback(pool.close)
        members = [await Replica.start(kafka=kafka, dsn=servers.postgres.dsn) for _ in range(replicas)]
        for member in members:
            stack.push_async_callback(member.kill)
        partitions = PARTITIONS * len([*topics.live, *topics.replay])
        while not all(owned := [member.owned for member in members]) or sum(owned) != partitions:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        spent, began = _servers_cpu_seconds(members), time.monotonic()
        for member in members:
            member.begin()
        while await pool.fetchval("SELECT coalesce(sum(event_count), 0) FROM sessions") < len(records):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        seconds = time.monotonic() - began
        spent = _servers_cpu_seconds(members) - spent
        figures = [await member.end() for member in members]
    return {
        "events": len(records),
        "replicas": replicas,
        "seconds": seconds,
        "events_a_second": len(records) / seconds,
        "replicas_cpu_seconds": sum(figure["cpu_seconds"] for figure in figures),
        "servers_cpu_seconds": spent,
        "peak_memory_mib": max(figure["peak_memory_mib"] for figure in figures),
    }


def _servers_cpu_seconds(replicas: Collection[Replica]) -> float:
    ours = {replica.pid for replica in replicas}
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            spent = child.cpu_times()
        except psutil.Error:
            continue
        if child.pid not in ours:
            total += spent.user + spent.system
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--replicas", type=int, default=min(os.cpu_count() or 1, PARTITIONS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(_measure(options.events, options.replicas))
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
