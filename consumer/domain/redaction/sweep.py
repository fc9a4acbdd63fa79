"""Removing known secrets from texts, as substrings, in any of their spellings."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

from consumer.domain.redaction.fingerprints import (
    PREFIX_BYTES,
    KnownSecret,
    SessionKey,
    encoded,
    prefilter_bytes,
)
from consumer.domain.redaction.parameters import canonical_text
from consumer.domain.redaction.placeholders import PLACEHOLDER, Kind, stored_placeholder

MOST_SEARCHES = 64
"""Prefixes up to which one ``bytes.find`` each is faster than looking at every place (measured: 1 µs against 90 µs for
500 characters)."""
_PLACEHOLDER_BYTES = re.compile(PLACEHOLDER.pattern.encode())


class Sweeper:
    """Replaces every occurrence of the known secrets of one session; worth making once per session and batch.

    Long spellings go first, and none inside a placeholder. Where two secrets overlap in a text, the longer one is
    named; the outcome depends on the set of secrets, not on their order.
    """

    __slots__ = ("_forms", "_key", "_prefixes")

    def __init__(self, key: SessionKey, known: Iterable[KnownSecret]) -> None:
        self._key = key
        # length, then prefix, then fingerprint: the placeholder's identity. Two secrets can share a spelling
        # (a nested value and its leaf); the smaller identity wins, so that order does not matter.
        forms: defaultdict[int, defaultdict[bytes, dict[bytes, str]]] = defaultdict(lambda: defaultdict(dict))
        for secret in known:
            for form in secret.forms:
                named = forms[form.length_bytes][prefilter_bytes(form.prefilter)]
                named[form.fingerprint] = min(secret.identity, named.get(form.fingerprint, secret.identity))
        self._forms: Mapping[int, Mapping[bytes, Mapping[bytes, str]]] = {
            length: forms[length] for length in sorted(forms, reverse=True)
        }
        self._prefixes = frozenset(prefix for prefixes in forms.values() for prefix in prefixes)

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._prefixes)

    def text(self, text: str) -> str:
        """The text without the known secrets; the same object where none stands in it."""
        if not self._prefixes or len(text) < PREFIX_BYTES:
            return text
        plain = encoded(text)
        places = self._places(plain.translate(self._key.classes()))
        if not places:
            return text
        found = self._found(plain, places, _placeholder_mask(plain))
        if not found:
            return text
        parts: list[bytes] = []
        end = 0
        for start, stop, identity in sorted(found):
            parts += plain[end:start], stored_placeholder(Kind.SECRET, identity).encode()
            end = stop
        parts.append(plain[end:])
        return b"".join(parts).decode("utf-8", "surrogatepass")

    def json_value(self, value: JsonValue) -> JsonValue:
        """The value with every text and name in it swept; a number whose digits are a known secret becomes a text."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.text(name): self.json_value(member) for name, member in value.items()}
            case list():
                return [self.json_value(member) for member in value]
            case bool() | None:
                return value
            case int() | float():
                digits = canonical_text(value)
                swept = self.text(digits)
                return value if swept == digits else swept

    def _places(self, classes: bytes) -> dict[bytes, list[int]]:
        """Where each prefix stands, ascending."""
        places: dict[bytes, list[int]] = {}
        if len(self._prefixes) <= MOST_SEARCHES:
            for prefix in self._prefixes:
                at = classes.find(prefix)
                if at >= 0:
                    places[prefix] = list(_all_places(classes, prefix, at))
            return places
        for at in range(len(classes) - PREFIX_BYTES + 1):
            prefix = classes[at : at + PREFIX_BYTES]
            if prefix in self._prefixes:
                places.setdefault(prefix, []).append(at)
        return places

    def _found(self, plain: bytes, places: Mapping[bytes, list[int]], taken: bytearray) -> list[tuple[int, int, str]]:
        found: list[tuple[int, int, str]] = []
        for length, prefixes in self._forms.items():
            for prefix in sorted(prefixes.keys() & places.keys()):
                identities = prefixes[prefix]
                for start in places[prefix]:
                    stop = start + length
                    if stop > len(plain) or taken.find(1, start, stop) >= 0:
                        continue
                    identity = identities.get(self._key.fingerprint(plain[start:stop]))
                    if identity is not None:
                        found.append((start, stop, identity))
                        taken[start:stop] = b"\x01" * length
        return found


def _all_places(classes: bytes, prefix: bytes, first: int) -> Iterator[int]:
    at = first
    while at >= 0:
        yield at
        at = classes.find(prefix, at + 1)


def _placeholder_mask(plain: bytes) -> bytearray:
    """One byte for each byte of the text: 1 where a placeholder stands."""
    mask = bytearray(len(plain))
    for placeholder in _PLACEHOLDER_BYTES.finditer(plain):
        start, stop = placeholder.span()
        mask[start:stop] = b"\x01" * (stop - start)
    return mask
