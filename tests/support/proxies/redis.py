"""Redis: a request is named by its command. Reads both versions of the protocol."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from tests.support.proxies.conversation import Asked, Buffer, Part
from tests.support.proxies.kinds import KINDS, REDIS
from tests.support.proxies.plan import Ledger, Plan
from tests.support.proxies.proxy import Proxy

_LINE_END = b"\r\n"
_BULKS = b"$!="
_LISTS = {b"*": 1, b"~": 1, b">": 1, b"%": 2}
"""How many values each of their items has."""


class RedisProxy(Proxy):
    server = REDIS

    def __init__(self, url: str, plan: Plan | None = None) -> None:
        self._url = urlsplit(url)
        super().__init__((self._url.hostname or "127.0.0.1", self._url.port or 6379), Ledger(KINDS[REDIS], plan))

    @property
    def url(self) -> str:
        user, at, _ = self._url.netloc.rpartition("@")
        return self._url._replace(netloc=f"{user}{at}{self.address}").geturl()

    def conversation(self) -> "RedisConversation":
        return RedisConversation()


class RedisConversation:
    def __init__(self) -> None:
        self._requests = Buffer()
        self._answers = Buffer()

    def asked(self, data: bytes) -> Iterable[Asked]:
        self._requests.add(data)
        while (raw := _value(self._requests)) is not None:
            command = raw.split(_LINE_END, 3)[2].decode("ascii", "replace").upper()
            yield Asked(raw=raw, kind=command)

    def answered(self, data: bytes) -> Iterable[Part]:
        self._answers.add(data)
        while (raw := _value(self._answers)) is not None:
            yield Part(raw=raw)


def _value(buffer: Buffer) -> bytes | None:
    end = _end_of(buffer, 0)
    return None if end is None else buffer.take(end)


def _end_of(buffer: Buffer, at: int) -> int | None:
    """Where the value that begins there ends; None while its end is not there."""
    line_end = buffer.find(_LINE_END, at)
    if line_end < 0:
        return None
    line = buffer.peek(line_end - at, at) or b""
    end = line_end + len(_LINE_END)
    sort = line[:1]
    if sort in _BULKS:
        size = int(line[1:])
        end += size + len(_LINE_END) if size >= 0 else 0
        return end if len(buffer) >= end else None
    for _ in range(max(0, int(line[1:])) * _LISTS[sort] if sort in _LISTS else 0):
        after = _end_of(buffer, end)
        if after is None:
            return None
        end = after
    return end
