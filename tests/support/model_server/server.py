"""What serves: a thread with a loop of its own, so that async tests and services in other processes use it alike.

Each call takes the next behaviour of the script; then the default one answers. Questions to the second reader are kept
apart: they have a behaviour of their own, by default a reader who finds nothing.
"""

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from consumer.domain.cost.model_ids import plain_id
from consumer.providers import ModelAccess
from tests.support.loopback import LoopbackServer
from tests.support.model_server import clouds
from tests.support.model_server.behaviours import error
from tests.support.model_server.complaints import complaint
from tests.support.model_server.received import Received
from tests.support.model_server.replies import Behaviour, Reply, send
from tests.support.waiting import until

CACHE_FLOOR_TOKENS = 512
_CHARACTERS_PER_TOKEN = 4
Write = Callable[[Received], str]
"""The text of an answer to a request."""


class ModelServer(LoopbackServer):
    """The model."""

    name = "model"
    cancels_handlers = True

    def __init__(self, write: Write, *, api_key: str | None = None) -> None:
        """`write` makes the ordinary answer's text; with `api_key` any other key is refused with 401."""
        super().__init__()
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
        self.credentials_asked: list[str] = []
        """The paths of the clouds' credential services that were asked."""
        self.free_questions: list[str] = []
        """The paths of calls that cost nothing."""

    # for tests

    @property
    def access(self) -> ModelAccess:
        """As the Messages API, with a key."""
        return ModelAccess(provider="anthropic", url=self.url, key="k")

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
            "model": plain_id(received.model),
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

    def application(self) -> web.Application:
        application = web.Application(client_max_size=64 * 2**20)
        for path in clouds.COUNT_PATHS:
            application.router.add_post(path, self._count_tokens)
        for provider, path in clouds.PATHS.items():
            application.router.add_post(path, partial(self._messages, provider))
        for path in ("/aws-credentials", "/google-token", "/entra-token"):
            application.router.add_route("*", path, self._credentials)
        application.router.add_get("/v1/models/{model}", self._model)
        return application

    async def _messages(self, provider: str, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        received = Received(
            at=time.monotonic(),
            path=request.path,
            headers=dict(request.headers),
            body=clouds.as_messages(dict(request.match_info), json.loads(raw)),
            raw=raw,
            provider=provider,
        )
        drafts = not received.is_check
        with self._lock:
            (self._received if drafts else self._checks).append(received)
            self._in_flight += drafts
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            return await send(request, clouds.said_by(provider, self._reply(received, request.raw_path)))
        finally:
            with self._lock:
                self._in_flight -= drafts

    def _reply(self, received: Received, raw_path: str) -> Reply:
        if not clouds.is_let_in(received, raw_path, self._api_key):
            return error(401)(received)
        if (refused := complaint(received)) is not None:
            return error(400, message=refused)(received)
        with self._lock:
            reader = self._reader if received.is_check else None
            behaviour = reader or (self._script.popleft() if self._script else self._default)
        return behaviour(received)

    async def _credentials(self, request: web.Request) -> web.Response:
        self.credentials_asked.append(request.path)
        return web.json_response(clouds.credentials(request.path))

    async def _count_tokens(self, request: web.Request) -> web.Response:
        raw = await request.read()
        return self._refused(request, json.loads(raw)["model"]) or web.json_response(
            {"input_tokens": len(raw) // _CHARACTERS_PER_TOKEN}
        )

    async def _model(self, request: web.Request) -> web.Response:
        model = request.match_info["model"]
        return self._refused(request, model) or web.json_response(
            {"id": model, "type": "model", "display_name": "a model", "created_at": "2026-10-01T00:00:00Z"}
        )

    def _refused(self, request: web.Request, model: str) -> web.Response | None:
        """A free question is let in as a call is; a model that is no `claude-…` is unknown."""
        self.free_questions.append(request.path)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        given = bearer or request.headers.get("x-api-key", request.headers.get("api-key", ""))
        let_in = self._api_key is None or given in (self._api_key, clouds.GOOGLE_TOKEN, clouds.ENTRA_TOKEN)
        status = 401 if not let_in else 0 if model.startswith("claude-") else 404
        if not status:
            return None
        kind = {401: "authentication_error", 404: "not_found_error"}[status]
        return web.json_response({"type": "error", "error": {"type": kind, "message": "no"}}, status=status)
