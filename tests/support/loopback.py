"""A server on loopback in a thread of its own, for the time of a `with` block."""

import asyncio
import threading
from types import TracebackType
from typing import ClassVar, Self

from aiohttp import web

START_SECONDS = 10


class LoopbackServer:
    """Serves the routes of `application`, which each kind of server makes."""

    name: ClassVar[str]
    """Of the thread."""
    cancels_handlers: ClassVar[bool] = False
    """Whether a handler ends when its client goes away."""

    def __init__(self) -> None:
        self.url = ""
        """Without a slash at its end; empty until the block begins."""

    def application(self) -> web.Application:
        """The routes; called once, in the server's own event loop."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), name=self.name, daemon=True)
        self._thread.start()
        if not started.wait(START_SECONDS):
            raise TimeoutError(f"the server {self.name} did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(START_SECONDS)

    async def _serve(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        runner = web.AppRunner(
            self.application(), access_log=None, shutdown_timeout=0.1, handler_cancellation=self.cancels_handlers
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        started.set()
        await self._stopped.wait()
        await runner.cleanup()
