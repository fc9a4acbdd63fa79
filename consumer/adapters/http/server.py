"""The HTTP server of the process."""

from collections.abc import Sequence
from typing import Protocol

from aiohttp import web

from consumer.errors import Misconfigured

CLOSE_SECONDS = 1.0
LARGEST_FORM_BYTES = 65_536


class Site(Protocol):
    """A part of what is served."""

    def add_to(self, application: web.Application) -> None:
        """Adds its routes, and what has to be done at the start and the end. Called once, before the start."""


class HttpServer:
    """Serves its sites from one address; port 0 takes a free port."""

    def __init__(self, host: str, port: int, sites: Sequence[Site]) -> None:
        self._host = host
        self._port = port
        self._sites = sites
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Returns the port that it listens on. Raises Misconfigured when it cannot listen there."""
        application = web.Application(client_max_size=LARGEST_FORM_BYTES)
        for site in self._sites:
            site.add_to(application)
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=CLOSE_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            raise Misconfigured(
                f"ESCALATION_HTTP_HOST, ESCALATION_HTTP_PORT: cannot listen on {self._host}:{self._port}: "
                f"{error.strerror or error}"
            ) from error
        self._runner = runner
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
