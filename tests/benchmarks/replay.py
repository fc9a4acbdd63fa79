"""A full replay over a filled store: `python -m tests.benchmarks.replay [--sessions N] [--json]` (`make bench-replay`).

The service takes in the real history (65,533 events, 3,245 requests; as many generated ones where it is absent) and
drafts with a loopback model. Then the same records come again on the replay topics. Printed: records a second from the
first to the last, model calls and events on the ready topic (both must be 0), and how long live requests take from
sending to package, alone and beside a replay that outlasts them.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from rich.console import Console
from rich.table import Table

from consumer.adapters.embedded import ServerName, Servers
from consumer.adapters.kafka.writing import TopicWriter
from consumer.adapters.postgres.core.migrate import migrate
from schemas.topics import REPLAY_SUFFIX, REQUESTS, SESSIONS
from tests.support import volvo
from tests.support.model_server import Menu
from tests.support.service import ServiceProcess
from tests.support.stage import Stage, Story
from tests.support.waiting import until

EVENTS, REQUESTED = 65_533, 3_245
MODEL_SECONDS = 0.2
LIVE_REQUESTS = 300
LIVE_A_SECOND = 10.0
TIMES_BESIDE_LIVE = 3
"""Copies of the history on the replay topics while live requests are measured: the replay must outlast them."""
START_SECONDS = 180.0
FILL_SECONDS, REPLAY_SECONDS = 3600.0, 600.0
_LOOK_SECONDS = 0.05

Line = tuple[str, str, bytes]
"""Topic, key, value."""


def _lines(limit: int | None) -> list[Line]:
    if (volvo.shared_folder() / "tools" / "volvo_events.py").exists():
        options = () if limit is None else ("--limit-sessions", str(limit))
        return [
            (record["topic"], record["key"], json.dumps(record["value"]).encode())
            for record in volvo.stream(*options).records()
        ]
    return list(_made(REQUESTED if limit is None else limit))


def _made(sessions: int) -> Iterator[Line]:
    for number in range(sessions):
        story = Story(f"made-{number}")
        events = [story.opened(f"Case {number}"), *(story.fact() for _ in range(EVENTS // REQUESTED - 1))]
        for event in (*events, story.request()):
            topic = REQUESTS if event["type"].startswith("escalation.") else SESSIONS
            yield topic, story.session_id, json.dumps(event).encode()


async def _write(stage: Stage, lines: list[Line], *, suffix: str = "") -> None:
    async with TopicWriter(bootstrap_servers=stage.bootstrap_servers) as writer:
        for number, (topic, key, value) in enumerate(lines, 1):
            await writer.write(stage.topics.prefix + topic + suffix, key, value)
            if number % 5000 == 0:
                await writer.flush()
        await writer.flush()


async def _measure(limit: int | None) -> dict[str, float]:
    async with Servers(wanted=tuple(ServerName)) as servers:
        await migrate(servers.postgres.dsn)
        with tempfile.TemporaryDirectory() as folder:
            stage = Stage(
                bootstrap_servers=servers.kafka.bootstrap_servers,
                dsn=servers.postgres.dsn,
                redis_url=servers.redis.url,
                prefix="bench.",
                folder=Path(folder),
            )
            async with stage:
                return await _all(stage, await asyncio.to_thread(_lines, limit))


async def _all(stage: Stage, lines: list[Line]) -> dict[str, float]:
    began = time.monotonic()
    service = await _running(stage)
    await _write(stage, lines)
    await until(lambda: _requested(stage, lines), within_seconds=FILL_SECONDS)
    await stage.settled(within_seconds=FILL_SECONDS)
    figures = {
        "records": float(len(lines)),
        "requests": float(sum(topic == REQUESTS for topic, _, _ in lines)),
        "fill_seconds": time.monotonic() - began,
        "fill_model_calls": float(stage.model.calls),
    }
    await service.terminate()
    service = await _running(stage)  # as fresh as the service beside the replay
    figures |= {f"live_alone_{name}": value for name, value in (await _live(stage, "alone")).items()}
    await service.terminate()
    figures |= await _replayed(stage, lines)
    for _ in range(TIMES_BESIDE_LIVE):
        await _write(stage, lines, suffix=REPLAY_SUFFIX)
    await _running(stage)
    figures |= {f"live_beside_replay_{name}": value for name, value in (await _live(stage, "beside")).items()}
    figures["replay_still_running"] = float(bool(await stage.oracle.unsettled()))
    figures["live_p99_times"] = figures["live_beside_replay_p99_seconds"] / figures["live_alone_p99_seconds"]
    return figures


async def _running(stage: Stage) -> ServiceProcess:
    """Starts a service with longer times than tests use. A busy machine may start it slowly."""
    made = stage.service(model_concurrency="32", lease_seconds="20", session_timeout_seconds="30", revise_limit="0")
    made.start()
    await made.wait_ready(within_seconds=START_SECONDS)
    return made


async def _requested(stage: Stage, lines: list[Line]) -> bool:
    wanted = len({(key, json.loads(value)["data"]["request_id"]) for topic, key, value in lines if topic == REQUESTS})
    (row,) = await stage.query("SELECT count(*) AS requests FROM requests WHERE state <> 'open'")
    return bool(row["requests"] >= wanted)


async def _replayed(stage: Stage, lines: list[Line]) -> dict[str, float]:
    await _write(stage, lines, suffix=REPLAY_SUFFIX)
    calls, ready = stage.model.calls, await _ready(stage)
    service = await _running(stage)
    began = first = None
    while first is None or (read := await _read(stage)) < len(lines):
        if first is None and (read := await _read(stage)):
            began, first = time.monotonic(), read
        await asyncio.sleep(_LOOK_SECONDS)
    seconds = time.monotonic() - (began or 0.0)
    await stage.settled(within_seconds=REPLAY_SECONDS)
    figures = {
        "replay_seconds": seconds,
        "replay_records_a_second": (len(lines) - first) / seconds,
        "replay_model_calls": float(stage.model.calls - calls),
        "replay_ready_events": float(await _ready(stage) - ready),
    }
    await service.terminate()
    return figures


async def _read(stage: Stage) -> int:
    """Records of the replay topics that are stored."""
    (row,) = await stage.query(
        "SELECT coalesce(sum(next_offset), 0)::bigint AS read FROM intake_positions WHERE topic LIKE '%' || $1",
        REPLAY_SUFFIX,
    )
    return int(row["read"])


async def _ready(stage: Stage) -> int:
    return len((await stage.oracle.read()).ready)


async def _live(stage: Stage, name: str) -> dict[str, float]:
    """Times evenly sent requests of new sessions."""
    stage.model.always(Menu(stage.model).slow(MODEL_SECONDS))
    sent: dict[str, float] = {}
    took: dict[str, float] = {}
    consumer = AIOKafkaConsumer(
        stage.topics.ready, bootstrap_servers=stage.bootstrap_servers, isolation_level="read_committed"
    )
    await consumer.start()
    await consumer.seek_to_end()
    writer = TopicWriter(bootstrap_servers=stage.bootstrap_servers)
    async with writer:
        sending = asyncio.create_task(_send_live(writer, stage, name, sent))
        while not (sending.done() and len(took) == len(sent)):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    session = (record.key or b"").decode()
                    if session in sent and session not in took:
                        took[session] = time.monotonic() - sent[session]
        await sending
    await consumer.stop()
    stage.model.always(None)
    spread = statistics.quantiles(took.values(), n=100)
    return {"p50_seconds": spread[49], "p99_seconds": spread[98], "requests": float(len(took))}


async def _send_live(writer: TopicWriter, stage: Stage, name: str, sent: dict[str, float]) -> None:
    began = time.monotonic()
    for number in range(LIVE_REQUESTS):
        await asyncio.sleep(max(0.0, began + number / LIVE_A_SECOND - time.monotonic()))
        story = Story(f"{name}-{number}")
        opened, asked = story.opened(f"Live {number}"), story.request(state_version=1)
        sent[story.session_id] = time.monotonic()
        await writer.write(stage.topics.sessions, story.session_id, json.dumps(opened).encode())
        await writer.write(stage.topics.requests, story.session_id, json.dumps(asked).encode())
        await writer.flush()


def _shown(figures: dict[str, Any]) -> Table:
    table = Table(title="A full replay over a filled store", show_header=False)
    for name, value in figures.items():
        table.add_row(
            name.replace("_", " "), f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3f}"
        )
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sessions", type=int, default=None, help="fewer than all")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(_measure(options.sessions))
    if options.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        Console().print(_shown(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
