"""The gate: which anchors of which rules stand in a text.

Python's ``re`` needs 60 µs to look for two hundred words in 500 characters, 200 substring searches need 70 µs, pydantic's
engine (Rust's ``regex``: linear by construction) 2 µs. So pydantic answers yes or no, first for all anchors together, then
family by family, and only anchors of families that said yes are searched for.
"""

import re
from collections.abc import Iterable, Iterator

from pydantic_core import SchemaValidator, core_schema

from consumer.domain.redaction.detectors.rule import Family, Rule

# Words that every third ticket holds open the gate only in the company of what their rules need anyway.
# No bounded repetition here: it would multiply the automaton's states.
_THEN_DIGIT = "[^\n]*[0-9]"
_THEN_PAIR = "[^\n]*[/:]"
_COMPANY = {
    **{word: word + _THEN_DIGIT for word in ("code", "combination", "pin", "puk")},
    **{
        word: word + _THEN_PAIR
        for word in ("login", "logon", "logged", "log in", "log on", "wifi", "wi-fi", "wlan", "ssid")
    },
    **{word: word + " *[/]" for word in ("root", "guest")},
    "login is": "login is" + _THEN_PAIR,
    "logon is": "logon is" + _THEN_PAIR,
    "login was": "login was" + _THEN_PAIR,
    "admin": "admin(?:istrator)? *[/]",
    "svc": "svc[a-z0-9_.-]* *[/]",
    "key": "(?:api|access|account|shared|private|encryption|recovery|security|storage|master|signing|license|subscription"
    "|function|host|symmetric|primary|secondary|registration|wi-?fi|wlan|wireless|network|guest)[ _-]?key",
    "key ": "key +[0-9] ",
    "secret ": "secret (?:[0-9]|enc )",
    "password ": "password enc ",
    "passwd ": "passwd enc ",
    "basic": "basic +[a-z0-9+/]",
    "://": "://[^ \n/]*:[^ \n/]*@",
    "powershell": "powershell[^\n]*-e",
    "pwsh": "pwsh[^\n]*-e",
    "radius": "radius[^\n]*key",
    "tacacs": "tacacs[^\n]*key",
    "-": "[0-9]-[0-9][0-9][0-9][0-9][0-9][0-9]-[0-9]",
}


class Gate:
    """Yes or no, for one of several anchors, in a text of any case."""

    __slots__ = ("_validator",)

    def __init__(self, anchors: Iterable[str]) -> None:
        source = "|".join(
            _COMPANY.get(anchor, re.sub(r"([.$|?*+()\[\]{}\\^])", r"\\\1", anchor.lower())) for anchor in anchors
        )
        self._validator = SchemaValidator(core_schema.str_schema(pattern=f"(?i){source}", regex_engine="rust-regex"))

    def opens(self, text: str) -> bool:
        return self._validator.isinstance_python(text)


class Anchors:
    """The anchors of a table of rules."""

    __slots__ = ("_all", "_families")

    def __init__(self, rules: Iterable[Rule]) -> None:
        families: dict[Family, dict[str, None]] = {}
        for rule in rules:
            families.setdefault(rule.family, {}).update(dict.fromkeys(rule.anchors))
        self._all = Gate(anchor for anchors in families.values() for anchor in anchors)
        self._families = tuple((Gate(anchors), tuple(anchors)) for anchors in families.values())

    def within(self, text: str, lower: str) -> Iterator[str]:
        """The anchors of the text, each once per family. ``lower`` is the text in lower case."""
        sound = text if text.isascii() else _sound(text)
        if self._all.opens(sound):
            for gate, anchors in self._families:
                if gate.opens(sound):
                    yield from (anchor for anchor in anchors if anchor in lower or anchor in text)

    def maybe(self, text: str) -> bool:
        return self._all.opens(text if text.isascii() else _sound(text))


def _sound(text: str) -> str:
    """Without lone surrogates: no Rust string can hold one, and the gate would stay shut for the whole text."""
    return text.encode("utf-8", "replace").decode("utf-8")
