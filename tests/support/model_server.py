"""A loopback server that speaks the Messages API, with a menu of faults.

It runs in a thread with a loop of its own, so that async tests and services in other processes can use it alike.
Each `POST /v1/messages` takes the next behaviour of the script; then the default one answers. Questions to the second
reader are kept apart: they have a behaviour of their own, by default a reader who finds nothing.
"""

import asyncio
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from consumer.domain.reader import question
from tests.support.waiting import until

API_VERSION = "2026-10-21"
CACHE_FLOOR_TOKENS = 512
_CHARACTERS_PER_TOKEN = 4
_SAMPLING = ("temperature", "top_p", "top_k")
_KNOWN = frozenset(
    {
        "model", "max_tokens", "messages", "system", "thinking", "output_config", "metadata", "stop_sequences",
        "stream", "tools", "tool_choice", "service_tier", "container", "cache_control", "diagnostics", "inference_geo",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as it came."""

    at: float
    """Monotonic seconds."""
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes

    @property
    def user_text(self) -> str:
        """The first user turn; it holds the bundle."""
        return str(self.body["messages"][0]["content"])

    @property
    def boundary(self) -> str:
        """The line before the records: each draft has its own, and keeps it in its retry and its repair."""
        return self.user_text.partition("\n")[0]

    @property
    def records(self) -> str:
        """The records alone, whatever the boundary around them."""
        text = self.user_text
        return text[text.find("{") : text.rfind("}") + 1] or text

    @property
    def is_check(self) -> bool:
        """Whether the second reader is asked."""
        return question.SYSTEM[:80] in json.dumps(self.body.get("system", ""), ensure_ascii=False)

    @property
    def statements(self) -> list[dict[str, Any]]:
        """What the second reader is asked about, in order."""
        within = self.user_text.partition("\n<statements ")[2].partition("\n</statements ")[0]
        return [json.loads(line) for line in within.splitlines()[1:]]

    @property
    def is_repair(self) -> bool:
        return len(self.body["messages"]) > 1

    @property
    def model(self) -> str:
        return str(self.body["model"])


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
Write = Callable[[Received], str]
"""The text of an answer to a request."""


class ModelServer:
    """Starts with the `with` block, on a port that the system gives."""

    def __init__(self, write: Write, *, api_key: str | None = None) -> None:
        """`write` makes the ordinary answer's text; with `api_key` any other key is refused with 401."""
        self._write = write
        self._api_key = api_key
        self._lock = threading.Lock()
        self._script: deque[Behaviour] = deque()
        self._default: Behaviour = self.answer
        self._received: list[Received] = []
        self._checks: list[Received] = []
        self._reader: Behaviour = self.nothing_found
        self._prefixes: set[str] = set()
        self._reported: Counter[str] = Counter()
        self._reported_by_reader: Counter[str] = Counter()
        self._in_flight = 0
        self.most_in_flight = 0
        self.url = ""

    # for tests

    def script(self, *behaviours: Behaviour) -> None:
        """Adds behaviours for the next requests, one each."""
        with self._lock:
            self._script.extend(behaviours)

    def always(self, behaviour: Behaviour | None) -> None:
        """Clears the script and sets the default; None is the ordinary answer."""
        with self._lock:
            self._script.clear()
            self._default = behaviour or self.answer

    def reader(self, behaviour: Behaviour | None) -> None:
        """Sets what answers questions to the second reader; None is the reader who finds nothing."""
        with self._lock:
            self._reader = behaviour or self.nothing_found

    def forget(self) -> None:
        """Forgets all requests and usage; the behaviours stay."""
        with self._lock:
            self._received.clear()
            self._checks.clear()
            self._reported.clear()
            self._reported_by_reader.clear()

    @property
    def unused(self) -> int:
        """Behaviours of the script that no request used."""
        with self._lock:
            return len(self._script)

    @property
    def requests(self) -> tuple[Received, ...]:
        """Every question to the drafter so far."""
        with self._lock:
            return tuple(self._received)

    @property
    def checks(self) -> tuple[Received, ...]:
        """Every question to the second reader so far."""
        with self._lock:
            return tuple(self._checks)

    @property
    def calls(self) -> int:
        return len(self.requests)

    @property
    def reported(self) -> Counter[str]:
        """Tokens by kind that the ordinary answers reported so far. The caller has to pay for them."""
        with self._lock:
            return self._reported.copy()

    @property
    def reported_by_drafter(self) -> Counter[str]:
        """The same without the second reader's."""
        with self._lock:
            return Counter({kind: tokens - self._reported_by_reader[kind] for kind, tokens in self._reported.items()})

    async def called(self, times: int = 1) -> None:
        """Returns after so many calls."""

        async def so_often() -> bool:
            return self.calls >= times

        await until(so_often)

    def calls_by_draft(self) -> Counter[str]:
        """Calls of each draft by boundary: retry and repair keep the boundary of the first call."""
        return Counter(request.boundary for request in self.requests)

    def calls_by_prompt(self) -> Counter[str]:
        """How often each set of records was sent, whatever the boundary around it."""
        return Counter(request.records for request in self.requests)

    def holds(self, secret: str) -> bool:
        """Whether any request, headers included, holds the text."""
        asked = (*self.requests, *self.checks)
        return any(secret.encode() in request.raw or secret in json.dumps(request.headers) for request in asked)

    def answer(self, received: Received) -> Reply:
        """The ordinary answer."""
        return self.message(received, self._write(received))

    def nothing_found(self, received: Received) -> Reply:
        """The reader who calls every statement supported."""
        return self.flagging(received)

    def flagging(self, received: Received, *faults: dict[str, Any]) -> Reply:
        """A reader who finds these faults: each names the statement `n` and what its entry has else."""
        by_number = {fault["n"]: fault for fault in faults}
        sound = {"verdict": "supported", "repeats_failed_fix": False, "records": [], "reason": ""}
        numbers = [statement["n"] for statement in received.statements]
        return self.message(
            received, json.dumps({"verdicts": [{"n": n} | sound | by_number.get(n, {}) for n in numbers]})
        )

    def message(self, received: Received, text: str, **changes: Any) -> Reply:
        return Reply(body=json.dumps(self._message(received, text) | changes).encode())

    def _message(self, received: Received, text: str) -> dict[str, Any]:
        system = json.dumps(received.body.get("system", ""))
        prefix_tokens = len(system) // _CHARACTERS_PER_TOKEN
        cacheable = "cache_control" in system and prefix_tokens >= CACHE_FLOOR_TOKENS
        with self._lock:
            warm = system in self._prefixes
            if cacheable:
                self._prefixes.add(system)
            usage = {
                "input_tokens": len(received.user_text) // _CHARACTERS_PER_TOKEN,
                "output_tokens": len(text) // _CHARACTERS_PER_TOKEN,
                "cache_creation_input_tokens": prefix_tokens if cacheable and not warm else 0,
                "cache_read_input_tokens": prefix_tokens if cacheable and warm else 0,
            }
            self._reported.update(usage)
            if received.is_check:
                self._reported_by_reader.update(usage)
        return {
            "id": f"msg_{len(self._received):08d}",
            "type": "message",
            "role": "assistant",
            "model": received.model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "stop_details": None,
            "usage": {
                **usage,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
                "output_tokens_details": {"thinking_tokens": 0},
                "service_tier": "standard",
            },
        }

    # the server

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), name="model", daemon=True)
        self._thread.start()
        if not started.wait(10):
            raise TimeoutError("the model server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    async def _serve(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        application = web.Application(client_max_size=64 * 2**20)
        application.router.add_post("/v1/messages", self._messages)
        application.router.add_post("/v1/messages/count_tokens", _count_tokens)
        application.router.add_get("/v1/models/{model}", _model)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        started.set()
        await self._stopped.wait()
        await runner.cleanup()

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        received = Received(
            at=time.monotonic(), path=request.path, headers=dict(request.headers), body=json.loads(raw), raw=raw
        )
        drafts = not received.is_check
        with self._lock:
            (self._received if drafts else self._checks).append(received)
            self._in_flight += drafts
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            return await _send(request, self._reply(received))
        finally:
            with self._lock:
                self._in_flight -= drafts

    def _reply(self, received: Received) -> Reply:
        key = received.headers.get("Authorization", "").removeprefix("Bearer ") or received.headers.get("X-Api-Key", "")
        if not key or (self._api_key is not None and key != self._api_key):
            return error(401)(received)
        if (complaint := _complaint(received)) is not None:
            return error(400, message=complaint)(received)
        with self._lock:
            reader = self._reader if received.is_check else None
            behaviour = reader or (self._script.popleft() if self._script else self._default)
        return behaviour(received)


async def _send(request: web.Request, reply: Reply) -> web.StreamResponse:
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


async def _count_tokens(request: web.Request) -> web.Response:
    return web.json_response({"input_tokens": len(await request.read()) // _CHARACTERS_PER_TOKEN})


async def _model(request: web.Request) -> web.Response:
    return web.json_response({"id": request.match_info["model"], "type": "model", "display_name": "a model"})


def _complaint(received: Received) -> str | None:
    """Why the real API would answer this request with 400."""
    body = received.body
    if received.headers.get("anthropic-version") != API_VERSION:
        return f"anthropic-version: {API_VERSION} is wanted"
    for name in body:
        if name in _SAMPLING or name not in _KNOWN:
            return f"{name}: Extra inputs are not permitted"
    if not body["messages"] or body["messages"][-1]["role"] != "user":
        return "messages: the conversation must end with a user message"
    thinking = body.get("thinking", {}).get("type")
    if body["model"].startswith("claude-sonnet-5-5") and thinking in {"enabled", "disabled"}:
        return f"thinking.type: {thinking} is not supported by this model"
    if body.get("tool_choice", {}).get("type") in {"any", "tool"}:
        return "tool_choice: forced tool use is not supported"
    if any(not message["content"] for message in body["messages"]):
        return "messages: text content blocks must be non-empty"
    return None


# the menu


_ERROR_TYPES = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    404: "not_found_error", 409: "conflict_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error",
    504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip


def error(
    status: int, *, message: str = "no", error_code: str | None = None, retry_after: str | None = None
) -> Behaviour:
    body: dict[str, Any] = {"type": _ERROR_TYPES.get(status, "api_error"), "message": message}
    if error_code is not None:
        body["details"] = {"error_code": error_code}
    headers = {} if retry_after is None else {"retry-after": retry_after}
    whole = json.dumps({"type": "error", "error": body, "request_id": "req_test"}).encode()
    return lambda _: Reply(status=status, body=whole, headers=headers)


class Limited:
    """An account's limits, as a behaviour: calls in a second and calls at once; beyond them 429 with `retry-after`."""

    def __init__(
        self, server: "ModelServer", *, in_a_second: int, at_once: int, seconds: float, retry_after: str | None = "1"
    ) -> None:
        """`seconds` is how long an answer takes."""
        self._server = server
        self._in_a_second = in_a_second
        self._at_once = at_once
        self._seconds = seconds
        self._refuse = error(429, retry_after=retry_after)
        self._ends: deque[float] = deque()
        self._starts: deque[float] = deque()
        self.taken: list[float] = []
        self.refused: list[float] = []

    def __call__(self, received: Received) -> Reply:
        now = received.at
        while self._starts and self._starts[0] <= now - 1:
            self._starts.popleft()
        while self._ends and self._ends[0] <= now:
            self._ends.popleft()
        if len(self._starts) >= self._in_a_second or len(self._ends) >= self._at_once:
            self.refused.append(now)
            return self._refuse(received)
        self._starts.append(now)
        self._ends.append(now + self._seconds)
        self.taken.append(now)
        return _changed(self._server.answer(received), delay_seconds=self._seconds)


def spend_limit() -> Behaviour:
    return error(429, error_code="enforced_spend_limit_reached")


def hang(seconds: float = 60.0) -> Behaviour:
    return lambda _: Reply(body=b"", delay_seconds=seconds, cut_after=0)


def reset() -> Behaviour:
    return lambda _: Reply(body=b"", cut_after=0)


def html() -> Behaviour:
    return lambda _: Reply(body=b"<html><body>Bad gateway, but 200</body></html>", content_type="text/html")


def json_body(body: object) -> Behaviour:
    """200 with JSON that is no message."""
    whole = json.dumps(body).encode()
    return lambda _: Reply(body=whole)


def only_plain_form(server: "ModelServer", message: str = "output_config: Extra inputs are not permitted") -> Behaviour:
    """As clouds and gateways that take texts alone."""
    refuse = error(400, message=message)

    def behave(received: Received) -> Reply:
        plain = not {"output_config", "thinking"} & received.body.keys() and isinstance(received.body["system"], str)
        return server.answer(received) if plain else refuse(received)

    return behave


def broken_json() -> Behaviour:
    return lambda _: Reply(body=b'{"id": "msg_1", "type": "mess')


@dataclass(frozen=True, slots=True)
class Menu:
    """The faults that spoil an ordinary answer."""

    server: ModelServer

    def slow(self, seconds: float) -> Behaviour:
        return lambda received: _changed(self.server.answer(received), delay_seconds=seconds)

    def held(self, by: threading.Event) -> Behaviour:
        """The call stays under way until the test sets the event."""
        return lambda received: _changed(self.server.answer(received), held_by=by)

    def trickle(self, pause_seconds: float = 0.05) -> Behaviour:
        return lambda received: _changed(self.server.answer(received), trickle_seconds=pause_seconds)

    def half_a_body(self) -> Behaviour:
        return lambda received: _changed(reply := self.server.answer(received), cut_after=len(reply.body) // 2)

    def says(self, text: str, **changes: Any) -> Behaviour:
        return lambda received: self.server.message(received, text, **changes)

    def without_usage(self) -> Behaviour:
        return self._edited(lambda message: message.pop("usage"))

    def cut(self) -> Behaviour:
        def shorten(message: dict[str, Any]) -> None:
            text = message["content"][0]["text"]
            message["content"][0]["text"] = text[: len(text) // 2]
            message["stop_reason"] = "max_tokens"

        return self._edited(shorten)

    def refusal(self, text: str | None = None) -> Behaviour:
        content = [] if text is None else [{"type": "text", "text": text}]
        details = {"type": "refusal", "category": "cyber", "explanation": "no"}
        return self.says("", content=content, stop_reason="refusal", stop_details=details)

    def thinking_first(self) -> Behaviour:
        block = {"type": "thinking", "thinking": "hm", "signature": "s"}
        return self._edited(lambda message: message["content"].insert(0, block))

    def empty(self) -> Behaviour:
        return self.says("", content=[])

    def unknown_block(self) -> Behaviour:
        return self._edited(lambda message: message["content"].insert(0, {"type": "hologram", "light": 1}))

    def unknown_stop(self) -> Behaviour:
        return self._edited(lambda message: message.update(stop_reason="tired"))

    def _edited(self, edit: Callable[[dict[str, Any]], object]) -> Behaviour:
        def behave(received: Received) -> Reply:
            reply = self.server.answer(received)
            message = json.loads(reply.body)
            edit(message)
            return _changed(reply, body=json.dumps(message).encode())

        return behave


def _changed(reply: Reply, **changes: Any) -> Reply:
    return replace(reply, **changes)
