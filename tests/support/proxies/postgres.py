"""PostgreSQL: a request is all that goes up to a Sync, Query or Flush, named by its statement."""

import re
import struct
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

from consumer.adapters.postgres.core.sql import Queries
from tests.support.proxies.conversation import Asked, Buffer, Part
from tests.support.proxies.kinds import KINDS, POSTGRES
from tests.support.proxies.plan import Ledger, Plan
from tests.support.proxies.proxy import Proxy

_TLS, _CANCEL = 80877103, 80877102
_TLS_ANSWER = "answer about TLS"
_READY = frozenset("Z")
_DESCRIBED = frozenset("TnE")
"""What ends the answer to a Flush after Parse and Describe."""
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_FIRST_WORDS = {
    "BEGIN": "begin", "START": "begin", "COMMIT": "commit", "ROLLBACK": "rollback", "SAVEPOINT": "savepoint",
    "RELEASE": "savepoint", "SET": "set", "LISTEN": "listen", "UNLISTEN": "listen",
}  # fmt: skip
_WRITES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM|LOCK|NEXTVAL|PG_NOTIFY|NOTIFY|ADVISORY|TRUNCATE)\b")
_NAME_LENGTH = 60


class PostgresProxy(Proxy):
    server = POSTGRES

    def __init__(self, dsn: str, plan: Plan | None = None) -> None:
        self._dsn = urlsplit(dsn)
        super().__init__((self._dsn.hostname or "127.0.0.1", self._dsn.port or 5432), Ledger(KINDS[POSTGRES], plan))

    @property
    def dsn(self) -> str:
        user, at, _ = self._dsn.netloc.rpartition("@")
        return self._dsn._replace(netloc=f"{user}{at}{self.address}").geturl()

    def conversation(self) -> "PostgresConversation":
        return PostgresConversation()


class PostgresConversation:
    def __init__(self) -> None:
        self._requests = Buffer()
        self._answers = Buffer()
        self._begun = False
        self._asks_for_tls = False
        self._in_transaction = False
        self._statements: dict[bytes, str] = {}
        self._gathered = bytearray()
        self._sql: str | None = None
        """Of the statement that is about to run."""

    # from the client

    def asked(self, data: bytes) -> Iterable[Asked]:
        self._requests.add(data)
        while not self._begun:
            opening = self._opening()
            if opening is None:
                return
            yield opening
        while (message := _message(self._requests)) is not None:
            yield from self._request(message)

    def _opening(self) -> Asked | None:
        size = self._requests.peek(4)
        raw = None if size is None else self._requests.take(int(struct.unpack(">i", size)[0]))
        if raw is None:
            return None
        (code,) = struct.unpack_from(">i", raw, 4)
        if code == _TLS:
            self._asks_for_tls = True
            return Asked(raw=raw, kind="question of TLS", ends=frozenset((_TLS_ANSWER,)))
        self._begun = True
        if code == _CANCEL:
            return Asked(raw=raw, kind="cancel", ends=None)
        return Asked(raw=raw, kind="connect", ends=_READY | {"E"})

    def _request(self, message: bytes) -> Iterable[Asked]:
        sort, body = chr(message[0]), message[5:]
        self._gathered += message
        match sort:
            case "P":
                name, query, _ = body.split(b"\0", 2)
                self._statements[name] = self._sql = query.decode()
            case "B":
                self._sql = self._statements.get(body.split(b"\0", 2)[1], "")
            case "Q":
                yield self._whole(*self._kind(body[:-1].decode()), _READY)
            case "H":
                yield self._whole("prepare", "", _DESCRIBED)
            case "S" if self._sql is not None:
                yield self._whole(*self._kind(self._sql), _READY)
            case "S":
                is_close = self._gathered[0] == ord("C")
                yield self._whole("forget statement" if is_close else "end of a failed statement", "", _READY)
            case "X":
                yield self._whole("terminate", "", None)
            case "d" | "c" | "f" | "p":  # COPY's data belongs to the COPY, a password to the start
                yield Asked(raw=bytes(self._gathered))
                self._gathered.clear()

    def _whole(self, kind: str, name: str, ends: frozenset[str] | None) -> Asked:
        raw = bytes(self._gathered)
        self._gathered.clear()
        self._sql = None
        return Asked(raw=raw, kind=kind, name=name, ends=ends)

    def _kind(self, sql: str) -> tuple[str, str]:
        text = _COMMENT.sub(" ", sql).strip().upper()
        word = text.partition(" ")[0].rstrip(";")
        if word == "ROLLBACK" and " TO " in text:
            return "savepoint", word
        if word in _FIRST_WORDS:
            return _FIRST_WORDS[word], word
        if word == "COPY" and "FROM STDIN" in text:
            return "copy", text.partition("(")[0]
        kind = "write" if _WRITES.search(text) else "read"
        return kind + (" in transaction" if self._in_transaction else ""), name_of(sql)

    # from the server

    def answered(self, data: bytes) -> Iterable[Part]:
        self._answers.add(data)
        if self._asks_for_tls and (letter := self._answers.take(1)) is not None:
            self._asks_for_tls = False
            yield Part(raw=letter, label=_TLS_ANSWER)
        while (message := _message(self._answers)) is not None:
            sort = chr(message[0])
            if sort == "Z":
                self._in_transaction = message[5:6] != b"I"
            yield Part(
                raw=message,
                label=sort,
                at_once=sort in "GR",  # COPY waits for its data, the start for a password
                unasked="notification" if sort == "A" else None,
            )


def _message(buffer: Buffer) -> bytes | None:
    size = buffer.peek(4, at=1)
    return None if size is None else buffer.take(1 + int(struct.unpack(">i", size)[0]))


def name_of(sql: str) -> str:
    """The name of a statement of `queries/*.sql`; of another one how it begins."""
    return _names().get(sql) or " ".join(_COMMENT.sub(" ", sql).split())[:_NAME_LENGTH]


@cache
def _names() -> Mapping[str, str]:
    stems = [path.name.removesuffix(".sql") for path in (files("consumer.adapters.postgres") / "queries").iterdir()]
    return {
        getattr(Queries(stem), name): f"{stem}.{name}"
        for stem in stems
        if not stem.startswith("_")
        for name in Queries(stem).names()
    }
