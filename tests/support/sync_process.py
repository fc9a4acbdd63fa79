"""`schemas/examples/sync.py` as a process of its own, which kills itself where a test says.

Its parent has loaded the libraries: a start takes a tenth of a second, so that a test can afford many.
"""

import asyncio
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import FrameType
from typing import Any

PROGRAM = Path(__file__).resolve().parents[2] / "schemas" / "examples" / "sync.py"
_context = multiprocessing.get_context("forkserver")


class SyncProcess:
    """Every start writes to the same log."""

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self._arguments = tuple(arguments)
        self._log = log
        self._count = _context.Value("i", 0)
        self._process: ForkServerProcess | None = None

    @property
    def logged(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    @property
    def lines(self) -> int:
        """How many new lines a traced start has come to so far."""
        return int(self._count.value)

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.exitcode

    async def start(self, *, traced: bool = False, kill_at: int | str = 0) -> None:
        """With `kill_at` it kills itself, as the tracer says."""
        _context.set_forkserver_preload(["aiohttp", "aiokafka", "aiokafka.admin"])
        self._count.value = 0
        count = self._count if traced or kill_at else None
        self._process = _context.Process(
            target=_run, args=(self._arguments, str(self._log), count, kill_at), daemon=True
        )
        await asyncio.to_thread(self._process.start)

    async def ended(self, within_seconds: float = 60) -> None:
        """Returns when it has killed itself."""
        assert self._process is not None
        await asyncio.to_thread(self._process.join, within_seconds)
        assert self._process.exitcode == -signal.SIGKILL, f"it ended with {self._process.exitcode}\n{self.logged}"

    async def kill(self) -> None:
        """SIGKILL, wherever it is."""
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            await asyncio.to_thread(self._process.join, 10)


class Tracer:
    """Counts the lines of the program's functions; a line is new once between two events.

    It kills before the line with the number, or before the line of the program that begins with the text.
    """

    def __init__(self, count: Any, kill_at: int | str) -> None:
        lines = PROGRAM.read_text(encoding="utf-8").splitlines()
        self._first_of_event = next(n for n, line in enumerate(lines, 1) if line.startswith("        data, gone = "))
        named = [n for n, line in enumerate(lines, 1) if line.strip().startswith(str(kill_at))]
        assert isinstance(kill_at, int) or len(named) == 1, f"{kill_at} begins {len(named)} lines"
        self._kill_on = named[0] if isinstance(kill_at, str) else 0
        self._count, self._kill_at = count, kill_at
        self._seen: set[int] = set()

    def __call__(self, frame: FrameType, _kind: str, _argument: object) -> Any:
        ours = frame.f_code.co_filename == str(PROGRAM) and frame.f_code.co_name != "<module>"
        return self._line if ours else None

    def _line(self, frame: FrameType, kind: str, _argument: object) -> Any:
        if kind == "line":
            if frame.f_lineno == self._first_of_event:
                self._seen.clear()
            if frame.f_lineno not in self._seen:
                self._seen.add(frame.f_lineno)
                self._count.value += 1
                if self._count.value == self._kill_at or frame.f_lineno == self._kill_on:
                    os.kill(os.getpid(), signal.SIGKILL)
        return self._line


def _run(arguments: tuple[str, ...], log: str, count: Any, kill_at: int | str) -> None:
    with Path(log).open("ab") as written:
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
    sys.argv = [str(PROGRAM), *arguments]
    if count is not None:
        sys.settrace(Tracer(count, kill_at))
    runpy.run_path(str(PROGRAM), run_name="__main__")
