"""Where the anchors of the rules stand in a text. First a gate, which stays shut for most texts and costs a microsecond.

Python's ``re`` needs 60 µs to look for two hundred words in 500 characters, 200 substring searches need 70 µs, pydantic's
engine (Rust's ``regex``: linear by construction) 2 µs. So pydantic says whether there is anything at all, and only then
an Aho-Corasick automaton, linear as well, says what and where.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from ahocorasick_rs import AhoCorasick, Implementation
from pydantic_core import SchemaValidator, core_schema

# Words that every third ticket holds open the gate only in the company of what their rules need anyway.
# Fixed company only: an open or counted repetition inside would multiply the automaton's states (measured: 300 µs).
_COMPANY = {
    **{word: word + " ?[/]" for word in ("root", "guest")},
    **{
        word: word + "[0-9!@#$%]" for word in ("welcome", "letmein", "changeme", "summer", "winter", "spring", "autumn")
    },
    "pin": "pin(?:s|code|number|nr|[^a-z]|$)",
    "admin": "admin(?:(?:istrator)? ?[/]|[0-9!@#$%])",
    "qwert": "qwerty?[0-9!@#$%]",
    "key": "(?:api|access|account|shared|private|encryption|recovery|security|storage|master|signing|license|subscription"
    "|function|host|symmetric|primary|secondary|registration|wi-?fi|wlan|wireless|network|guest)[ _-]?key",
    "answer": "(?:security|secret)[ _-]?answer",
    "key ": "key [0-9] ",
    "secret ": "secret (?:[0-9]|enc )",
    "password ": "password enc ",
    "passwd ": "passwd enc ",
    "plaintext ": " plaintext ",
    ":::": "[0-9a-f]:::",
    "-": "[0-9]-[0-9][0-9][0-9][0-9][0-9][0-9]-[0-9]",
}
# What the text has to hold behind the first of them.
_LATER = {
    **dict.fromkeys(("code", "combination", "pin", "puk"), re.compile("[0-9]")),
    **dict.fromkeys(
        ("login", "logon", "logged", "log in", "logs in", "log on", "logs on", "sign in", "signed in", "sign-in", "login is",
         "logon is", "login was", "wifi", "wi-fi", "wlan", "ssid", "svc"),
        re.compile("[/:]"),
    ),
    **dict.fromkeys(("zip ", "rar ", "7z ", "7za ", "mongo"), re.compile(" -")),
    "://": re.compile("@"),
    "powershell": re.compile(" [-/]e"),
    **dict.fromkeys(("password ", "passwd ", "secret "), re.compile("(?:password|passwd|secret) (?:[0-9]|enc )")),
    "-": re.compile("(?:-[0-9]{6}){7}"),
}  # fmt: skip
_PAIR = " / "
_PAIRED = r" / (?:[^\p{L}\p{N}_\s]|\S*\d)"
"""A pair's value begins with a sign or a quote, or holds a digit: "Open / Waiting" is none. A gate of its own, for its
open repetition would multiply the states of the other."""


class Anchors:
    """The anchors of a table of rules. An anchor that holds an upper-case letter is met in that case only."""

    __slots__ = ("_anchors", "_automaton", "_gate", "_pairs")

    def __init__(self, anchors: Iterable[str]) -> None:
        self._anchors = tuple(sorted(anchors))
        self._automaton = AhoCorasick(
            [anchor.lower() for anchor in self._anchors], implementation=Implementation.DFA, store_patterns=False
        )
        source = "|".join(
            _COMPANY.get(anchor, re.sub(r"([.$|?*+()\[\]{}\\^])", r"\\\1", anchor.lower()))
            for anchor in self._anchors
            if anchor != _PAIR
        )
        self._gate = _gate(f"(?i){source}")
        self._pairs = _gate(_PAIRED)

    def may_stand_in(self, text: str) -> bool:
        """Whether it is worth a look; almost always not. What stands in a part of a text stands in the text."""
        return self._gate(text) or self._pairs(text)

    def within(self, text: str) -> Iterable[tuple[str, int]]:
        """The anchors of the text and where they stand."""
        sound = text if text.isascii() else _sound(text)
        return self._places(text, lowered(sound)) if self.may_stand_in(sound) else ()

    def _places(self, text: str, lower: str) -> Iterator[tuple[str, int]]:
        opened: dict[str, bool] = {}
        for number, at, stop in self._automaton.find_matches_as_indexes(lower, overlapping=True):
            anchor = self._anchors[number]
            may = opened.get(anchor)
            if may is None:
                later = _LATER.get(anchor)
                may = opened[anchor] = later is None or later.search(lower, at) is not None
            if may and (anchor == lower[at:stop] or anchor == text[at:stop]):
                yield anchor, at


def _gate(pattern: str) -> Callable[[str], bool]:
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex")).isinstance_python


def lowered(text: str) -> str:
    """In lower case, of the same length: places in the two texts agree. Only U+0130 would grow."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.replace("\u0130", "I").lower()


def _sound(text: str) -> str:
    """Without lone surrogates: no Rust string can hold one, and the gate would stay shut for the whole text."""
    return text.encode("utf-8", "replace").decode("utf-8")
