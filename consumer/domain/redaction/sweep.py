"""Removes known secrets from texts: as substrings, in any of their spellings."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from consumer.domain.redaction.fingerprints import (
    LONGEST_HEAD,
    PREFIX_BYTES,
    FingerprintKey,
    FoundSecret,
    KnownSecret,
    encoded,
    prefilter_bytes,
)
from consumer.domain.redaction.forms import spellings
from consumer.domain.redaction.occurrences import BEGINNING, Occurrence, closed, opened, written
from consumer.domain.redaction.placeholders import SecretKind, stored_placeholder

MOST_SEARCHES = 64
"""Up to this number of prefixes, one ``bytes.find`` for each is faster than a look at every place (measured for 500
characters: 1 µs against 90 µs)."""
MOST_LOOKS, MOST_LOOKS_A_BYTE = 256, 2
"""Fingerprints for a text, and for each of its bytes: a look takes one to two µs. A thousand secrets need two a byte by
chance. More is made to be slow: without a bound, fifty secrets of as many lengths made 100 kB of one letter cost ten
seconds."""


class Sweeper:
    """Replaces every occurrence of the known secrets of one session. Make one sweeper per session and batch.

    Where one secret stands within another, the longer one is named, also where a placeholder stands for the inner one
    already. Where two overlap in part, both are named. The result depends on the set of secrets, not on their order.

    Looks are counted. What is left of a text when they are used up is taken for one secret: it is removed and not read.
    """

    __slots__ = ("_forms", "_key", "_names", "_others", "_values")

    def __init__(
        self, key: FingerprintKey, known: Iterable[KnownSecret], others: Iterable[FingerprintKey] = ()
    ) -> None:
        """A known secret is recognised by the key that it was fingerprinted with: `key` or one of the `others`."""
        self._key = key
        self._values: Mapping[str, bytes] = {}
        self._names: Mapping[str, str] = {}
        # Prefix to length to fingerprint to the placeholder's identity. Two secrets can share a spelling
        # (a nested value and its leaf): the smaller identity wins, so that order does not matter.
        self._forms: dict[bytes, dict[int, dict[bytes, str]]] = {}
        known = tuple(known)
        for secret in known:
            identity = secret.identity
            for fingerprint, prefilter, length in secret.forms:
                identities = self._forms.setdefault(prefilter_bytes(prefilter), {}).setdefault(length, {})
                identities[fingerprint] = min(identity, identities.get(fingerprint, identity))
        self._others = tuple(Sweeper(other, known) for other in others)

    def with_at_hand(self, secrets: Iterable[FoundSecret], names: Mapping[str, str] | None = None) -> "Sweeper":
        """The same sweeper for texts as the door leaves them: it reads the placeholders of ``secrets`` as their values.

        ``names`` are the identities under which some of them are known; their placeholders get these.
        Not for a swept text: there a placeholder can stand for any spelling of the value.
        """
        names = names or {}
        values = {
            names.get(secret.identity, secret.identity): encoded(value)
            for secret in secrets
            for value in secret.values[:1]  # the identity of a nested secret is that of none of its values
            if self._key.identity(value) == secret.identity
        }
        return self.reading(values, names)

    def reading(self, values: Mapping[str, bytes], names: Mapping[str, str]) -> "Sweeper":
        """The same sweeper, which gives placeholders these names, and then reads them as these values."""
        sweeper = Sweeper(self._key, ())
        sweeper._forms, sweeper._values, sweeper._names = self._forms, values, names
        sweeper._others = tuple(other.reading(values, {}) for other in self._others)
        return sweeper

    def __bool__(self) -> bool:
        """Whether there is any secret to look for."""
        return bool(self._forms)

    def within(self, secret: FoundSecret) -> KnownSecret:
        """The secret in the form in which it is recognised again, also in texts that this sweeper has swept."""
        forms = set()
        for spelling in set(spellings(secret.values)):
            forms.add(self._key.form(encoded(spelling)))
            swept = self.text(spelling)
            if swept is not spelling:
                forms.update(map(self._key.form, closed(swept)))
        return KnownSecret(kind=secret.kind, identity=secret.identity, forms=tuple(sorted(forms)))

    def text(self, text: str) -> str:
        """The text without the known secrets; the same object if it contains none."""
        if not self._forms or len(text) < PREFIX_BYTES:
            return text
        for identity, name in self._names.items():
            text = text.replace(f":{identity}]", f":{name}]")
        for other in self._others:
            text = other.text(text)
        plain, placeholders = opened(text, self._values) if BEGINNING in text else (encoded(text), [])
        places, end = self._places(plain.translate(self._key.classes()))
        unread = list(self._rest(plain, end))
        if not (unread or (places and self._is_any(plain, places))):
            return text
        clean = written(plain, [*placeholders, *self._occurrences(plain, places), *unread])
        return text if clean is None else clean

    def _places(self, classes: bytes) -> tuple[dict[bytes, list[int]], int]:
        """The places of each prefix, in ascending order, and up to where looks suffice."""
        places: dict[bytes, list[int]] = {}
        if len(self._forms) <= MOST_SEARCHES:
            looks = 0
            for prefix, lengths in self._forms.items():
                at = classes.find(prefix)
                if at >= 0:
                    places[prefix] = list(_all_places(classes, prefix, at))
                    looks += len(places[prefix]) * len(lengths)
            if looks <= MOST_LOOKS or max(map(len, self._forms.values())) <= MOST_LOOKS_A_BYTE:
                return places, len(classes)
            places.clear()
        looks = MOST_LOOKS
        for at in range(len(classes) - PREFIX_BYTES + 1):
            prefix = classes[at : at + PREFIX_BYTES]
            if prefix in self._forms:
                left = len(classes) - at  # longer secrets are not looked at here
                looks -= sum(length <= left for length in self._forms[prefix])
                if looks + MOST_LOOKS_A_BYTE * at < 0:
                    return places, at
                places.setdefault(prefix, []).append(at)
        return places, len(classes)

    def _rest(self, plain: bytes, end: int) -> Iterator[Occurrence]:
        """What is not read, as one secret: from the character at `end` on."""
        if end < len(plain):
            while plain[end] & 0xC0 == 0x80:
                end -= 1
            yield _occurrence(end, len(plain), self._key.identity(plain[end:].decode("utf-8", "replace")))

    def _is_any(self, plain: bytes, places: Mapping[bytes, list[int]]) -> bool:
        """Whether a secret stands at any of the places. Most prefixes stand there by chance."""
        for prefix, starts in places.items():
            for length, identities in self._forms[prefix].items():
                head = min(length, LONGEST_HEAD)
                last = len(plain) - length
                for start in starts:
                    if start > last:
                        break
                    if self._key.fingerprint(plain[start : start + head]) in identities:
                        return True
        return False

    def _occurrences(self, plain: bytes, places: Mapping[bytes, list[int]]) -> list[Occurrence]:
        """The places of secrets, except those that longer secrets cover completely."""
        occurrences: list[Occurrence] = []
        taken = bytearray(len(plain))
        longest_first = sorted((-length, prefix) for prefix in places for length in self._forms[prefix])
        for minus_length, prefix in longest_first:
            occurrences += self._of_one_length(
                plain, places[prefix], -minus_length, self._forms[prefix][-minus_length], taken
            )
        return occurrences

    def _of_one_length(
        self, plain: bytes, starts: Iterable[int], length: int, identities: Mapping[bytes, str], taken: bytearray
    ) -> Iterator[Occurrence]:
        """Yields the places of spellings of one length and prefix. A spelling that overlaps itself takes one place.

        Marks the bytes that they cover in ``taken``.
        """
        head = min(length, LONGEST_HEAD)
        begin = end = 0
        identity, beginning = "", b""
        for start in starts:
            stop = start + length
            if stop > len(plain):
                break
            if taken.find(0, max(start, end), stop) < 0:
                continue
            if start < end and len(identities) == 1:
                # Only the same spelling can overlap here. A comparison of bytes shows it faster than a fingerprint at
                # each place of a long spelling.
                if plain.startswith(beginning, start):
                    taken[end:stop] = b"\x01" * (stop - end)
                    end = stop
                continue
            next_identity = identities.get(self._key.fingerprint(plain[start : start + head]))
            if next_identity is None:
                continue
            if identity:
                yield _occurrence(begin, end, identity)
            begin, end, identity, beginning = start, stop, next_identity, plain[start : start + head]
            taken[start:stop] = b"\x01" * length
        if identity:
            yield _occurrence(begin, end, identity)


class Learned(NamedTuple):
    """The result of `Scope.learn`: secrets to remember, and a sweeper each for stored and for arriving texts."""

    fresh: tuple[KnownSecret, ...]
    """The secrets that were not known before. The caller remembers them."""
    stored: Sweeper
    """For stored texts, which were swept by the secrets known before. They need it only if any secret is fresh."""
    arriving: Sweeper
    """For the texts in which the secrets were found and the texts that came with them, as the door leaves them."""


def _occurrence(start: int, stop: int, identity: str) -> Occurrence:
    return Occurrence(start, -stop, True, identity, stored_placeholder(SecretKind.SECRET, identity).encode())


def _all_places(classes: bytes, prefix: bytes, first: int) -> Iterator[int]:
    at = first
    while at >= 0:
        yield at
        at = classes.find(prefix, at + 1)
