"""Finds the anchors of the rules in a text. A gate comes first: it stays shut for most texts and costs a microsecond.

To look for two hundred words in 500 characters, Python's ``re`` needs 60 µs, 200 substring searches need 70 µs, and
pydantic's engine (Rust's ``regex``, linear by construction) needs 2 µs. So pydantic's engine says whether there is any
anchor. Only then an Aho-Corasick automaton, also linear, says which anchors stand where.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from ahocorasick_rs import AhoCorasick, Implementation
from pydantic_core import SchemaValidator, core_schema

USERS = ("user", "utente", "usuario", "benutzer", "utilisateur", "gebruiker")
WITH = "con|with|mit|avec|met"
# Every third ticket contains these words. They open the gate only together with the neighbours that their rules need.
# No open or counted repetition may stand here: it would multiply the states of the gate's engine (measured: 300 µs).
_COMPANY = {
    **{word: word + " ?[/]" for word in ("root", "guest")},
    **{
        word: word + "[0-9!@#$%]" for word in ("welcome", "letmein", "changeme", "summer", "winter", "spring", "autumn")
    },
    **{
        word: word + "(?:wi-?fi|wlan|wpa|wep|r[ée]seau|rete|du |de |del |van )"
        for word in ("clé ", "cle ", "chiave ", "sleutel ")
    },
    "seed": "(?:totp|otp|mfa|2fa|authenticator|token)[ _-]?seed",
    "pin": "pin(?:s|code|number|nr|[^a-z]|$)",
    "admin": "admin(?:(?:istrator)? ?[/]|[0-9!@#$%])",
    "qwert": "qwerty?[0-9!@#$%]",
    "key": "(?:api|access|account|shared|private|encryption|recovery|security|storage|master|signing|license|subscription"
    "|function|host|symmetric|primary|secondary|registration|wi-?fi|wlan|wireless|network|guest|wpa[23]?|wep|app)[ _-]?key",
    **{word: word + "[\"'\\]]?[\"'\\]]? ?[:=]" for word in ("_key", "_pat")},
    **{word: f"{word}[0-9a-f][0-9a-f][0-9a-f]" for word in ("pk_", "sk_")},
    "1000.": r"1000\.[0-9a-f][0-9a-f][0-9a-f][0-9a-f]",
    "A3-": "a3-[0-9a-z][0-9a-z][0-9a-z]",
    "answer": "(?:security|secret)[ _-]?answer",
    "key ": "key [0-9] ",
    "secret ": "secret (?:[0-9]|enc )",
    "password ": "password enc ",
    "passwd ": "passwd enc ",
    "plaintext ": " plaintext ",
    ":::": "[0-9a-f]:::",
    **{
        word: f"{word}[0-9a-z][0-9a-z][0-9a-z][0-9a-z]"
        for word in ("re_", "ion_", "cio", "lip_", "rnd_", "tss_", "ico-", "API-", "BSA", "cog_", "prf_", "NF-", "4b1d")
    },
    **{word: f"{re.escape(word)}[0-9a-f][0-9a-f][0-9a-f][0-9a-f]" for word in ("EXO", "key-", "v1.0-")},
    **{word: f"{re.escape(word)}[0-9a-z_-][0-9a-z_-][0-9a-z_-][0-9a-z_-]" for word in ("sl.", "pat.", "sat.", "STS.")},
    "pat": rf"pat{14 * '[0-9a-z]'}\.",
    **{word: f"{word}[0-9][0-9][0-9][0-9][0-9]" for word in ("1/1", "2/1")},
    "-us": "[0-9a-f]-us[0-9]",
    "-": "[0-9]-[0-9][0-9][0-9][0-9][0-9][0-9]-[0-9]",
}
# What the text must contain from the first occurrence of the anchor on; otherwise the anchor is ignored.
_LATER = {
    **dict.fromkeys(("code", "combination", "pin", "puk"), re.compile("[0-9]")),
    **dict.fromkeys(
        ("login", "logon", "logged", "log in", "logs in", "log on", "logs on", "sign in", "signed in", "sign-in", "login is",
         "logon is", "login was", "wifi", "wi-fi", "wlan", "svc"),
        re.compile("[/:]"),
    ),
    **{word: re.compile(rf"{word}(?:name)?[,:]? [^ ]{{1,64}} (?:{WITH}) [^ ]*[0-9]") for word in USERS},
    "ssid": re.compile("[/:\n]"),
    **dict.fromkeys(("zip ", "rar ", "7z ", "7za ", "mongo"), re.compile(" -")),
    "://": re.compile("@"),
    "powershell": re.compile(" [-/]e"),
    **dict.fromkeys(("password ", "passwd ", "secret "), re.compile("(?:password|passwd|secret) (?:[0-9]|enc )")),
    "-": re.compile("(?:-[0-9]{6}){7}"),
    # Marks of issuers that are parts of common words: nobody is to pay for each "core_" and "path" of a long log.
    **{
        mark: re.compile(rest)
        for mark, rest in (
            ("-us", "-us[0-9]"), ("1/1", "1/1[0-9]{11}"), ("2/1", "2/1[0-9]{11}"), ("cio", "cio[0-9a-z]{24}"),
            ("EXO", "exo[0-9a-f]{24}"), ("ion_", "ion_[0-9a-z]{42}"), ("key-", "key-[0-9a-f]{32}"),
            ("pat", r"pat[0-9a-z]{14}\.[0-9a-f]{64}"), ("re_", "re_[0-9a-z]{8}_[0-9a-z]{24}"),
            ("sl.", r"sl\.[0-9a-z_.-]{100}"),
        )
    },
    **dict.fromkeys(
        ("recovery", "bitlocker", "wiederherstellung"), re.compile(r"[0-9]{6}(?:[\s-]{0,3}[0-9]{6}){7}")
    ),
}  # fmt: skip
_ELSEWHERE = frozenset({" / ", "!", "$", "&", *USERS})
"""Anchors that `_PAIRED` and `_MARKED` look for."""
_PAIRED = (
    r"(?i) / (?:[^\p{L}\p{N}_\s]|\S*\d)"
    rf"|(?:username|{'|'.join(USERS)})[,:]? [\w.@-]+ (?:{WITH}) \S*\d"
)
"""A pair's value begins with a sign or a quote, or contains a digit: "Open / Waiting" is no pair."""
_MARKED = "(?i)[0-9a-z][!$&][0-9a-z]|[0-9]![ ,;)\"']"
"""A sign within a word, or behind a number where the sentence may go on."""

_PIECE = 16_384
"""Characters of a text that are searched at once: whoever has seen enough of a text does not pay for the rest."""


class Anchors:
    """The anchors of a table of rules. An anchor with an upper-case letter is found in that case only."""

    __slots__ = ("_anchors", "_automaton", "_gates", "_longest")

    def __init__(self, anchors: Iterable[str]) -> None:
        self._anchors = tuple(sorted(anchors))
        self._longest = max(map(len, self._anchors))
        self._automaton = AhoCorasick(
            [anchor.lower() for anchor in self._anchors], implementation=Implementation.DFA, store_patterns=False
        )
        # Several gates: in one, the open repetitions would multiply the states of all words, as would what must stand
        # before a word. The engine keeps 2 MB of them; beyond that every text costs five times as much (measured over
        # 50,000 tickets).
        words = [
            _COMPANY.get(anchor, re.sub(r"([.$|?*+()\[\]{}\\^])", r"\\\1", anchor.lower()))
            for anchor in self._anchors
            if anchor not in _ELSEWHERE
        ]
        self._gates = (gate("(?i)" + "|".join(words)), gate(_PAIRED), gate(_MARKED))

    def may_stand_in(self, text: str) -> bool:
        """Whether the text may contain an anchor; almost always False. An anchor of a part is an anchor of the text.

        It also looks at texts that are still escaped in JSON: there "n" of a line's end stands before a word.
        """
        words, pairs, marked = self._gates
        return words(text) or pairs(text) or (("!" in text or "$" in text or "&" in text) and marked(text))

    def within(self, text: str) -> Iterable[tuple[str, int]]:
        """The anchors of the text, each with its place. Looks at one piece of the text after the other."""
        valid = text if text.isascii() else _without_surrogates(text)
        return self._places(text, lowered(valid)) if self.may_stand_in(valid) else ()

    def _places(self, text: str, lower: str) -> Iterator[tuple[str, int]]:
        allowed: dict[str, bool] = {}
        for begin in range(0, len(lower), _PIECE):
            piece = lower[begin : begin + _PIECE + self._longest - 1]
            for number, start, stop in self._automaton.find_matches_as_indexes(piece, overlapping=True):
                if start >= _PIECE:
                    continue  # the next piece has it, too
                anchor, at = self._anchors[number], begin + start
                if anchor != piece[start:stop] and anchor != text[at : begin + stop]:
                    continue
                is_allowed = allowed.get(anchor)
                if is_allowed is None:
                    later = _LATER.get(anchor)
                    is_allowed = allowed[anchor] = later is None or later.search(lower, at) is not None
                if is_allowed:
                    yield anchor, at


def gate(pattern: str) -> Callable[[str], bool]:
    """Whether the pattern stands anywhere in a text, by Rust's engine: for many words at once."""
    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex")).isinstance_python


def lowered(text: str) -> str:
    """The text in lower case, of the same length, so that places in both texts agree. Only U+0130 would grow."""
    lower = text.lower()
    return lower if len(lower) == len(text) else text.replace("\u0130", "I").lower()


def _without_surrogates(text: str) -> str:
    """Replaces lone surrogates. No Rust string can contain one, and the gate would stay shut for the whole text."""
    return text.encode("utf-8", "replace").decode("utf-8")
