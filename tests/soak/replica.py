"""The service, which tells of its memory when asked: `python -m tests.soak.replica run`.

At SIGUSR1 it collects its garbage, and a fork of it adds a line to the file that SOAK_CENSUS names. Else it is
`python -m consumer`, but for `gc.freeze`: what is frozen is not counted.
"""

import asyncio
import ctypes
import gc
import json
import os
import signal
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from consumer.cli.main import run_command_line
from consumer.flows.intake.suspicion import Suspicion

CENSUS = "SOAK_CENSUS"
STATEMENTS = "asyncpg.protocol.protocol.PreparedStatementState"
"""Each costs some fifty small objects, and lives as long as its connection."""
_TYPES = 60
_SMALL_BYTES = 512
"""Up to which pymalloc holds an object; the others are the C library's."""
_LARGE = 20
"""Containers with fewer elements are not told."""


class _Census:
    """Counts in a fork: what counting takes, tens of megabytes, would stay with the process and look like a leak."""

    def __init__(self) -> None:
        self._fork: int | None = None

    def take(self, *_: object) -> None:
        """Handles the signal."""
        if self._fork is not None and os.waitpid(self._fork, os.WNOHANG) == (0, 0):
            return
        gc.collect()
        try:
            tasks = Counter(task.get_name().split("-")[0] for task in asyncio.all_tasks())
        except RuntimeError:  # no loop turns at the very begin and end
            tasks = Counter()
        heap = _heap()
        self._fork = os.fork()
        if self._fork == 0:
            try:
                _tell(tasks, heap)
            finally:
                os._exit(0)


_LruCache = type(lru_cache(lambda: None))


def _tell(tasks: Counter[str], heap: dict[str, int]) -> None:
    objects = gc.get_objects()
    types = Counter(_name(type(each)) for each in objects)
    line = {
        "blocks": sys.getallocatedblocks(),
        "heap": heap,
        "objects": len(objects),
        "statements": types[STATEMENTS],
        "types": dict(types.most_common(_TYPES)),
        "tasks": dict(tasks),
        "containers": dict(_containers(objects)),
        "large": _large(objects),
    }
    with Path(os.environ[CENSUS]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _containers(objects: list[Any]) -> Iterator[tuple[str, tuple[str, int]]]:
    """The large ones by identity: what they are, and their length. Those of bounded caches are left out."""
    caches = [
        each for each in objects if isinstance(each, _LruCache) and each.cache_parameters()["maxsize"] is not None
    ]
    bounded = {id(each) for each in gc.get_referents(*caches)}
    bounded |= {id(vars(each)["_last"]) for each in objects if isinstance(each, Suspicion)}  # at most REMEMBERED keys
    owners = {
        id(value): f"{module}.{name}"
        for module, loaded in list(sys.modules.items())
        for name, value in list(getattr(loaded, "__dict__", {}).items())
    }
    # A mapping of plain values is not tracked: it is found through what refers to it.
    hidden = {id(each): each for each in gc.get_referents(*objects) if type(each) is dict and not gc.is_tracked(each)}
    for each in (*objects, *hidden.values()):
        if isinstance(each, list | dict | set | deque) and len(each) >= _LARGE:
            if each is objects or id(each) in bounded:
                continue
            kind = f"{_name(type(each))} of {_name(type(next(iter(each))))}"
            yield str(id(each)), (f"{owners.get(id(each), '')} {kind}".strip(), len(each))


def _large(objects: list[Any]) -> dict[str, int]:
    """Bytes of the texts and buffers that pymalloc does not hold, by type, and the largest of each."""
    bytes_of: Counter[str] = Counter()
    seen = {id(each): each for each in gc.get_referents(*objects) if isinstance(each, str | bytes | bytearray)}
    for each in seen.values():
        if (size := sys.getsizeof(each)) > _SMALL_BYTES:
            name = _name(type(each))
            bytes_of[name] += size
            bytes_of[f"largest {name}"] = max(bytes_of[f"largest {name}"], size)
    return dict(bytes_of)


class _MallInfo(ctypes.Structure):
    """`mallinfo2` of the GNU C library: bytes from the system, in use and free, over all arenas."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


def _heap() -> dict[str, int]:
    """Empty with another C library."""
    try:
        mallinfo = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return {}
    mallinfo.restype = _MallInfo
    info = mallinfo()
    return {"arena": info.arena, "mapped": info.hblkhd, "used": info.uordblks, "free": info.fordblks}


def _end_with_the_soak(parent: int) -> None:
    """A soak that is killed leaves no replica behind."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


if __name__ == "__main__":
    gc.freeze = lambda: None
    signal.signal(signal.SIGUSR1, _Census().take)
    threading.Thread(target=_end_with_the_soak, args=(os.getppid(),), daemon=True).start()
    sys.argv[0] = "escalation-consumer"
    try:
        run_command_line()
    except SystemExit as end:
        # Not frozen, all objects would be collected once more: seconds on a busy machine, which the service spares.
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
