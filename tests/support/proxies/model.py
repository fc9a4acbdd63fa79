"""The model: an HTTP request is named by what it asks for."""

import json
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from consumer.domain.reader import question
from tests.support.proxies.conversation import Asked, Buffer, Part
from tests.support.proxies.kinds import KINDS, MODEL
from tests.support.proxies.plan import Ledger, Plan
from tests.support.proxies.proxy import Proxy

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)


class ModelProxy(Proxy):
    """Knows messages with a Content-Length alone: the SDK sends such, and the server answers so."""

    server = MODEL

    def __init__(self, url: str, plan: Plan | None = None) -> None:
        parts = urlsplit(url)
        super().__init__((parts.hostname or "127.0.0.1", parts.port or 80), Ledger(KINDS[MODEL], plan))

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def conversation(self) -> "ModelConversation":
        return ModelConversation()


class ModelConversation:
    def __init__(self) -> None:
        self._requests = Buffer()
        self._answers = Buffer()

    def asked(self, data: bytes) -> Iterable[Asked]:
        self._requests.add(data)
        while (raw := _message(self._requests)) is not None:
            yield Asked(raw=raw, kind=_kind(raw))

    def answered(self, data: bytes) -> Iterable[Part]:
        self._answers.add(data)
        while (raw := _message(self._answers)) is not None:
            yield Part(raw=raw)


def _message(buffer: Buffer) -> bytes | None:
    head_end = buffer.find(_HEAD_END)
    if head_end < 0:
        return None
    size = head_end + len(_HEAD_END)
    length = _LENGTH.search(buffer.peek(head_end) or b"")
    return buffer.take(size + int(length[1]) if length else size)


def _kind(raw: bytes) -> str:
    head, _, body = raw.partition(_HEAD_END)
    method, path, _ = head.split(b" ", 2)
    if method != b"POST" or not path.split(b"?")[0].endswith(b"/messages"):
        return "question"
    system = json.dumps(json.loads(body).get("system", ""), ensure_ascii=False)
    return "check" if question.SYSTEM[:80] in system else "draft"
