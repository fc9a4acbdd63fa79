"""The spellings in which one value may occur again."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus

MOST_VALUES = 1_000
"""Values of one nested secret that get all spellings. Further values, and those over ``LONGEST_VALUE``, get the literal
and the JSON-escaped spellings only. No real parameter comes near; hostile ones stay cheap."""
LONGEST_VALUE = 65_536
"""Characters."""

_NOT_WORD = re.compile(r"([^A-Za-z0-9_])")
_POWERSHELL = re.compile(r'([`"$])')
_SHELL = re.compile(r'([\\"$`])')
_HEX = re.compile(r"%[0-9A-F]{2}")
_URL_SAFE = ("", "/", "!'()*", "/:@!$&'()*+,;=")
"""Signs that URL encoders leave as they are: strict encoders, those for paths, for scripts, for whole addresses."""


def _json(value: str, *, ascii_only: bool) -> str:
    return json.dumps(value, ensure_ascii=ascii_only)[1:-1]


_ESCAPES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("'", lambda value: value.replace("'", "''")),
    ('"', lambda value: value.replace('"', '""')),
    ("}", lambda value: value.replace("}", "}}")),
    ("\\", lambda value: value.replace("\\", "\\\\")),
    ("\\'", lambda value: value.replace("\\", "\\\\").replace("'", "\\'")),
    ("'", lambda value: value.replace("'", "'\\''")),
    ("%", lambda value: value.replace("%", "%%")),
    ("\n", lambda value: value.replace("\n", "\r\n")),
    ('`"$', lambda value: _POWERSHELL.sub(r"`\1", value)),
    ('\\"$`', lambda value: _SHELL.sub(r"\\\1", value)),
    ("/", lambda value: _json(value, ascii_only=True).replace("/", "\\/")),
    ("&<>", lambda value: html.escape(value, quote=False)),
    ("&<>\"'", lambda value: html.escape(value, quote=True)),
    ("'", lambda value: html.escape(value, quote=True).replace("&#x27;", "&apos;")),
    ("'", lambda value: html.escape(value, quote=True).replace("&#x27;", "&#39;")),
)
"""Signs, and how a text that contains any of them is escaped."""


def spellings(values: Iterable[str]) -> Iterator[str]:
    """Yields every spelling of each value. May repeat a spelling; never yields one shorter than its value."""
    for number, value in enumerate(values):
        yield value
        few = number >= MOST_VALUES or len(value) > LONGEST_VALUE
        if not (value.isascii() and value.isprintable()) or '"' in value or "\\" in value:
            yield from _json_escaped(value, once=few)
        if few:
            continue
        yield from _base64(value)
        if value.isascii() and value.isalnum():
            continue
        yield from _url_encoded(value)
        yield _NOT_WORD.sub(r"\\\1", value)
        characters = frozenset(value)
        for signs, escape in _ESCAPES:
            if not characters.isdisjoint(signs):
                yield escape(value)


def _json_escaped(value: str, *, once: bool) -> Iterator[str]:
    for ascii_only in (True, False):
        escaped = _json(value, ascii_only=ascii_only)
        yield escaped
        if not once:  # escaped twice: JSON inside a JSON text, as logs print it
            yield _json(escaped, ascii_only=ascii_only)


def _url_encoded(value: str) -> Iterator[str]:
    plain = value.encode("utf-8", "surrogatepass")
    for safe in _URL_SAFE:
        quoted = quote(plain, safe=safe)
        yield quoted
        yield _HEX.sub(_lower, quoted)
    if " " in value:
        quoted = quote_plus(plain)
        yield quoted
        yield _HEX.sub(_lower, quoted)


def _lower(match: re.Match[str]) -> str:
    return match[0].lower()


def _base64(value: str) -> Iterator[str]:
    for plain in (value.encode("utf-8", "surrogatepass"), value.encode("utf-16-le", "surrogatepass")):
        padded = b64encode(plain).decode()
        for text in (padded, padded.rstrip("="), *_inner_base64(plain)):
            yield text
            if "+" in text or "/" in text:
                yield text.replace("+", "-").replace("/", "_")


def _inner_base64(plain: bytes) -> Iterator[str]:
    """The base64 characters that encode the value alone, for each place where it can begin in a longer encoded text."""
    for before in range(3):
        text = b64encode(bytes(before) + plain).decode()
        yield text[-(-8 * before // 6) : 8 * (before + len(plain)) // 6]
