"""A relay in its own process, for tests to kill and freeze."""

import asyncio
import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import ForkServerProcess
from typing import Any, cast

from consumer.adapters.kafka.publishing.relay import KafkaBroker, KafkaPublisher
from consumer.adapters.postgres.core.pool import open_pool
from consumer.adapters.postgres.outbox import PostgresOutbox
from consumer.adapters.prometheus import PrometheusMeters
from consumer.flows.operation.health import Health
from consumer.flows.relay.loop import Relay
from consumer.flows.relay.ports import NAME, Publisher


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    bootstrap_servers: str
    dsn: str
    prefix: str
    lease_seconds: float = 0.5
    transaction_seconds: float = 3.0
    batch_rows: int = 20
    topics: Sequence[str] = ()
    hasty: bool = False
    """Reads the position before it fences: the fault that a fight must show."""
    pause_seconds: float = 0.0
    """Between the two steps, whichever comes first."""

    @property
    def marker_topic(self) -> str:
        return f"{self.prefix}marker"

    def broker(self) -> KafkaBroker:
        broker = KafkaBroker(
            {"bootstrap_servers": self.bootstrap_servers},
            transactional_id=self.prefix + NAME,
            group=self.prefix + NAME,
            marker_topic=self.marker_topic,
            transaction_seconds=self.transaction_seconds,
        )
        if self.hasty:
            broker.fence = partial(_read_then_fence, broker, broker.fence, self.pause_seconds)  # type: ignore[method-assign]
        elif self.pause_seconds:
            broker.fence = partial(_fence_then_pause, broker.fence, self.pause_seconds)  # type: ignore[method-assign]
        return broker


async def _fence_then_pause(fence: Callable[[], Awaitable[Publisher]], seconds: float) -> Publisher:
    publisher = await fence()
    await asyncio.sleep(seconds)
    return publisher


async def _read_then_fence(broker: Any, fence: Callable[[], Awaitable[Publisher]], seconds: float) -> Publisher:
    asking = KafkaPublisher(None, broker._connection, group=broker._group, marker=broker._marker, publish_seconds=0)
    early = await asking.position()
    await asyncio.sleep(seconds)
    publisher: Any = await fence()

    async def position() -> int | None:
        return early

    publisher.position = position
    return cast("Publisher", publisher)


class NoHint:
    async def wait(self) -> None:
        await asyncio.sleep(0.05)


async def relay(parameters: Parameters, stop: asyncio.Event) -> None:
    pool = await open_pool(parameters.dsn, name="relay", max_size=2)
    try:
        await Relay(
            name=str(os.getpid()),
            outbox=PostgresOutbox(pool, name=parameters.prefix + NAME, lease_seconds=parameters.lease_seconds),
            broker=parameters.broker(),
            hint=NoHint(),
            health=Health(time.monotonic),
            meters=PrometheusMeters(),
            clock=time.monotonic,
            topics=parameters.topics,
            batch_rows=parameters.batch_rows,
        ).run(stop)
    finally:
        await pool.close()


class ForkedRelay:
    """Its parent process has loaded the code, so that a start costs little."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._process: ForkServerProcess | None = None
        self._starting = asyncio.Lock()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.is_alive()

    @property
    def name(self) -> str:
        """As it stands in the outbox's lease."""
        return str(self._process.pid) if self._process is not None else ""

    async def start(self) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.support.relay_process"])
        made = context.Process(target=_run, args=(self._parameters,), daemon=True)
        await asyncio.to_thread(made.start)
        self._process = made

    async def start_again(self) -> None:
        """After a SIGKILL."""
        async with self._starting:
            await self.kill()
            await self.start()

    def signal(self, sent: signal.Signals) -> None:
        """Nothing, where the process has ended."""
        if self._process is not None and self._process.pid is not None and self._process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, sent)

    async def kill(self) -> None:
        """SIGKILL, frozen or not."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.join, 10)


def _run(parameters: Parameters) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(relay(parameters, asyncio.Event()))
