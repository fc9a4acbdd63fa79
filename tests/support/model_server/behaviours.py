"""The menu of behaviours: what may answer in place of the ordinary answer."""

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tests.support.model_server.received import Received
from tests.support.model_server.replies import Behaviour, Reply


class Answering(Protocol):
    """A server, as the menu needs it."""

    def answer(self, received: Received) -> Reply: ...

    def message(self, received: Received, text: str, **changes: Any) -> Reply: ...


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
        self, server: Answering, *, in_a_second: int, at_once: int, seconds: float, retry_after: str | None = "1"
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


def only_plain_form(server: Answering, message: str = "output_config: Extra inputs are not permitted") -> Behaviour:
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

    server: Answering

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
