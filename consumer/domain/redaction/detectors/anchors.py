"""The gate: which anchors of which rules stand in a text.

Python's ``re`` needs 60 µs to look for two hundred words in 500 characters, 200 substring searches need 70 µs, pydantic's
engine (Rust's ``regex``: linear by construction) 2 µs. So pydantic answers yes or no, first for all anchors together, then
group by group, and only anchors of groups that said yes are searched for.
"""

import re
from collections.abc import Iterable, Sequence

from pydantic_core import SchemaValidator, core_schema

from consumer.domain.redaction.detectors.rule import Rule

# Words that every third ticket holds open the gate only in the company of what their rules need anyway.
# Fixed company only: an open or counted repetition inside would multiply the automaton's states (measured: 300 µs).
_COMPANY = {
    **{word: word + " ?[/]" for word in ("root", "guest")},
    **{
        word: word + "[0-9!@#$%]" for word in ("welcome", "letmein", "changeme", "summer", "winter", "spring", "autumn")
    },
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
    " / ": "[a-z0-9_] / [a-z0-9]",
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


class Gate:
    """Yes or no, for one of several anchors, in a text in lower case; or of ``any_case``, which is slower."""

    __slots__ = ("_validator",)

    def __init__(self, anchors: Iterable[str], *, any_case: bool = False) -> None:
        source = "|".join(
            _COMPANY.get(anchor, re.sub(r"([.$|?*+()\[\]{}\\^])", r"\\\1", anchor.lower())) for anchor in anchors
        )
        self._validator = SchemaValidator(
            core_schema.str_schema(pattern="(?i)" * any_case + source, regex_engine="rust-regex")
        )

    def opens(self, text: str) -> bool:
        return self._validator.isinstance_python(text)


GROUP = 12
"""Anchors that share a second gate: as many as a handful of substring searches may cost where it opens."""


class Anchors:
    """The anchors of a table of rules."""

    __slots__ = ("_all", "_groups")

    def __init__(self, rules: Iterable[Rule]) -> None:
        # In alphabetical order words of one stem share a group, so that few groups open.
        anchors = sorted({anchor for rule in rules for anchor in rule.anchors}, key=str.lower)
        self._all = Gate(anchors, any_case=True)
        groups = [anchors[first : first + GROUP] for first in range(0, len(anchors), GROUP)]
        self._groups = tuple((Gate(group), tuple(group)) for group in groups)

    def within(self, text: str) -> Sequence[str]:
        """The anchors of the text; almost always none."""
        sound = text if text.isascii() else _sound(text)
        if not self._all.opens(sound):
            return ()
        lower = lowered(sound)
        return [
            anchor
            for gate, group in self._groups
            if gate.opens(lower)
            for anchor in group
            if (anchor in lower or anchor in text) and _may_follow(anchor, lower)
        ]


def lowered(text: str) -> str:
    """In lower case, of the same length: places in the two texts agree. Only U+0130 would grow."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.replace("\u0130", "I").lower()


def _may_follow(anchor: str, lower: str) -> bool:
    later = _LATER.get(anchor)
    return later is None or later.search(lower, lower.find(anchor)) is not None


def _sound(text: str) -> str:
    """Without lone surrogates: no Rust string can hold one, and the gate would stay shut for the whole text."""
    return text.encode("utf-8", "replace").decode("utf-8")
