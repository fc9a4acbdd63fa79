"""A server's double on loopback: what comes in goes to the server, through the plan."""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import ClassVar, Self

from tests.support.proxies.conversation import Conversation
from tests.support.proxies.link import Link
from tests.support.proxies.plan import Ledger

START_SECONDS = 10


class Proxy:
    """Runs in a thread of its own for the time of a `with` block."""

    server: ClassVar[str]
    """Which one it stands for."""

    def __init__(self, upstream: tuple[str, int], ledger: Ledger) -> None:
        self._upstream = upstream
        self.ledger = ledger
        self.port = 0
        """0 until the block begins."""
        self._links: set[Link] = set()
        self._silent = False

    def conversation(self) -> Conversation:
        """For a new connection."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def fall_silent(self) -> None:
        """From now on nothing passes: on no connection, and new ones are taken and not answered."""
        self._in_loop(lambda: self._set_silent(silent=True))

    def recover(self) -> None:
        """Severs what was silent; new connections pass again."""
        self._in_loop(lambda: self._set_silent(silent=False))

    def __enter__(self) -> Self:
        started = threading.Event()
        name = f"proxy-{self.server}"
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), name=name, daemon=True)
        self._thread.start()
        if not started.wait(START_SECONDS):
            raise TimeoutError(f"the proxy of {self.server} did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._in_loop(self._stopped.set)
        self._thread.join(START_SECONDS)

    def _in_loop(self, act: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(act)

    def _set_silent(self, *, silent: bool) -> None:
        self._silent = silent
        for link in self._links:
            if silent:
                link.silent = True
            elif link.silent:
                link.sever()

    async def _serve(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()

        def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._stopped.is_set():
                writer.transport.abort()
                return
            task = asyncio.create_task(self._link(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            # Hazard: not in the task, which may be cancelled before its first step.
            task.add_done_callback(lambda _: writer.transport.abort())

        listening = await asyncio.start_server(take, "127.0.0.1", 0, limit=2**20)
        self.port = listening.sockets[0].getsockname()[1]
        started.set()
        await self._stopped.wait()
        for socket in listening.sockets:
            self._loop.remove_reader(socket)
        # Hazard: what was accepted in the turn before `close` is never closed: asyncio swallows its own AssertionError.
        await _turns()
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _turns()  # what was aborted is closed

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server = await asyncio.open_connection(*self._upstream)
            link = Link(self.conversation(), self.ledger, (reader, writer), server)
            link.silent = self._silent
            self._links.add(link)
            try:
                await link.run()
            finally:
                self._links.discard(link)
        except OSError:
            return


async def _turns() -> None:
    """Three of the loop, which is what asyncio takes from accepting a connection to handing it over."""
    for _ in range(3):
        await asyncio.sleep(0)
