"""Starts and stops the three servers together."""

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
from consumer.adapters.embedded.locked import Locks
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
    """Real servers that run as long as the block lasts: `async with Servers(folder) as servers: …`.

    Without `folder` their data is deleted at the end. With it the data stays, and a later run starts on it. The block
    starts the servers in `wanted`; `start` can start the others later. Entering raises `EmbeddedError` and then leaves
    nothing running.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        wanted: Collection[ServerName] = ALL,
        progress: ProgressCallback = silent,
        durable: bool = False,
        locks: Locks | None = None,
    ) -> None:
        """With `locks` each server has a locked door too; see the package `locked`."""
        self._watchdog = Watchdog()
        self._kept = folder is not None
        self._wanted = frozenset(wanted)
        self._progress = progress
        self.folder = (folder or Path(tempfile.mkdtemp(prefix="escalation-servers-"))).absolute()
        if not self._kept:
            self._watchdog.remove(self.folder)
        self.kafka = Kafka(self.folder / "kafka", self._watchdog, progress=progress, locks=locks)
        self.postgres = Postgres(self.folder / "postgres", self._watchdog, durable=durable, locks=locks)
        self.redis = Redis(self.folder / "redis", self._watchdog, locks=locks)
        doors = {ServerName.POSTGRES: self.postgres.door, ServerName.REDIS: self.redis.door}
        self._doors = {name: door for name, door in doors.items() if door is not None}

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
        """Starts these servers in parallel. Running ones stay, paused ones resume. Raises the first `EmbeddedError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        names = sorted(names)
        done = 0

        def report() -> None:
            self._progress(StartProgress(step="Starting servers", done=done, total=len(names), unit="steps"))

        async def start_one(name: ServerName) -> None:
            nonlocal done
            await self.server(name).start()
            if (door := self._doors.get(name)) is not None:
                await door.start()
            done += 1
            report()

        report()
        outcomes = await asyncio.gather(*map(start_one, names), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def guard(self, pid: int) -> None:
        """Ends a process that depends on the servers (SIGTERM) when they are stopped or their owner is gone."""
        self._watchdog.watch(pid, signal.SIGTERM)

    def clear(self, folder: Path) -> None:
        """Deletes a folder when the servers have been stopped or their owner is gone, even if it was killed."""
        self._watchdog.remove(folder)

    async def stop(self) -> None:
        """Stops all servers; returns when nothing is left running. Safe to repeat."""
        await asyncio.gather(*(server.stop() for server in (self.kafka, self.postgres, self.redis)))
        await asyncio.gather(*(door.stop() for door in self._doors.values()))
        self._watchdog.close()
        if not self._kept:
            shutil.rmtree(self.folder, ignore_errors=True)
