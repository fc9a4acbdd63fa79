"""Placeholders, which stand in the place of secrets: the stored and the numbered form."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class SecretKind(StrEnum):
    """What a removed value was, as the word that a reader of the package sees.

    Where one secret was stored under several kinds, the first in this order counts.
    """

    PASSWORD = "password"
    """A password or passphrase of a person, a service or a device."""
    TOKEN = "token"
    """A bearer, API, session or webhook token."""
    KEY = "key"
    """A cryptographic, API, storage, licence or recovery key."""
    CONNECTION_STRING = "connection_string"
    """The credential inside a connection string or URL."""
    PIN = "pin"
    """A short numeric code that opens something."""
    CODE = "code"
    """A backup, recovery or one-time code."""
    HASH = "hash"
    """The hash of a password, which can be used or cracked (NTLM, crypt)."""
    SECRET = "secret"
    """A marked parameter of no more specific kind, or a known value that was found again elsewhere."""


PLACEHOLDER = re.compile(r"\[REDACTED:([a-z_]{1,32})(?::([0-9a-f]{16})|#[0-9]{1,9})\]")
_STORED = re.compile(r"\[REDACTED:([a-z_]{1,32}):([0-9a-f]{16})\]")
_RANK: Mapping[str, int] = {kind.value: rank for rank, kind in enumerate(SecretKind)}


def stored_placeholder(kind: SecretKind, identity: str) -> str:
    return f"[REDACTED:{kind.value}:{identity}]"


def is_placeholder(text: str) -> bool:
    """Whether the whole text is one placeholder, stored or numbered."""
    return PLACEHOLDER.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """The numbered names of a bundle's secrets, by identity: ``password#1``.

    Identities are keyed by session, so a numbering is valid for the texts of one session only.
    """

    names: Mapping[str, str]

    @property
    def count(self) -> int:
        """How many distinct secrets were removed from the numbered texts."""
        return len(self.names)

    def text(self, text: str) -> str:
        """The text with numbered placeholders. Those of secrets that the numbered texts did not hold stay."""
        if "[REDACTED:" not in text:
            return text
        return _STORED.sub(self._named, text)

    def _named(self, match: re.Match[str]) -> str:
        name = self.names.get(match[2])
        return match[0] if name is None else f"[REDACTED:{name}]"


def number_placeholders(texts_in_order: Iterable[str]) -> Numbering:
    """Numbers distinct secrets within their kind, in the order in which they first occur in the texts.

    One secret has one kind throughout: of the kinds it was stored under, the first in the order of ``SecretKind``. So a
    swept occurrence reads like the parameter that it came from.
    """
    kinds: dict[str, str] = {}
    for text in texts_in_order:
        if "[REDACTED:" not in text:
            continue
        for kind, identity in _STORED.findall(text):
            seen = kinds.get(identity)
            if seen is None or _RANK.get(kind, len(_RANK)) < _RANK.get(seen, len(_RANK)):
                kinds[identity] = kind
    numbers: dict[str, int] = {}
    names: dict[str, str] = {}
    for identity, kind in kinds.items():
        numbers[kind] = numbers.get(kind, 0) + 1
        names[identity] = f"{kind}#{numbers[kind]}"
    return Numbering(names=names)
