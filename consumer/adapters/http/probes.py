"""/livez, /readyz and /metrics. They read only what is known already, so they answer at once whatever hangs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from aiohttp import web

from consumer.flows.operation.health import Health, Stuck

PROBES = frozenset({"/livez", "/readyz", "/metrics"})


class Probes:
    """`exposition` returns the text of /metrics and its content type."""

    def __init__(self, health: Health, exposition: Callable[[], tuple[bytes, str]]) -> None:
        self._health = health
        self._exposition = exposition

    def add_to(self, application: web.Application) -> None:
        application.add_routes(
            [web.get("/livez", self._livez), web.get("/readyz", self._readyz), web.get("/metrics", self._metrics)]
        )

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
