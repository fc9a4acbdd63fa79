"""Keyed fingerprints: they recognise a secret again without keeping it.

Each session has one key, which is derived from the service's redaction key, the tenant and the session. Without it a
fingerprint tells nothing about the value. With it a guess can be checked, so the key is itself a secret.
"""

import struct
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple, Self

from consumer.domain.redaction.placeholders import SecretKind

SHORTEST_KNOWN = 6
"""Characters of the shortest value that is looked for elsewhere. Shorter ones would tear holes into ordinary words."""
PREFIX_BYTES = 6
"""Leading bytes of a form whose classes make up its prefilter. No form is shorter than ``SHORTEST_KNOWN``."""
LONGEST_HEAD = 512
"""Most bytes of a spelling from which its fingerprint is made. A check of one place in a text hashes no more, so the
time stays linear however long a secret is and however often a text almost contains it. What begins with these bytes is
the secret, or most of it."""
_PACKED = struct.Struct(">16sHI")
_THREE_DIGITS = tuple(bytes(b"0123"[half >> 2 * place & 3] for place in (2, 1, 0)) for half in range(64))
"""The digits of each half of a prefilter, which has twelve bits."""
_FOUR_CLASSES = tuple(bytes(b"0123"[byte >> 2 * place & 3] for place in range(4)) for byte in range(256))
"""The classes of four consecutive byte values, for each value of a byte of key material."""


def encoded(text: str) -> bytes:
    """The text in UTF-8. Keeps a lone surrogate instead of raising, although intake has replaced those before."""
    return text.encode("utf-8", "surrogatepass")


class Fingerprint(NamedTuple):
    """One spelling of a secret. It shows the length, and twelve bits that mean nothing without the session's key."""

    fingerprint: bytes
    """16 bytes, keyed."""
    prefilter: int
    """2 keyed bits for each of the first six bytes."""
    length_bytes: int
    """Of the spelling in UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSecret:
    """A secret as the door found it. It lives no longer than the texts that came with it. The repr shows no values."""

    kind: SecretKind
    identity: str
    """16 hex digits, the same as in its placeholder."""
    values: tuple[str, ...] = field(repr=False)
    """The values to look for elsewhere. For a nested value these are its leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSecret:
    """A secret of one session that is recognised again in any of its spellings. Never holds the value."""

    kind: SecretKind
    identity: str
    """As in `FoundSecret`."""
    forms: tuple[Fingerprint, ...]

    def packed_forms(self) -> bytes:
        """The forms as one value for a ``bytea`` column: 22 bytes each."""
        return b"".join([_PACKED.pack(*form) for form in self.forms])

    @classmethod
    def unpacked(cls, kind: str, identity: str, packed_forms: bytes) -> Self:
        """Reads a row. Raises ``ValueError`` for an unknown kind, ``struct.error`` for truncated forms."""
        forms = tuple(map(Fingerprint._make, _PACKED.iter_unpack(packed_forms)))
        return cls(kind=SecretKind(kind), identity=identity, forms=forms)


class FingerprintKey:
    """The key of one session's fingerprints."""

    __slots__ = ("_classes", "_key")

    def __init__(self, redaction_key: bytes, tenant_id: str, session_id: str) -> None:
        tenant, session = encoded(tenant_id), encoded(session_id)
        # The length keeps ("ab", "c") and ("a", "bc") apart.
        context = len(tenant).to_bytes(4, "big") + tenant + session
        self._key = blake2b(context, key=redaction_key, digest_size=32, person=b"session").digest()
        self._classes: bytes | None = None

    def __repr__(self) -> str:
        return "SessionKey(…)"

    def identity(self, value: str) -> str:
        """16 hex digits, for the placeholder of a value."""
        return blake2b(encoded(value), key=self._key, digest_size=8, person=b"identity").hexdigest()

    def fingerprint(self, head: bytes) -> bytes:
        """16 bytes, for the first `LONGEST_HEAD` bytes of a spelling. A form holds the spelling's length beside it."""
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


def prefilter_bytes(prefilter: int) -> bytes:
    """The classes of a form's first bytes, as digits in a text that was translated by `FingerprintKey.classes`."""
    return _THREE_DIGITS[prefilter >> 6] + _THREE_DIGITS[prefilter & 63]
