"""/livez, /readyz and /metrics. They read only what is known already, so they answer at once whatever hangs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from aiohttp import web

from consumer.errors import Misconfigured
from consumer.flows.operation.health import Health, Stuck

_CLOSE_SECONDS = 1.0


class HealthServer:
    """The HTTP server of the process. `exposition` returns the text of /metrics and its content type."""

    def __init__(self, host: str, port: int, health: Health, exposition: Callable[[], tuple[bytes, str]]) -> None:
        self._host = host
        self._port = port
        self._health = health
        self._exposition = exposition
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Returns the port that it listens on. Raises Misconfigured when it cannot listen there."""
        application = web.Application()
        application.add_routes(
            [web.get("/livez", self._livez), web.get("/readyz", self._readyz), web.get("/metrics", self._metrics)]
        )
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=_CLOSE_SECONDS)
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

    async def _livez(self, _request: web.Request) -> web.Response:
        alive = self._health.alive
        loops = [entry for entry in self._health.stuck() if entry.restart_helps]
        return web.json_response({"alive": alive, "stuck": _rows(loops)}, status=200 if alive else 503)

    async def _readyz(self, _request: web.Request) -> web.Response:
        ready = self._health.ready
        return web.json_response({"ready": ready, "stuck": _rows(self._health.stuck())}, status=200 if ready else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        body, content_type = self._exposition()
        return web.Response(body=body, headers={"Content-Type": content_type})


def _rows(stuck: tuple[Stuck, ...] | list[Stuck]) -> list[dict[str, object]]:
    now = datetime.now(UTC)
    return [
        {
            "what": entry.what,
            "reason": entry.reason,
            "since": (now - timedelta(seconds=entry.seconds)).isoformat(timespec="seconds"),
            "seconds": round(entry.seconds, 1),
            "blocking": entry.blocking,
        }
        for entry in stuck
    ]
