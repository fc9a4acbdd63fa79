"""Starts processes of the service whose code counts its points: `python -m tests.support.killing.mother`.

It has loaded all code, rewritten, and forks: a start takes hundredths of a second. Orders come as JSON lines on
standard input: environment, log, page, arguments. Each is answered with the process id, and later with how that process
ended.
"""

import asyncio
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.killing import points
from tests.support.killing.page import Page, WatchedCalls
from tests.support.killing.points import ROOT
from tests.support.service import whole_environment

_LOADED = ("consumer.cli", "consumer.service", "consumer.wiring", "consumer.adapters", "consumer.flows")
_LOAD_SECONDS = 120.0
_NOT_LOADED = ("consumer.cli.demo", "consumer.adapters.embedded", "consumer.cli.trial")


class Mother:
    """The parent's side. Every process that was started is ended with it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._started: asyncio.Queue[int] = asyncio.Queue()
        self._one_start = asyncio.Lock()
        self._ended: dict[int, asyncio.Future[int]] = {}

    async def start(self, environment: Mapping[str, str], log: Path, page: Path, *arguments: str) -> int:
        """The id of a new process of `escalation-consumer`."""
        order = {"environment": whole_environment(environment), "log": str(log), "page": str(page)}
        order["arguments"] = list(arguments)
        starting = asyncio.create_task(self._start(json.dumps(order).encode()), name="starting")
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:  # the next start must not be told of this process, and nobody would end it
            os.kill(await starting, signal.SIGKILL)
            raise

    async def _start(self, order: bytes) -> int:
        assert self._process.stdin is not None
        async with self._one_start, asyncio.timeout(_LOAD_SECONDS):
            self._process.stdin.write(order + b"\n")
            return await self._started.get()

    def ended(self, pid: int) -> "asyncio.Future[int]":
        """How the process ends: its exit code, or the signal as a negative number."""
        return self._ended[pid]

    async def listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            message = json.loads(line)
            if "code" in message:
                self._ended[message["pid"]].set_result(message["code"])
            else:
                self._ended[message["pid"]] = asyncio.get_running_loop().create_future()
                self._started.put_nowait(message["pid"])


@asynccontextmanager
async def open_mother() -> AsyncIterator[Mother]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.killing.mother",
        env=whole_environment({}),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    mother = Mother(process)
    listening = asyncio.create_task(mother.listen(), name="mother")
    try:
        yield mother
    finally:
        assert process.stdin is not None
        process.stdin.close()  # it kills its children and ends
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 20)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def main() -> None:
    calls = WatchedCalls()
    points.watch(watched_await=calls.watched_await, watched_for=calls.watched_for, watched_with=calls.watched_with)
    for name in _modules():
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # else each child walks, and so copies, all of it
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: set[int] = set()
    rest = b""
    while True:
        for source in select.select([0, awake], [], [])[0]:
            piece = os.read(source, 65536)
            if source == awake:
                _tell_ended(children)
            elif not piece:
                for child in children:
                    os.kill(child, signal.SIGKILL)
                return
            else:
                *orders, rest = (rest + piece).split(b"\n")
                for order in orders:
                    child = _born(json.loads(order), calls)
                    children.add(child)
                    _tell(pid=child)


def _modules() -> list[str]:
    paths = [*(ROOT / "consumer").rglob("*.py")]
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths}
    return sorted(name for name in names if f"{name}.".startswith(_LOADED) and not f"{name}.".startswith(_NOT_LOADED))


def _tell(**what: int) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def _tell_ended(children: set[int]) -> None:
    for child in [*children]:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            children.discard(child)
            _tell(pid=child, code=os.waitstatus_to_exitcode(status))


def _born(order: dict[str, Any], calls: WatchedCalls) -> int:
    child = os.fork()
    if child:
        return child
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(order["environment"])
    calls.page = Page(Path(order["page"]))
    sys.argv = ["escalation-consumer", *order["arguments"]]
    code = 1
    try:
        from consumer.cli.main import run_command_line

        run_command_line()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
