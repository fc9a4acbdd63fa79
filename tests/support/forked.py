"""A command of the service as a process that tests kill repeatedly.

Its parent process has loaded the code: a start takes a tenth of a second and not several, so that a test can afford
ten. The process runs what `python -m consumer` runs.
"""

import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.databases import connected
from tests.support.service import whole_environment
from tests.support.waiting import LONG_ENOUGH_SECONDS, until

LOADED = [
    "consumer.cli.main",
    "consumer.service",
    "consumer.wiring.jobs.replays",
    "consumer.wiring.jobs.redrives",
    "consumer.adapters.anthropic.messages",
]
_LOOK_SECONDS = 0.005
_POLL_SECONDS = 0.05


class ForkedCommand:
    """All starts write to one log file. No process is left after the `with` block."""

    def __init__(self, environment: Mapping[str, str], log: Path, *arguments: str) -> None:
        self._environment = whole_environment(environment)
        self._log = log
        self._arguments = arguments
        self._process: ForkServerProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._process.join(10)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.is_alive()

    @property
    def logged(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    async def start(self) -> None:
        assert not self.running, "already running"
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(LOADED)
        made = context.Process(target=_run, args=(self._environment, str(self._log), self._arguments), daemon=True)
        await asyncio.to_thread(made.start)  # the first start loads the code
        self._process = made

    async def killed_at(self, reached: Callable[[], Awaitable[bool]], dsn: str) -> None:
        """Starts the command and kills it once `reached` is true; returns when its connections are gone.

        Until then PostgreSQL may still run a statement sent before the kill. Raises AssertionError when the command
        ends earlier.
        """
        await self.start()

        async def now() -> bool:
            assert self.running, f"it ended before it could be killed\n{self._tail()}"
            return await reached()

        await until(now, every_seconds=_LOOK_SECONDS)
        process = self._process
        assert process is not None
        process.kill()
        await asyncio.to_thread(process.join, 10)
        assert process.exitcode == -9, f"it ended before it could be killed\n{self._tail()}"
        await _let_go(dsn)

    async def finished(self, *, within_seconds: float = LONG_ENOUGH_SECONDS) -> str:
        """Starts the command and returns its output. Raises AssertionError unless it succeeds in time."""
        begun = len(self.logged)
        await self.start()
        process = self._process
        assert process is not None
        deadline = time.monotonic() + within_seconds
        while process.is_alive():
            assert time.monotonic() < deadline, f"not finished within {within_seconds:g} s\n{self._tail()}"
            await asyncio.sleep(_POLL_SECONDS)
        assert process.exitcode == 0, f"it ended with {process.exitcode}\n{self._tail()}"
        return self.logged[begun:]

    def _tail(self) -> str:
        return "\n".join(self.logged.splitlines()[-25:])


async def _let_go(dsn: str) -> None:
    async with connected(dsn) as connection:
        await until(
            lambda: connection.fetchval(
                "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name IN ('escalation-replay', 'escalation-redrive', 'escalation-look',"
                " 'escalation-prepare'))"
            )
        )


def _run(environment: Mapping[str, str], log: str, arguments: tuple[str, ...]) -> None:
    from consumer.cli.main import run_command_line

    with Path(log).open("ab") as written:
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["escalation-consumer", *arguments]
    run_command_line()
