"""Finds secrets in their own form and in the encodings that a text can have."""

import base64
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import quote


def forms(secret: str) -> Iterator[tuple[str, bytes]]:
    """The secret as bytes, by the name of the form."""
    raw = secret.encode()
    yield "raw", raw
    yield "url-encoded", quote(secret, safe="").encode()
    yield "utf-16", secret.encode("utf-16-le")
    yield "hexadecimal", raw.hex().encode()
    for shift in range(3):
        yield f"base64 at {shift}", _base64_core(raw, shift)


def findings(secrets: Collection[str], places: Mapping[str, bytes]) -> list[str]:
    """Names the place and form of every secret, but never repeats the secret."""
    return [
        f"{place} holds a secret, {name}"
        for secret in secrets
        for name, form in dict(forms(secret)).items()
        for place, content in places.items()
        if form in content
    ]


def _base64_core(raw: bytes, shift: int) -> bytes:
    """The base64 characters of `raw` in any text where it begins `shift` bytes after a multiple of three."""
    encoded = base64.b64encode(b"\0" * shift + raw)
    first = {0: 0, 1: 2, 2: 3}[shift]
    whole = (shift + len(raw)) // 3 * 4
    return encoded[first:whole]
