"""Memory that a test shares with the processes that it kills: how often each point was passed, and where to die.

A process dies by its own SIGKILL in the middle of its instructions: no handler, no `finally`, no answer is waited for.
"""

import mmap
import os
import signal
import types
from collections.abc import AsyncIterator, Awaitable, Generator
from pathlib import Path
from typing import Any, TypeVar

from tests.support.killing.points import Moment, all_points

T = TypeVar("T")
PLUMBING = ("consumer.adapters.postgres.core.", "consumer.adapters.kafka.client", "consumer.flows.pacing")
"""What many share: the point that calls it is noted as the one that waits, too."""
_ARMED, _PASSES, _DIED, _FIRST = 0, 1, 2, 3


class Page:
    """Slots are numbered from 1: three moments for each point."""

    def __init__(self, path: Path) -> None:
        """Makes the file if it is not there."""
        self.path = path
        size = 4 * (_FIRST + len(Moment) * len(all_points()) + 1)
        if not path.exists():
            path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), size)
        self._words = memoryview(self._map).cast("I")

    @staticmethod
    def slot(point: int, moment: Moment) -> int:
        return 1 + len(Moment) * point + moment

    def arm(self, slot: int, passes: int = 1) -> None:
        """The process that passes the slot for the `passes`-th time from now on dies there. 0 disarms."""
        self._words[_DIED] = 0
        self._words[_PASSES] = passes
        self._words[_ARMED] = slot

    @property
    def has_killed(self) -> bool:
        return self._words[_DIED] != 0

    def counts(self) -> list[int]:
        """How often each slot was passed so far, by slot."""
        return [0, *self._words[_FIRST + 1 :]]

    def reach(self, slot: int) -> None:
        words = self._words
        words[_FIRST + slot] += 1
        if words[_ARMED] == slot:
            words[_PASSES] -= 1
            if words[_PASSES] == 0:
                words[_ARMED] = 0
                words[_DIED] = slot
                os.kill(os.getpid(), signal.SIGKILL)


class WatchedCalls:
    """What stands around each point of a process: passes are noted, and nothing else changes.

    `page` is set before the process begins to work.
    """

    def __init__(self) -> None:
        self.page: Page | None = None
        self.waited_for: object = None
        """What the event loop waits for, as an inner point has noted it: outer ones need not."""
        self.plumbing = frozenset(
            number for number, point in enumerate(all_points()) if point.module.startswith(PLUMBING)
        )

    def reach(self, slot: int) -> None:
        if self.page is not None:
            self.page.reach(slot)

    def watched_await(self, point: int, awaitable: Awaitable[T]) -> Awaitable[T]:
        return self._await(point, awaitable)

    @types.coroutine
    def _await(self, point: int, awaitable: Awaitable[T]) -> Generator[Any, Any, T]:
        first = Page.slot(point, Moment.BEFORE)
        self.reach(first)
        result: T = yield from _Waiting(self, first + Moment.DURING, awaitable.__await__(), point in self.plumbing)
        self.reach(first + Moment.AFTER)
        return result

    def watched_for(self, point: int, iterable: AsyncIterator[T]) -> "_Iterated[T]":
        return _Iterated(self, point, iterable)

    def watched_with(self, point: int, context: Any) -> "_Entered":
        return _Entered(self, point, context)


class _Waiting:
    """Passes everything on, and notes when the wait begins."""

    __slots__ = ("_calls", "_inner", "_is_plumbing", "_slot")

    def __init__(self, calls: WatchedCalls, slot: int, inner: Generator[Any, Any, Any], is_plumbing: bool) -> None:
        self._is_plumbing = is_plumbing
        self._calls = calls
        self._slot = slot
        self._inner = inner

    def __iter__(self) -> "_Waiting":
        return self

    def __next__(self) -> Any:
        return self._noted(next(self._inner))

    def send(self, value: Any) -> Any:
        return self._noted(self._inner.send(value))

    def throw(self, *error: Any) -> Any:
        return self._noted(self._inner.throw(*error))

    def close(self) -> None:
        if hasattr(self._inner, "close"):
            self._inner.close()

    def _noted(self, waited_for: object) -> object:
        if self._slot:
            slot, self._slot = self._slot, 0
            if waited_for is None or waited_for is not self._calls.waited_for:
                if not self._is_plumbing:
                    self._calls.waited_for = waited_for
                self._calls.reach(slot)
        return waited_for


class _Iterated(AsyncIterator[T]):
    def __init__(self, calls: WatchedCalls, point: int, iterable: AsyncIterator[T]) -> None:
        self._calls = calls
        self._point = point
        self._iterator = aiter(iterable)

    def __aiter__(self) -> "_Iterated[T]":
        return self

    def __anext__(self) -> Awaitable[T]:
        return self._calls.watched_await(self._point, anext(self._iterator))


class _Entered:
    def __init__(self, calls: WatchedCalls, point: int, context: Any) -> None:
        self._calls = calls
        self._point = point
        self._context = context

    def __aenter__(self) -> Awaitable[Any]:
        return self._calls.watched_await(self._point, self._context.__aenter__())

    def __aexit__(self, *error: Any) -> Awaitable[Any]:
        return self._calls.watched_await(self._point + 1, self._context.__aexit__(*error))
