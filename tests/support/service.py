"""The service in its own process. Tests start, watch and kill it as an operator or an accident would."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

READY_SECONDS = 120.0
PROMPT_SECONDS = 1.0
"""An answer that needs no server takes milliseconds; on a busy machine, well below this."""
_PROMPT_TRIES = 5
EXIT_SECONDS = 25.0
"""The contract's bound for an end after a signal."""
_POLL_SECONDS = 0.05
_PROGRAM = ("consumer",)
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a process ended."""

    code: int
    seconds: float
    """From the signal to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What /readyz said."""

    status: int
    stuck: dict[str, str]
    """What is stuck, with the reason; empty if nothing is."""
    seconds: float
    """How long the answer took."""


class ServiceProcess:
    """`python -m consumer run`, or another command. All starts write to one log file."""

    def __init__(
        self, environment: Mapping[str, str], log: Path, *arguments: str, program: Sequence[str] = _PROGRAM
    ) -> None:
        """`program` is a module, with arguments that go before the others."""
        self.log = log
        self._program = program
        self._arguments = arguments or ("run",)
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._port: int | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def serves(self) -> bool:
        """Whether this start has begun to answer HTTP requests."""
        return self._http_port() is not None

    @property
    def port(self) -> int:
        """Of its HTTP server."""
        port = self._http_port()
        assert port is not None, "it does not serve yet"
        return port

    @property
    def logged(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def start(self, *options: str) -> None:
        assert not self.running, "already running"
        self._port = None
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._program, *self._arguments, *options],
                env=whole_environment(self._environment),
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def wait_ready(self, *, within_seconds: float = READY_SECONDS) -> None:
        """Raises AssertionError with the log's end when it ends or is not ready in time."""
        deadline = time.monotonic() + within_seconds
        said = "nothing"
        while time.monotonic() < deadline:
            if not self.running:
                raise AssertionError(f"the service ended\n{self._log_tail()}")
            readiness = await self.readiness()
            if readiness is not None and readiness.status == 200:
                return
            said = str(readiness)
            await asyncio.sleep(_POLL_SECONDS)
        raise AssertionError(f"not ready within {within_seconds:g} s, /readyz says {said}\n{self._log_tail()}")

    async def readiness(self) -> Readiness | None:
        """What /readyz says now; None while nothing answers."""
        started = time.monotonic()
        answer = await self.get("/readyz")
        if answer is None:
            return None
        status, text = answer
        stuck = {part["what"]: part["reason"] for part in json.loads(text)["stuck"]}
        return Readiness(status=status, stuck=stuck, seconds=time.monotonic() - started)

    async def prompt_readiness(self) -> Readiness:
        """As `readiness`, but the page must answer at once.

        A busy machine may delay one answer. A page that waits for something is late every time.
        """
        tries: list[Readiness | None] = []
        while len(tries) < _PROMPT_TRIES:
            readiness = await self.readiness()
            if readiness is not None and readiness.seconds < PROMPT_SECONDS:
                return readiness
            tries.append(readiness)
        raise AssertionError(f"/readyz does not answer at once: {tries}\n{self._log_tail()}")

    async def get(self, path: str) -> tuple[int, str] | None:
        """Status and text of an HTTP page; None while nothing answers."""
        port = self._http_port()
        if port is None:
            return None
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session,
                session.get(f"http://127.0.0.1:{port}{path}") as answer,
            ):
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def terminate(self) -> Ended:
        """Sends SIGTERM and waits. A process that does not end in time is killed and fails the test."""
        return await self._ended(signal.SIGTERM, EXIT_SECONDS + 5)

    async def kill(self) -> None:
        """SIGKILL."""
        await self._ended(signal.SIGKILL, 10)

    async def finished(self, *, within_seconds: float) -> int:
        """The exit code of a command that ends by itself."""
        process = self._process
        assert process is not None, "not started"
        deadline = time.monotonic() + within_seconds
        while process.poll() is None:
            assert time.monotonic() < deadline, f"not finished within {within_seconds:g} s\n{self._log_tail()}"
            await asyncio.sleep(_POLL_SECONDS)
        return int(process.returncode)

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    async def _ended(self, sent: signal.Signals, within_seconds: float) -> Ended:
        process = self._process
        assert process is not None, "not started"
        started = time.monotonic()
        process.send_signal(sent)
        while process.poll() is None:
            if time.monotonic() - started > within_seconds:
                process.kill()
                process.wait(10)
                raise AssertionError(f"did not end within {within_seconds:g} s of {sent.name}\n{self._log_tail()}")
            await asyncio.sleep(0.02)
        return Ended(code=process.returncode, seconds=time.monotonic() - started)

    def discard(self) -> None:
        """Kills the process if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def _http_port(self) -> int | None:
        """The free port that the process logged."""
        if self._port is None and self.log.exists():
            with self.log.open("rb") as log:
                log.seek(self._log_start)
                for line in log:
                    entry = _entry(line)
                    if "http_port" in entry:
                        self._port = int(entry["http_port"])
        return self._port

    def _log_tail(self) -> str:
        return "\n".join(self.logged.splitlines()[-25:])


def _entry(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A command that ran to its end."""

    code: int
    output: str
    errors: str


def command(
    environment: Mapping[str, str], *arguments: str, given: str | None = None, within_seconds: float = 180
) -> Finished:
    """Runs a command of the service to its end; `given` is its standard input."""
    done = subprocess.run(
        [sys.executable, "-m", *_PROGRAM, *arguments],
        env=whole_environment(environment),
        cwd=_ROOT,
        input="" if given is None else given,
        capture_output=True,
        text=True,
        timeout=within_seconds,
        check=False,
    )
    return Finished(code=done.returncode, output=done.stdout, errors=done.stderr)


NO_MACHINE_IDENTITY = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",
    "NO_GCE_CHECK": "true",
}
"""Each cloud's own word for: do not ask the machine's metadata service, which is beyond loopback."""


def whole_environment(environment: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "NO_PROXY", "no_proxy") if name in os.environ}
    return NO_MACHINE_IDENTITY | kept | dict(environment)
