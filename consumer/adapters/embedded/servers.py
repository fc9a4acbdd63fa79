"""The three servers together."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from consumer.adapters.embedded.kafka import Kafka
from consumer.adapters.embedded.postgres import Postgres
from consumer.adapters.embedded.process import Server
from consumer.adapters.embedded.progress import ProgressCallback, StartProgress, silent
from consumer.adapters.embedded.redis import Redis
from consumer.adapters.embedded.watchdog import Watchdog


class ServerName(StrEnum):
    KAFKA = "kafka"
    POSTGRES = "postgres"
    REDIS = "redis"


ALL = frozenset(ServerName)


class Servers:
    """Real servers for as long as the block lasts: `async with Servers(folder) as servers: …`.

    Without a folder their data goes with them; with one it stays, and a later run starts on it. `wanted` says which of
    the three the block starts; `start` brings up the others later. Entering raises `EmbeddedError`, with nothing left
    running.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        wanted: Collection[ServerName] = ALL,
        progress: ProgressCallback = silent,
        durable: bool = False,
    ) -> None:
        self._watchdog = Watchdog()
        self._kept = folder is not None
        self._wanted = frozenset(wanted)
        self._progress = progress
        self.folder = (folder or Path(tempfile.mkdtemp(prefix="escalation-servers-"))).absolute()
        if not self._kept:
            self._watchdog.remove(self.folder)
        self.kafka = Kafka(self.folder / "kafka", self._watchdog, progress=progress)
        self.postgres = Postgres(self.folder / "postgres", self._watchdog, durable=durable)
        self.redis = Redis(self.folder / "redis", self._watchdog)

    async def __aenter__(self) -> Self:
        try:
            await self.start(self._wanted)
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def server(self, name: ServerName) -> Server:
        match name:
            case ServerName.KAFKA:
                return self.kafka
            case ServerName.POSTGRES:
                return self.postgres
            case ServerName.REDIS:
                return self.redis

    async def start(self, names: Collection[ServerName] = ALL) -> None:
        """All at once; those that run stay as they are, and paused ones go on. Raises the first `EmbeddedError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        names = sorted(names)
        done = 0

        def report() -> None:
            self._progress(StartProgress(step="Starting servers", done=done, total=len(names), unit="steps"))

        async def one(name: ServerName) -> None:
            nonlocal done
            await self.server(name).start()
            done += 1
            report()

        report()
        outcomes = await asyncio.gather(*map(one, names), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def guard(self, pid: int) -> None:
        """Let a process that rests on the servers end (SIGTERM) when they are stopped or their owner is gone."""
        self._watchdog.watch(pid, signal.SIGTERM)

    async def stop(self) -> None:
        """Returns when nothing is left running. Safe to repeat."""
        await asyncio.gather(self.kafka.stop(), self.postgres.stop(), self.redis.stop())
        self._watchdog.close()
        if not self._kept:
            shutil.rmtree(self.folder, ignore_errors=True)
