"""Runs the service as a separate process, as a user would start it."""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import aiohttp

_READY_SECONDS = 60.0
_STOP_SECONDS = 27.0  # contract part 9 says 25; the rest is for the operating system
_POLL_SECONDS = 0.1
_LOG_LINES = 15
_OF_THE_MODEL = ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", *_OF_THE_MODEL, *_PROXIES, *map(str.lower, _PROXIES))


class StageError(Exception):
    """A command of the service failed; the message holds the end of its log."""


class ServiceProcess:
    """`python -m consumer …` with a fixed environment; all its output goes to one log file.

    Entering starts `run` and returns when the service is ready. Raises StageError when it ends or takes over 60 s.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], http_port: int) -> None:
        self.log = folder / "service.log"
        self.environment = {**environment, "ESCALATION_HTTP_PORT": str(http_port)}
        self.http = f"http://127.0.0.1:{http_port}"
        self._process: asyncio.subprocess.Process | None = None

    async def prepare(self) -> None:
        """Runs `prepare` to its end. Raises StageError when it fails."""
        self._process = await self._start("prepare")
        try:
            code = await self._process.wait()
        finally:
            await self.stop()  # after Ctrl-C
        if code != 0:
            raise StageError(f"`escalation-consumer prepare` failed. The end of {self.log}:\n{self.log_tail()}")

    async def __aenter__(self) -> Self:
        self._process = await self._start("run")
        try:
            await self._until_ready(self._process)
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def stop(self) -> int | None:
        """Sends SIGTERM as an orchestrator does, and SIGKILL after 27 s. Returns the exit code, None if not started."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
        return process.returncode

    def log_tail(self) -> str:
        """Returns the last lines of the log. Never raises for a missing file."""
        with suppress(OSError):
            return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:])
        return "(no log)"

    async def _start(self, command: str) -> asyncio.subprocess.Process:
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "consumer", command, env=self._whole_environment(), stdout=log, stderr=log
            )

    def _whole_environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}
        return kept | self.environment

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            for _ in range(int(_READY_SECONDS / _POLL_SECONDS)):
                if process.returncode is not None:
                    raise StageError(f"The service ended with {process.returncode}:\n{self.log_tail()}")
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(f"{self.http}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(_POLL_SECONDS)
        raise StageError(f"The service was not ready within {_READY_SECONDS:g} s:\n{self.log_tail()}")
