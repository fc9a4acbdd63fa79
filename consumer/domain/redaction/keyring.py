"""The keys of one session's fingerprints: the one that makes them, and others by which some were made.

A key is replaced while sessions last. A secret that is known keeps the name that its key gave it, so that equal values
of a session keep equal placeholders.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from consumer.domain.redaction.fingerprints import FingerprintKey, FoundSecret, KnownSecret


class Keyring:
    """The service's redaction keys. Raises ``ValueError`` if one is empty. The repr does not show them."""

    __slots__ = ("_key", "_others")

    def __init__(self, key: bytes, others: Iterable[bytes] = ()) -> None:
        self._key = _fitting(key)
        self._others = tuple(dict.fromkeys(other for other in map(_fitting, others) if other != self._key))

    def of(self, tenant_id: str, session_id: str) -> FingerprintKey:
        """The key that makes this session's fingerprints."""
        return FingerprintKey(self._key, tenant_id, session_id)

    def others_of(self, tenant_id: str, session_id: str) -> tuple[FingerprintKey, ...]:
        return tuple(FingerprintKey(other, tenant_id, session_id) for other in self._others)


def _fitting(key: bytes) -> bytes:
    if not key:
        raise ValueError("the redaction key is empty; give it at least 16 random bytes")
    return key if len(key) <= blake2b.MAX_KEY_SIZE else blake2b(key).digest()


def known_names(
    known: Mapping[str, KnownSecret],
    secrets: Mapping[str, FoundSecret],
    own: FingerprintKey,
    others: Iterable[FingerprintKey],
) -> dict[str, str]:
    """The found secrets that are known by the name that another key gave them, each with that name."""
    names: dict[str, str] = {}
    for key in others:
        for identity in secrets.keys() - known.keys():
            value = secrets[identity].values[0]
            name = key.identity(value)
            if name in known and own.identity(value) == identity:  # not so where a nested value is one secret
                names[identity] = name
    return names
