"""What answers are, and how they are sent."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from tests.support.model_server.received import Received


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP reply."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay_seconds: float = 0.0
    cut_after: int | None = None
    """Bytes after which the connection is torn down; 0 sends nothing."""
    held_by: threading.Event | None = None
    """Nothing is sent before this is set."""
    trickle_seconds: float | None = None
    """Pause between the leading blanks that are sent, so that the socket never falls silent."""


Behaviour = Callable[[Received], Reply]


async def send(request: web.Request, reply: Reply) -> web.StreamResponse:
    await asyncio.sleep(reply.delay_seconds)
    while reply.held_by is not None and not reply.held_by.is_set():  # noqa: ASYNC110 - it is set in another thread
        await asyncio.sleep(0.01)
    if reply.cut_after == 0:
        return _torn(request)
    blanks = b" " * 600 if reply.trickle_seconds is not None else b""
    response = web.StreamResponse(status=reply.status, headers={"request-id": "req_test", **reply.headers})
    response.content_type = reply.content_type
    response.content_length = len(blanks) + len(reply.body)
    await response.prepare(request)
    for _ in blanks:
        await response.write(b" ")
        await asyncio.sleep(reply.trickle_seconds or 0)
    if reply.cut_after is not None:
        await response.write(reply.body[: reply.cut_after])
        return _torn(request)
    await response.write(reply.body)
    await response.write_eof()
    return response


def _torn(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
