"""Ends the servers when the process that started them is gone, even if it was killed and could not clean up.

A small separate process reads commands from a pipe. The pipe stays open while its owner lives; when it closes, the
process acts. (`PR_SET_PDEATHSIG` would not do: it fires when the *thread* that started the server ends, and only on
Linux.)
"""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

_GRACE_SECONDS = 3.0
_HELPERS_SECONDS = 10.0
"""How long a helper such as initdb may go on writing after its owner was killed in the middle of a start."""


class Watchdog:
    """The owner's end of the pipe. The first command starts the process; `close` ends all that is still watched."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, pid: int, stop_signal: signal.Signals) -> None:
        """Ends this process with `stop_signal` when the owner is gone; kills it and its children after 3 s more."""
        self._send(f"watch {pid} {stop_signal.value}")

    def forget(self, pid: int) -> None:
        """Watches this process no longer."""
        self._send(f"forget {pid}")

    def remove(self, folder: Path) -> None:
        """Deletes this folder in the end, after the servers that write to it have ended."""
        self._send(f"remove {folder}")

    def close(self) -> None:
        """Ends all watched processes; returns when none is left. Safe to repeat."""
        process, self._process = self._process, None
        if process is not None:
            process.communicate(b"done\n")

    def _send(self, command: str) -> None:
        if self._process is None:
            # In a session of its own: Ctrl-C and a closed terminal reach the owner alone. `-P` keeps Python from
            # importing this folder's kafka.py and redis.py in place of the packages of these names.
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")
        self._process.stdin.flush()


def tree(pid: int) -> list[psutil.Process]:
    """Returns the process and all its descendants, the process first; an empty list when it is gone."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def send_signal(processes: Iterable[psutil.Process], what: signal.Signals) -> None:
    """Signals each process that has not ended and whose id has not passed to another; skips all others."""
    for process in processes:
        try:
            process.send_signal(what)
        except psutil.NoSuchProcess:
            continue


def _main() -> None:
    watched: dict[int, tuple[psutil.Process, signal.Signals]] = {}
    folders: list[Path] = []
    killed = True
    for line in sys.stdin:
        match line.rstrip("\n").split(" ", 1):
            case ["watch", rest]:
                pid, stop_signal = map(int, rest.split())
                if psutil.pid_exists(pid):
                    watched[pid] = (psutil.Process(pid), signal.Signals(stop_signal))
            case ["forget", rest]:
                watched.pop(int(rest), None)
            case ["remove", rest]:
                folders.append(Path(rest))
            case ["done"]:
                killed = False
    _end(list(watched.values()))
    _remove(folders, again_seconds=_HELPERS_SECONDS if killed else 0.0)


def _remove(folders: list[Path], again_seconds: float) -> None:
    """Deletes the folders; for so long also again, since nobody watches the helpers of a start."""
    until = time.monotonic() + again_seconds
    while True:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        if time.monotonic() >= until:
            return
        time.sleep(0.5)


def _end(watched: list[tuple[psutil.Process, signal.Signals]]) -> None:
    alive = [(process, stop_signal) for process, stop_signal in watched if process.is_running()]
    everything = [member for process, _ in alive for member in tree(process.pid)]
    send_signal(everything, signal.SIGCONT)  # a paused process would not act on the next signal
    for process, stop_signal in alive:
        send_signal([process], stop_signal)
    _, left = psutil.wait_procs(everything, timeout=_GRACE_SECONDS)
    send_signal(left, signal.SIGKILL)


if __name__ == "__main__":
    _main()
