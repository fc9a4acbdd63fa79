"""Runs the demo from the start of the servers to the removal of its folder."""

import asyncio
import json
import os
import shutil
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from consumer.adapters.embedded import EmbeddedError, Servers, ports
from consumer.adapters.kafka.topic_reader import TopicReader
from consumer.adapters.kafka.writing import TopicWriter
from consumer.adapters.postgres.core.pool import open_pool
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.adapters.postgres.operation.tally import Tally, tally
from consumer.adapters.postgres.operation.tenant_reader import TenantReader
from consumer.adapters.postgres.viewing.viewing import PostgresViewing
from consumer.cli.demo import closing, customers, screen
from consumer.cli.demo.closing import ClosingNumbers
from consumer.cli.demo.outcomes import Outcomes
from consumer.cli.demo.removals import count_removals
from consumer.cli.demo.samples import Samples, read_samples
from consumer.cli.demo.stage import ServiceProcess, StageError
from consumer.domain.events import RequestKey
from consumer.flows.viewing.filters import DeadLetterFilter
from consumer.settings import read_settings
from schemas.topics import Topics

_LOOK_SECONDS = 0.25
_REVISE_AFTER_SECONDS = 2  # the default is 60, which is too long to watch for a second revision
_TOPICS = Topics()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    show: int | None
    """How many packages are shown in full; None for all."""
    timeout_seconds: float
    keep: bool
    """Leave servers and service running until Ctrl-C."""
    as_json: bool


def run_demo(options: Options) -> int:
    """Returns the exit code: 0 when every request had its outcome, else 1 with the reason on standard error."""
    console = Console(stderr=options.as_json, highlight=False)
    errors = Console(stderr=True, highlight=False)
    demo = _Demo(options, console)
    try:
        return asyncio.run(demo.play())
    except KeyboardInterrupt:
        errors.print("Stopped. Nothing is left running.")
        return 0 if demo.is_over else 1
    except (EmbeddedError, StageError, TimeoutError) as error:
        errors.print(f"[bold red]The demo failed.[/] {error}")
        return 1


class _Demo:
    def __init__(self, options: Options, console: Console) -> None:
        self._options = options
        self._console = console
        self._samples: Samples = read_samples()
        self._outcomes = Outcomes()
        self._sent = 0
        self._numbers = ClosingNumbers()
        self.is_over = False
        """Whether only Ctrl-C is waited for."""

    async def play(self) -> int:
        began = time.monotonic()
        model = read_settings().model if os.environ.get("ANTHROPIC_API_KEY") else None
        self._console.print(screen.model_line(model))
        folder = Path(tempfile.mkdtemp(prefix="escalation-demo-"))
        try:
            async with AsyncExitStack() as stack:
                with screen.progress_bars(self._console) as progress:
                    servers = Servers(folder / "servers", progress=progress)
                    servers.clear(folder)  # also when the demo is killed
                    await stack.enter_async_context(servers)
                service = ServiceProcess(folder, _environment(servers), ports.free_port())
                await service.prepare()
                await stack.enter_async_context(service)
                if service.pid:
                    servers.guard(service.pid)  # the service ends also when the demo is killed
                self._console.print(
                    f"Apache Kafka, PostgreSQL, Redis and the service are up after {time.monotonic() - began:.0f} s."
                )
                await self._perform(servers, service)
                self._finish(time.monotonic() - began)
                if self._options.keep:
                    await self._stay(service, folder / "environment")
                elif not self._options.as_json:
                    closing.show_way_on(self._console, model)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return 1 if self._missing() else 0

    async def _perform(self, servers: Servers, service: ServiceProcess) -> None:
        """Sends the samples and waits for all outcomes. Raises StageError if the service ends, TimeoutError if late."""
        connection = {"bootstrap_servers": servers.kafka.bootstrap_servers}
        pool = await open_pool(servers.postgres.dsn, name="escalation-demo", max_size=1)
        try:
            async with (
                asyncio.timeout(self._options.timeout_seconds),
                TopicWriter(**connection) as writer,
                TopicReader((_TOPICS.ready, _TOPICS.failed), **connection) as reader,
                asyncio.TaskGroup() as tasks,
            ):
                tenants, look = TenantReader(pool), StoreReader(pool)
                await customers.set_policies(writer, tenants, _TOPICS)
                tasks.create_task(self._send(writer), name="demo-send")
                with screen.Board(self._console, self._samples) as board:
                    while True:
                        self._outcomes.take(await reader.read(wait_ms=int(_LOOK_SECONDS * 1000)))
                        counted = await tally(pool)
                        board.show(self._sent, counted, self._outcomes)
                        if self._is_over(counted):
                            break
                        if not service.is_running:
                            raise StageError(f"The service ended. The end of its log:\n{service.log_tail()}")
                self._outcomes.take(await reader.read_to_end())
                packages = [some[-1] for key in self._samples.titles if (some := self._outcomes.packages(key))]
                dead_letters = (
                    await PostgresViewing(pool, monthly_budget_usd=None).dead_letters(DeadLetterFilter())
                ).rows
                self._numbers = ClosingNumbers(
                    counted=counted,
                    dead_letters=dead_letters,
                    removals=await count_removals(look, self._samples.titles, dead_letters),
                    feedback=await customers.give_feedback(writer, tenants, _TOPICS, packages),
                )
        except TimeoutError:
            names = ", ".join(sorted(self._samples.titles[key] for key in self._missing()))
            raise TimeoutError(
                f"After {self._options.timeout_seconds:g} s there was no outcome for: {names or '(revisions)'}. "
                f"The end of the service's log:\n{service.log_tail()}"
            ) from None
        finally:
            await pool.close()

    async def _send(self, writer: TopicWriter) -> None:
        began = time.monotonic()
        for record in self._samples.records:
            await asyncio.sleep(record.at_seconds - (time.monotonic() - began))
            while not all(map(self._outcomes.packages, record.after_package)):  # noqa: ASYNC110 - they come by polling
                await asyncio.sleep(_LOOK_SECONDS)
            await writer.write(record.topic, record.key, json.dumps(record.value).encode())
            self._sent += 1
        await writer.flush()

    def _missing(self) -> set[RequestKey]:
        return self._outcomes.missing(self._samples.titles, self._samples.cancelled)

    def _is_over(self, counted: Tally) -> bool:
        """Whether all records are sent, all requests answered, no revision is due and the outbox is empty."""
        sent = self._sent == len(self._samples.records)
        return (
            sent
            and not self._missing()
            and not counted.due
            and not counted.outbox
            and counted.dead_letters >= self._samples.refused
        )

    def _finish(self, seconds: float) -> None:
        if self._options.as_json:
            events = [event for events in self._outcomes.events.values() for event in events]
            print(json.dumps({"seconds": round(seconds, 1), "events": events, **self._numbers.as_json()}), flush=True)
            return
        screen.show_packages(self._console, self._samples, self._outcomes, self._options.show)
        closing.show_closing_page(self._console, self._samples, self._outcomes, self._numbers, seconds)

    async def _stay(self, service: ServiceProcess, environment: Path) -> None:
        closing.write_environment(environment, service.environment)
        closing.show_stay(self._console, environment, service.http, service.log)
        self.is_over = not self._missing()
        await asyncio.Event().wait()


def _environment(servers: Servers) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": servers.kafka.bootstrap_servers,
        "DATABASE_URL": servers.postgres.dsn,
        "REDIS_URL": servers.redis.url,
        "ESCALATION_REVISE_AFTER_SECONDS": str(_REVISE_AFTER_SECONDS),
    }
