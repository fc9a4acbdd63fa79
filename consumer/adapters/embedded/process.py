"""One server as a process: start it, wait until it is ready, stop, kill or pause it, and start it again.

Nothing here belongs to an event loop: a server that was started in one loop can be killed in another. Fixtures that
outlive a test's loop need this.
"""

import asyncio
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from consumer.adapters.embedded import errors, ports
from consumer.adapters.embedded.account import Account
from consumer.adapters.embedded.watchdog import Watchdog, send_signal, tree

_POLL_SECONDS = 0.02
_READY_SECONDS = 60.0
_GONE_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How to start a server once its data is laid out."""

    arguments: tuple[str, ...]
    folder: Path
    """The working folder."""
    ready_line: bytes
    """What the server writes to its log when it takes connections."""
    environment: Mapping[str, str]
    """The whole environment: a server inherits nothing from the caller's."""
    account: Account | None = None


class Server(ABC):
    """A process that can be lost and started again, on the same data and the same port.

    Every method may be called in any state and ends in the state that its name says.
    """

    title: str
    stop_signal = signal.SIGTERM
    stop_seconds = 20.0
    """How long `stop` waits before it kills."""

    def __init__(self, folder: Path, watchdog: Watchdog) -> None:
        self.folder = folder
        self.port = ports.free_port()
        self.log = folder.with_name(folder.name + ".log")
        self._watchdog = watchdog
        self._process: subprocess.Popen[bytes] | None = None
        self._paused = False

    @abstractmethod
    async def _lay_out(self) -> Command:
        """Prepares the data folder unless it is prepared already; returns how to start the server on it."""

    @property
    def taken_ports(self) -> tuple[int, ...]:
        return (self.port,)

    @property
    def running(self) -> bool:
        """Whether the process exists; a paused process does."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self.running else None

    async def start(self) -> None:
        """Returns when the server takes connections. Resumes a paused server. Raises `EmbeddedError`."""
        if self.running:
            self.resume()
            return
        command = await self._lay_out()
        for port in self.taken_ports:
            if not ports.is_free(port):
                raise errors.PortTaken(self.title, port)
        written = self.log.stat().st_size if self.log.exists() else 0
        self._process = self._spawn(command)
        await self._wait_until_ready(command.ready_line, written)

    async def stop(self) -> None:
        """Shuts down cleanly: what was acknowledged is on disk. Kills the process after `stop_seconds`."""
        if self._process is None:
            return
        self.resume()
        members = tree(self._process.pid)
        send_signal(members[:1], self.stop_signal)
        if not await _gone(members, self.stop_seconds):
            send_signal(members, signal.SIGKILL)
        await self._reap(members)

    async def kill(self) -> None:
        """Sends SIGKILL to the process and all its children; returns when they are gone and the ports are free."""
        if self._process is None:
            return
        members = tree(self._process.pid)
        send_signal(members, signal.SIGKILL)
        await self._reap(members)

    def pause(self) -> None:
        """Sends SIGSTOP to the process and its children: connections stay open and nothing answers."""
        if self._process is not None and self.running:
            self._paused = True
            send_signal(tree(self._process.pid), signal.SIGSTOP)

    def resume(self) -> None:
        """Sends SIGCONT after `pause`; otherwise does nothing."""
        if self._process is not None and self._paused:
            self._paused = False
            send_signal(reversed(tree(self._process.pid)), signal.SIGCONT)

    def _spawn(self, command: Command) -> subprocess.Popen[bytes]:
        account = command.account
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command.arguments,
                cwd=command.folder,
                env=dict(command.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=() if account else None,
                start_new_session=True,
            )
        self._watchdog.watch(process.pid, self.stop_signal)
        return process

    async def _wait_until_ready(self, ready_line: bytes, written: int) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while ready_line not in _read_from(self.log, written):
            if not self.running:
                raise errors.ServerFailed(self.title, "ended before it was ready", self.log)
            if time.monotonic() > deadline:
                await self.kill()
                raise errors.ServerFailed(self.title, f"was not ready after {_READY_SECONDS:.0f} s", self.log)
            await asyncio.sleep(_POLL_SECONDS)

    async def _reap(self, members: list[psutil.Process]) -> None:
        process, self._process = self._process, None
        self._paused = False
        await _gone(members, _GONE_SECONDS)
        if process is not None:
            process.wait()
            self._watchdog.forget(process.pid)


async def _gone(members: list[psutil.Process], seconds: float) -> bool:
    """Returns whether all of them ended in time. A child that ended and has not been waited for counts as ended."""
    deadline = time.monotonic() + seconds
    while any(_alive(member) for member in members):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _read_from(log: Path, offset: int) -> bytes:
    with log.open("rb") as file:
        file.seek(offset)
        return file.read()
