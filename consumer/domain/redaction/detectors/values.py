"""Values: where a value ends, and whether it can be a secret in the place where it stands."""

import re
from collections.abc import Callable
from typing import TypeAlias

from consumer.domain.redaction.detectors.things import names_a_thing
from consumer.domain.redaction.stand_ins import is_stand_in, words

# Every repetition is bounded. A quoted value of more than 512 characters is read as a bare value.
_DOUBLE = r"""(?:[^"`\\\r\n]|`.|\\\\|\\(?!["\\])|\\"(?![\s,;)}\]:]|\Z)|""(?![\s,;)}\]]|\Z)){1,512}"""
_SINGLE = r"""(?:[^'\r\n]|''(?![\s,;)}\]]|\Z)){1,512}"""
_BARE = r"""(?:[^\s;"'<>,&]|&(?!\w{1,40}=|quot;|amp;|\#\d|lt;|gt;)|,(?=\S)(?!\w{1,40}=)|["'](?=[\w!@#$%^&*]))"""
QUOTED = re.compile(
    rf"""\\{{0,3}}"(?P<double>{_DOUBLE})\\{{0,3}}" | \\?'(?P<single>{_SINGLE})\\?'
    | `(?P<tick>[^`\r\n]{{1,128}})` | [“„”](?P<curly>[^“”\r\n]{{1,128}})[“”] | [‘](?P<curl>[^‘’\r\n]{{1,128}})[’]
    | «\s?(?P<angle>[^«»\r\n]{{1,128}}?)\s?» | \*\*(?P<bold>[^*\r\n]{{1,128}})\*\*
    | &quot;(?P<entity>(?:(?!&quot;)[^\r\n]){{1,128}})&quot;""",
    re.VERBOSE,
)
VALUE = re.compile(
    QUOTED.pattern
    + rf"""| \{{(?P<braces>(?:[^{{}}\r\n"]|\}}\}}){{1,128}})\}}(?=[;\s"']|\Z)
    | ["'](?P<torn>[^\s"']{{3,128}})(?=\s|\Z) | (?P<bare>(?!\{{\s{{0,4}}[\\"'])[^\s;"'<>,]{_BARE}{{0,255}})""",
    re.VERBOSE,
)
TO_END_OF_LINE = re.compile(r"(?P<line>[^\s](?:[^\r\n]{0,200}[^\s])?)")

_UNDATED = re.compile(
    r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}|\d{1,2}:\d{2}(?::\d{2})?(?:[ap]m)?|\d{4}-\d\d-\d\dT.{0,64}", re.IGNORECASE
)
_ADDRESS = re.compile(r"(?:https?|file|ftp)://|//|\\\\|[A-Za-z]:\\|HK(?:LM|CU|EY)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:['’/-][^\W\d_]+)*[!?…]*+")
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
_ASIDE = re.compile(r"\([^\W\d_]*\Z")
_ERROR_CODE = re.compile(r"0x[0-9a-fA-F]{1,8}(?![0-9a-fA-F])")
_CALL = re.compile(r"[A-Za-z_]\w{1,40}(?:\.\w{1,40}){1,3}\(|[A-Za-z_]\w{2,40}\(['\")]")
_CMDLET = re.compile(r"[A-Z][a-z]+-[A-Z][A-Za-z]+")
_CLAUSE_END = re.compile(
    r"[ \t]*+(?:\Z|[\r\n.,;:)\]}|\"'<*]|(?:and|but|then|or|to|for|on|in|at|und|et|y|e|en|och|i|-|–|/)\s)"
)
_FOLLOWED_BY_WORD = re.compile(r"[ \t]++[^\W\d_]")
_UNIT = re.compile(
    r"[ \t]*+(?:days?|hours?|minutes?|mins?|weeks?|months?|years?|times?|characters?|chars?|digits?|attempts?|users?|%|"
    r"tage?|zeichen|jours?|caract|d[ií]as?|seconds?|secs?|letters?|symbols?|or|to|-)",
    re.IGNORECASE,
)
_ENDINGS = ("ed", "ing", "able", "ible", "ly", "ive", "ant", "ent", "less", "iert", "setzt", "laufen", "gessen")
COMMON = words(
    """a an the is was are were be been being has have had do does did not no none never ever in on at to for from by with
    without of and or but if then than as it its it's this that these those he she they we you i his her my our your their
    them him me there here when while where who what which why how after before since until because so
    user users admin administrator account accounts login username name id email mail windows outlook office vpn domain
    password passwords passwort pass pwd pw pin token tokens secret key keys code codes credential credentials
    wrong incorrect correct invalid valid expired expires expiring expiry reset set changed change changes required needed
    missing blank empty unknown known same different new old default disabled enabled locked unlocked working works work
    accepted rejected denied ok okay fine good bad weak strong complex simple forgotten forgot lost saved stored cached
    synced updated sent shared given provided entered typed prompt prompts see saw via per using used use only also again
    still now yet already just too very more less something someone somewhere anything nothing everything please ask asked
    call called check checked try tried tbd todo n/a na null nil true false yes never always must can cannot can't could
    should would will won't may might doesn't didn't isn't wasn't don't unable able failed fails fail failing failure
    error errors rejected refused out off up down over under back away gone done ready open closed public private local
    global temporary temp permanent manual automatic auto yesterday today tomorrow soon later
    policy policies manager vault keepass bitwarden lastpass hudu glue itglue field box page screen dialog window login
    protection protected portal sync hash history age length complexity hint reuse spray manager writeback self-service
    case-sensitive sensitive random unique safe secure insecure hidden masked redacted removed confidential encrypted
    plain plaintext cleartext text string none-set unchanged pending absent present elevated bearer basic negotiate ntlm
    kerberos optional mandatory normal good bad all any each every both another other others allow let make get gets got
    half part one two three four-times later long short longer shorter over-complex well-known auto-generated
    pendiente pendientes ausstehend offen sospeso attente vorhanden fehlt présent présente présents presente aanwezig afwezig assente
    staat staan steht stehen liegt liegen ligt está están trova
    falsch richtig abgelaufen gesperrt vergessen unbekannt geändert zurückgesetzt nicht kein noch auf für ist wurde war der
    die das ein eine neu neues alt leer korrekt ungültig siehe
    expiré oublié incorrect invalide perdu inconnu changé réinitialisé pas le la les un une du de bon mauvais vide voir
    incorrecta correcta caducada olvidada vencida inválida desconocida cambiada no el los una ver
    verlopen vergeten onjuist ongeldig gewijzigd niet het een zie
    errada expirada esquecida incorreta inválida não o os uma ver
    scaduta errata dimenticata sbagliata non il lo gli una vedi corretta
    niepoprawne wygasło zapomniane nie nieprawidłowe fel glömt inte utgånget forkert glemt ikke udløbet väärä unohtunut
    vanhentunut ei не неверный истёк истек забыт подходит 错误 过期 不对 忘记"""
)
_OPENED = {")": "(", "]": "[", "}": "{"}
_PUNCTUATION = frozenset(".,:'\"”’»`")
_SYMBOLS = frozenset("!#$%^&*?@~+=|\\§€£")


class Value:
    """A candidate for a secret: its span in a text, and what the characters of the span are."""

    __slots__ = ("itself", "quoted", "start", "stop", "text")

    def __init__(self, text: str, start: int, stop: int, quoted: bool) -> None:
        self.text = text
        self.start = start
        self.stop = stop
        self.quoted = quoted
        self.itself = text[start:stop]

    @property
    def has_digit(self) -> bool:
        return _DIGIT.search(self.itself) is not None

    @property
    def has_letter(self) -> bool:
        return _LETTER.search(self.itself) is not None

    @property
    def has_symbol(self) -> bool:
        """Whether it has a sign that names and numbers do not have. A mark that ends a sentence does not count."""
        return not _SYMBOLS.isdisjoint(self.itself.rstrip("!?") or self.itself)

    @property
    def is_word(self) -> bool:
        return _WORD.fullmatch(self.itself) is not None

    @property
    def ends_clause(self) -> bool:
        return _CLAUSE_END.match(self.text, self.stop) is not None

    @property
    def is_common(self) -> bool:
        """Whether it is a word that tickets often have behind "password", by the list or by its ending."""
        word = self.itself.casefold().rstrip("!?…")
        return word in COMMON or (self.itself[:-1].islower() and word.endswith(_ENDINGS))

    @property
    def mixes_case(self) -> bool:
        """Whether it has an upper-case letter after its first character, and is not all upper case."""
        itself = self.itself
        return itself != itself.lower() and itself[1:] != itself[1:].lower() and not itself.isupper()

    @property
    def is_counted(self) -> bool:
        """Whether it is a date, a time, or a number that counts something."""
        return _UNDATED.fullmatch(self.itself) is not None or (
            not self.has_letter and not self.has_symbol and _UNIT.match(self.text, self.stop) is not None
        )

    @property
    def is_impossible(self) -> bool:
        """Whether it cannot be a secret: a stand-in or, unquoted, an address, a cmdlet or the start of an aside."""
        itself = self.itself.strip()
        return is_stand_in(itself) or (
            not self.quoted
            and (
                _ADDRESS.match(itself) is not None
                or _CMDLET.fullmatch(itself) is not None
                or _ERROR_CODE.match(itself) is not None
                or _CALL.match(itself) is not None
                or _ASIDE.match(itself) is not None
            )
        )


Demand: TypeAlias = Callable[[Value], bool]
"""Says whether a value counts as a secret in its place. The functions from `anything` on are demands."""


def trimmed(text: str, start: int, stop: int) -> int:
    """The end of a bare value without the punctuation of the sentence around it."""
    surplus: dict[str, int] = {}
    while stop > start:
        last = text[stop - 1]
        if (opened := _OPENED.get(last)) is not None:
            if last not in surplus:
                surplus[last] = text.count(last, start, stop) - text.count(opened, start, stop)
            if surplus[last] <= 0:
                break
            surplus[last] -= 1
        elif last not in _PUNCTUATION:
            break
        stop -= 1
    return stop


def anything(value: Value) -> bool:
    """Accepts, where syntax leaves no doubt, all but impossible values and, unquoted, common words and options."""
    if value.is_impossible:
        return False
    return value.quoted or not (value.itself.casefold() in COMMON or value.itself[0] in "-(|")


def is_literal(value: Value) -> bool:
    """Accepts a literal of source code, but no expression."""
    return value.quoted and not value.is_impossible


def assigned(value: Value) -> bool:
    """Accepts, behind ``name:`` or ``name =``, all but what a sentence or a report would say there."""
    if value.is_impossible or value.is_counted:
        return False
    if value.quoted:
        return not value.is_common
    if value.is_word:
        if value.is_common:
            return False
        return value.ends_clause or value.mixes_case or not _FOLLOWED_BY_WORD.match(value.text, value.stop)
    return value.has_letter or value.has_symbol or (value.has_digit and len(value.itself) >= 4)


def is_secret_in_prose(value: Value) -> bool:
    """Accepts, in a sentence behind "the password is", a notable value or a lone word that ends no usual sentence."""
    if value.is_impossible or value.is_counted or value.is_common:
        return False
    if value.quoted:
        return True
    itself = value.itself
    if value.is_word:
        plain = itself.rstrip("!?…")
        if plain != itself and itself[:-1].islower():
            return False
        return (value.mixes_case and value.ends_clause) or (
            value.ends_clause and not plain.isupper() and (plain[0].isupper() or _qualified(value)) and len(plain) >= 5
        )
    if not value.has_letter and not value.has_symbol:
        return value.has_digit and len(itself) >= 4
    return value.has_digit or value.has_symbol or len(itself) >= 6


def strong(value: Value) -> bool:
    """Accepts, with nothing between the name and the value, what looks like a password anywhere."""
    if value.is_impossible or value.is_counted or value.is_common:
        return False
    itself = value.itself
    if value.quoted:
        return len(itself) >= 4 and not (
            " " in itself and itself.islower() and not value.has_digit and len(itself) > 40
        )
    if value.is_word or len(itself) < 5 or not value.has_letter or "/" in itself or names_a_thing(itself):
        return False
    if value.has_symbol:
        return "(" not in itself
    if not value.has_digit:
        return False
    return len(itself) >= 8 and not itself.isupper() and (value.ends_clause or value.mixes_case)


def unlike_a_name(value: Value) -> bool:
    """Accepts what looks like a password and what neither a command, a variable, a queue nor a database is called."""
    return strong(value) and (value.has_symbol or value.mixes_case)


def notable(value: Value) -> bool:
    """Accepts what is neither a word nor a short number."""
    if value.is_impossible or value.is_common or value.is_word or names_a_thing(value.itself):
        return False
    return value.has_symbol or (value.has_digit and len(value.itself) >= 4)


def opaque(value: Value) -> bool:
    """Accepts a token or a key behind its name and a sign: at least eight characters that nobody would say."""
    itself = value.itself
    if value.is_impossible or value.is_common or len(itself) < 8 or " " in itself:
        return False
    if _UNDATED.fullmatch(itself) is not None:
        return False  # "validity of the token: 21-05-2024 to …"
    return value.has_digit or (value.quoted and not value.is_word) or (len(itself) >= 16 and not value.is_word)


def opaque_set(value: Value) -> bool:
    """Accepts, directly behind ``name=``, what has a sign that no word has, too."""
    return opaque(value) or (len(value.itself) >= 8 and value.has_symbol and not value.is_impossible)


def opaque_told(value: Value) -> bool:
    """Accepts a token or a key in a sentence."""
    return opaque(value) and (value.has_digit or value.has_symbol) and not value.is_counted


def opaque_alone(value: Value) -> bool:
    """Accepts a token or a key directly behind its name: long, or with a sign that no product's name has."""
    return (
        opaque_told(value)
        and (len(value.itself) >= 16 or (value.has_symbol and value.has_letter))
        and "/" not in value.itself
    )


def opaque_and_long(value: Value) -> bool:
    """Accepts a token behind its scheme, such as "Bearer": at least 16 characters, with a digit or in mixed case."""
    return len(value.itself) >= 16 and (value.has_digit or value.mixes_case) and not value.is_impossible


def paired(value: Value) -> bool:
    """Accepts, behind a name and a slash and with no word to announce it: letters, digits and a sign, no path."""
    return value.has_digit and value.has_symbol and strong(value)


_QUALIFIER = re.compile(
    r"\b(?:temp|temporary|new|initial|default|temporäres|neues|temporaire|nuevo|nueva|tijdelijk|nieuw)\b", re.IGNORECASE
)


def _qualified(value: Value) -> bool:
    return _QUALIFIER.search(value.text[max(0, value.start - 48) : value.start]) is not None
