"""From a request's record to its event, on real servers (`make bench-latency`): `python -m tests.benchmarks.latency`.

One service with the defaults of production and a loopback model that answers at once. Sessions of three events and a
request come at an even pace. It prints percentiles of the time from the request's delivery to Kafka until a reader of
committed records has the event, and the CPU time of the service for each request with its three events. The first
fifteen seconds are not counted. With `--burst` all records come at once, and it prints how many packages a second and
core the service makes.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
from aiokafka import AIOKafkaProducer

from consumer.adapters.embedded import Servers
from consumer.adapters.kafka.topic_reader import TopicReader
from tests.support import stage as stages
from tests.support.stage import Stage, Story

REQUESTS = 400
WARM_UP_SECONDS = 15.0
"""Of requests that are not counted: connections, plans and the broker's compiled code are new then."""
A_SECOND = 20.0


async def _measure(requests: int, a_second: float, *, burst: bool, checks: bool) -> dict[str, float]:
    stages.FAST.clear()  # the service's own defaults
    warm_up = round(WARM_UP_SECONDS * a_second)
    async with Servers() as servers:
        stage = Stage(
            bootstrap_servers=servers.kafka.bootstrap_servers,
            dsn=servers.postgres.dsn,
            redis_url=servers.redis.url,
            prefix="bench.",
            folder=Path(tempfile.mkdtemp(prefix="latency-")),
        )
        async with stage:
            service = await (stage.running() if checks else stage.running(check_model="none"))
            process = psutil.Process(service.pid)
            async with TopicReader((stage.topics.ready,), bootstrap_servers=stage.bootstrap_servers) as reader:
                seen: dict[str, float] = {}
                reading = asyncio.create_task(_read(reader, seen))
                await _send(stage, range(-warm_up, 0), a_second)
                await _until_seen(seen, warm_up)
                used = _cpu_seconds(process)
                began = time.monotonic()
                sent = await _send(stage, range(requests), None if burst else a_second)
                await _until_seen(seen, warm_up + requests)
                took = time.monotonic() - began
                used = _cpu_seconds(process) - used
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    await reading
    if burst:
        each = {"cpu_ms": 1000 * used / requests, "a_second_and_core": requests / used}
        return {"requests": requests, "a_second": requests / took, **each}
    waits = statistics.quantiles([1000 * (seen[name] - sent[name]) for name in sent], n=100)
    figures = {"p50_ms": waits[49], "p95_ms": waits[94], "p99_ms": waits[98]}
    return {"requests": requests, **figures, "cpu_ms": 1000 * used / requests}


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _read(reader: TopicReader, seen: dict[str, float]) -> None:
    while True:
        for record in await reader.read(wait_ms=10):
            seen.setdefault((record.key or b"").decode(), time.monotonic())


async def _until_seen(seen: dict[str, float], requests: int) -> None:
    while len(seen) < requests:  # noqa: ASYNC110 - the reader fills it
        await asyncio.sleep(0.05)


async def _send(stage: Stage, numbers: range, a_second: float | None) -> dict[str, float]:
    """When each session's request was delivered; without a pace, when it was sent."""
    sent: dict[str, float] = {}
    producer = AIOKafkaProducer(bootstrap_servers=stage.bootstrap_servers)
    await producer.start()
    try:
        began = time.monotonic()
        for place, number in enumerate(numbers):
            if a_second is not None:
                await asyncio.sleep(began + place / a_second - time.monotonic())
            story = Story(f"s{number}")
            for event in (story.opened(), story.fact(), story.fix(), story.request()):
                value, key = json.dumps(event).encode(), story.session_id.encode()
                delivery = await producer.send(stage.topic_of(event), value, key=key)
                if a_second is not None:
                    await delivery
            sent[story.session_id] = time.monotonic()
    finally:
        await producer.stop()
    return sent


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--a-second", type=float, default=A_SECOND)
    parser.add_argument("--burst", action="store_true", help="everything at once")
    parser.add_argument("--check", action="store_true", help="with the second reader, which answers at once, too")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(_measure(options.requests, options.a_second, burst=options.burst, checks=options.check))
    if options.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        for name, figure in figures.items():
            sys.stdout.write(f"{name:>10} {figure:10.1f}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
