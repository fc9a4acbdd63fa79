"""What a protocol must tell of one connection."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a client sent."""

    raw: bytes
    kind: str | None = None
    """None for a part of a request that passes as it is."""
    name: str = ""
    """Says more than the kind."""
    ends: frozenset[str] | None = frozenset()
    """The labels of what ends the answer; empty: its first part does. None: there is no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a server sent."""

    raw: bytes
    label: str = ""
    at_once: bool = False
    """The client goes on only when it has this part, though the answer has not ended."""
    unasked: str | None = None
    """The kind of what the server says by itself."""


class Conversation(Protocol):
    """Takes both directions of one connection apart, whatever pieces they come in."""

    def asked(self, data: bytes) -> Iterable[Asked]: ...

    def answered(self, data: bytes) -> Iterable[Part]: ...


class Buffer:
    """Bytes that wait for the rest of their message."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, data: bytes) -> None:
        self._bytes += data

    def __len__(self) -> int:
        return len(self._bytes)

    def peek(self, size: int, at: int = 0) -> bytes | None:
        """None while so much is not there."""
        return bytes(self._bytes[at : at + size]) if len(self._bytes) >= at + size else None

    def take(self, size: int) -> bytes | None:
        taken = self.peek(size)
        if taken is not None:
            del self._bytes[:size]
        return taken

    def find(self, sought: bytes, at: int = 0) -> int:
        return self._bytes.find(sought, at)
