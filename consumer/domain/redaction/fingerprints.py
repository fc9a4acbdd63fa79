"""Keyed fingerprints: how a secret is recognised again without being kept.

All of them are keyed by a session's key, which is derived from the service's redaction key, the tenant and the session.
Without the key a fingerprint tells nothing about the value; with it, a guess can be checked, so it is a secret itself.
"""

import struct
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from typing import NamedTuple, Self

from consumer.domain.redaction.placeholders import SecretKind

SHORTEST_KNOWN = 6
"""Characters from which on a value is looked for elsewhere; shorter ones would tear holes into ordinary words."""
PREFIX_BYTES = 6
"""Leading bytes whose classes make up a form's prefilter; no form is shorter than ``SHORTEST_KNOWN``."""
LONGEST_HEAD = 512
"""Bytes of a spelling that its fingerprint is taken of: as many at most for each place of a text, so that the time stays
linear however long a secret is and however often a text all but holds it. What begins like that is the secret, or most
of it."""
_PACKED = struct.Struct(">16sHI")
_FOUR_CLASSES = tuple(bytes(b"0123"[byte >> 2 * place & 3] for place in range(4)) for byte in range(256))
"""The classes of four bytes in a row, as one byte of key material holds them."""


def encoded(text: str) -> bytes:
    """UTF-8; a lone surrogate, which intake has replaced by then, is carried rather than raised on."""
    return text.encode("utf-8", "surrogatepass")


class Fingerprint(NamedTuple):
    """One spelling of a secret. Says its length, and twelve bits that only the session's key gives a meaning to."""

    fingerprint: bytes
    """16 bytes, keyed."""
    prefilter: int
    """2 keyed bits for each of the first six bytes."""
    length_bytes: int
    """Of the spelling in UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSecret:
    """A secret as the door found it. Lives no longer than the texts that came with it, and never shows its values."""

    kind: SecretKind
    identity: str
    """16 hex digits: those of the placeholder that stands for it."""
    values: tuple[str, ...] = field(repr=False)
    """What is looked for elsewhere: of a nested value its leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSecret:
    """A secret of one session, to be found again in any of its spellings. Never holds the value."""

    kind: SecretKind
    identity: str
    """As in `FoundSecret`."""
    forms: tuple[Fingerprint, ...]

    def packed_forms(self) -> bytes:
        """The forms as one value for a ``bytea`` column: 22 bytes each."""
        return b"".join([_PACKED.pack(*form) for form in self.forms])

    @classmethod
    def unpacked(cls, kind: str, identity: str, packed_forms: bytes) -> Self:
        """The way back from a row. Raises ``ValueError`` on an unknown kind, ``struct.error`` on a torn value."""
        forms = tuple(map(Fingerprint._make, _PACKED.iter_unpack(packed_forms)))
        return cls(kind=SecretKind(kind), identity=identity, forms=forms)


class FingerprintKey:
    """The key of one session's fingerprints."""

    __slots__ = ("_classes", "_key")

    def __init__(self, redaction_key: bytes, tenant_id: str, session_id: str) -> None:
        tenant, session = encoded(tenant_id), encoded(session_id)
        # The length keeps ("ab", "c") and ("a", "bc") apart.
        named = len(tenant).to_bytes(4, "big") + tenant + session
        self._key = blake2b(named, key=redaction_key, digest_size=32, person=b"session").digest()
        self._classes: bytes | None = None

    def __repr__(self) -> str:
        return "SessionKey(…)"

    def identity(self, value: str) -> str:
        return blake2b(encoded(value), key=self._key, digest_size=8, person=b"identity").hexdigest()

    def fingerprint(self, head: bytes) -> bytes:
        """Of a spelling's first `LONGEST_HEAD` bytes; its length stands beside it in a form."""
        return blake2b(head, key=self._key, digest_size=16, person=b"form").digest()

    def classes(self) -> bytes:
        """A translation table that maps each byte to one of four keyed classes, the digits 0 to 3."""
        if self._classes is None:
            bits = blake2b(key=self._key, digest_size=64, person=b"classes").digest()
            self._classes = b"".join([_FOUR_CLASSES[four] for four in bits])
        return self._classes

    def form(self, spelling: bytes) -> Fingerprint:
        return Fingerprint(
            self.fingerprint(spelling[:LONGEST_HEAD]),
            int(spelling[:PREFIX_BYTES].translate(self.classes()), 4),
            len(spelling),
        )


@cache
def prefilter_bytes(prefilter: int) -> bytes:
    """The classes of a form's first bytes, as they stand in a text that was translated by the session's classes."""
    return bytes(b"0123"[prefilter >> 2 * (PREFIX_BYTES - 1 - place) & 3] for place in range(PREFIX_BYTES))
