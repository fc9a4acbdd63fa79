"""Values that only a password looks like, where logging in is spoken of: no word needs to announce them."""

from collections.abc import Iterable

from consumer.domain.redaction.detectors.anchors import gate
from consumer.domain.redaction.detectors.rule import (
    NOTHING,
    Detector,
    Family,
    TextSpan,
    after,
    before,
    near,
    pattern,
    shape,
)
from consumer.domain.redaction.detectors.things import names_a_thing
from consumer.domain.redaction.detectors.values import Value, strong, trimmed, unlike_a_name
from consumer.domain.redaction.placeholders import SecretKind

_LONGEST = 40
_SHORTEST = 7
_LONGER = 9
"""With "&", which names of companies have, too."""
_NEAR = 160
"""Characters before and behind, within which logging in has to be spoken of."""
_BEFORE = pattern(r"[^\s\"'`(<>,;:/\\=|{\[$]{1,40}\Z")
_BEHIND = pattern(r"[!$&][^\s\"'`()<>,;:/\\=|{}]{0,40}")
_CELL = pattern(r"[\w.]{1,40}!\$?[A-Z]{1,3}\$?[0-9]{1,7}|[A-Z]{1,3}\$[0-9][\w.]{0,40}", case=True)
"""A cell of a spreadsheet, or a sum of money."""
_ENTITY = pattern(r"&(?:[a-z]{2,8}|\#[0-9]{1,6});")
_OF_CODE = pattern(r"\w![a-z_]{3,40}(?:\+0x[0-9a-f]{1,8})?\Z|\$[0-9@]|\+0x")
"""A symbol of a module, or an inner class; or a named range of a sheet."""
_BEFORE_BANG = pattern(r"[^\W\d_][\w.#&@-]{2,24}?[0-9]{1,4}")
_GOES_ON = pattern(r"[ ]{1,2}(?:[a-zß-ÿ0-9(]|[–—&-][ ])|[,;)\"'”]", case=True)
"""Behind a sign that ends no sentence."""
_PASSWORDS = (
    r"(?i)passw|passcode|passphrase|pasword|mot de passe|\bpw\b|p/w|kennw|\bmdp\b|contrase|wachtw|\bww\b|senha|clave|secret|\bpsk"
    r"|wi-?fi|wlan|ssid|keepass|kdbx"
)
_tells_of_login = gate(
    rf"{_PASSWORDS}|log(?:ged|s|t)?[ -]?(?:in|on)s?\b|logon|sign(?:ed)?[ -]?in\b|anmeld|einlog|inlog|connexion|connecter|acceder|accedere"
    r"|digitand|digitar|tapez|authentif|credential|zugang|accès|acceso|accesso|spelled|buchstab|\badmin|\buser|account|konto|compte|cuenta"
    r"|unlock|entsperr|sticker|benutzer|utente|usuario|utilisateur|gebruiker"
)
_tells_of_password = gate(_PASSWORDS)
"""Narrower: for what may as well be a user's name, or a company's."""


def _spellable(value: Value) -> bool:
    """Accepts what is no usual word; a plain word only where it is said to be a secret, and not a user's name."""
    if value.is_word:
        before = value.text[max(0, value.start - _NEAR) : value.start]
        if not (_STATES.search(before) and _tells_of_password(before)) or _LISTS.search(before):
            return False
    return not (value.is_common or value.is_impossible or value.is_counted or names_a_thing(value.itself))


def _leet(value: Value) -> bool:
    """Accepts letters with digits among them."""
    return _LEET.fullmatch(value.itself) is not None and not names_a_thing(value.itself)


_STATES = pattern(
    r"(?:\b(?:is|was|ist|war|lautet|with|mit|con|avec|met|word|wort|c['’]est|est|es|è)|geschrieben,|lower[ ]case,)[ ]\Z"
)
"""What stands before a word that is the secret itself."""
_LISTS = pattern(
    r"\b(?:must|contain\w{0,4}|enth[aä]lt\w{0,3}|muss|contenir|contener|deben?|moet|bevatten|contenere|deve|include\w{0,2}|user(?:name)?|login|anmeldename|benutzername|usuario|utente|gebruikersnaam|identifiant)[ :][^\r\n]{0,40}\Z"
)
"""What a password has to be made of, or a user's name."""
_SPELLED = before(
    r"(?<![^\s\"'(:;,])(?P<s>[^\s\"'(),;:]{5,40})(?:,[ ]|[ ]?[(]|[ ][–—-][ ]|[ ](?=(?:with|mit|avec|con|met|tout|todo|tutto|all)[ ]))(?:(?:with|mit|avec|con|met|tout|tous|alles|all|tutto|todo|en|in|das|the|a|an|einem|un|une|una"
    r"|gro(?:ß|ss)em|upper|lower)[ ]){0,3}",
    _spellable,
    reach=80,
)
_SPELLED_FIRST = after(r"[^\W\d_]{4,24}[^,\r\n:]{0,40}[,:][ ](?=[^\s,]{5,40}[.]?(?:[ ]?$|[\r\n]|[.][ ]))", _spellable)
_LEET = pattern(r"[a-z]{1,24}[0-9]{1,2}[a-z][\w!]{1,24}")
_SIZE = r"(?:capital|small|big|upper[ -]?case|lower[ -]?case|gro(?:ß|ss)es?|kleines?|hoofdletter|kleine(?:[ ]letter)?|majuscule|minuscule|mayúscula|minúscula|maiuscola|minuscola|the[ ]number|number|zahl|eine?)"
_LETTERS = shape(
    rf"{_SIZE}[ ]\w{{1,8}}(?:,[ ](?:(?:and|then|dann|und)[ ])?(?:{_SIZE}[ ])?\w{{1,14}}(?:[ ](?:mark|sign|und|and|then|dann)\b(?:[ ](?:eine?[ ]|an?[ ])?\w{{1,14}}){{0,2}})?){{3,24}}"
)
"""The letters in "capital B, small r, the number four, exclamation mark"."""
_TAKEN_FOR_COMMAND = before(r"(?:bash|zsh|sh|dash):[ ](?:line[ ][0-9]{1,4}:[ ])?(?P<s>[^\s:]{6,64}):[ ]", unlike_a_name)
_POINTED_AT = before(r"(?<!\S)(?P<s>[^\s\"'<>,;]{6,64})[ ]{1,4}", unlike_a_name, reach=80)
_QUOTED = after(r"[a-z]{3,5}[ ](?=\")", _leet)


def _marked(text: str, at: int) -> Iterable[TextSpan]:
    """A value with "!", "$" or "&" within, or with "!" at its end where the sentence goes on."""
    left, right = _BEFORE.search(text[max(0, at - _LONGEST) : at]), _BEHIND.match(text, at)
    if left is None or right is None:
        return NOTHING
    start = at - len(left[0])
    stop = trimmed(text, start, right.end())
    value = Value(text, start, stop, False)
    itself = value.itself
    if (
        len(itself) < _SHORTEST
        or not (value.has_letter and value.has_digit)
        or value.is_impossible
        or names_a_thing(itself)
        or _CELL.fullmatch(itself)
        or _OF_CODE.search(itself)
        or (text[at] == "&" and (len(itself) < _LONGER or text[stop : stop + 1] == "=" or _ENTITY.match(text, at)))
    ):
        return NOTHING
    if stop == at + 1 and not (text[at] == "!" and _BEFORE_BANG.fullmatch(left[0]) and _GOES_ON.match(text, stop)):
        return NOTHING
    around = text[max(0, start - _NEAR) : stop + _NEAR]
    return ((start, stop),) if (_tells_of_password if text[at] == "&" else _tells_of_login)(around) else NOTHING


def _typed(value: Value) -> bool:
    return strong(value) and value.has_symbol


def _spelled(text: str, at: int) -> Iterable[TextSpan]:
    """The value that somebody says how to type: "x, capital T", "(all lower case)", "alles klein, x"."""
    return tuple(_SPELLED(text, at)) or _SPELLED_FIRST(text, at)


RULES: tuple[Detector, ...] = (
    Detector(family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("!", "$", "&"), look=_marked),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("says \"", "steht \"", "reads \"", "staat \"", "dice \"", "dit \""),
        look=near(_QUOTED, _tells_of_login, before=_NEAR, behind=_NEAR),
    ),
    Detector(family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("capital ", "großes ", "hoofdletter "), look=near(_LETTERS, _tells_of_login, before=_NEAR)),
    Detector(family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("<-- ", "<- ", "<--- ", "← "), look=near(_POINTED_AT, _tells_of_login, before=0, behind=_NEAR)),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("command not found",),
        look=near(_TAKEN_FOR_COMMAND, _tells_of_password, before=2 * _NEAR, behind=2 * _NEAR),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("press enter", "hit enter", "enter drücken", "druk op enter"),
        look=before(r"(?:then|dann|type|tippe)[ ](?P<s>[^\s\\/.,;\"'<>]{6,40})[ ](?:and|then|und|en)[ ]", _typed),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, look=near(_spelled, _tells_of_login, before=_NEAR), telling=False,
        anchors=("capital ", "lower case", "lowercase", "upper case", "uppercase", "kleingeschrieben", "alles klein", "klein geschrieben",
                 "großgeschrieben", "großem", "zusammengeschrieben", "hoofdletter", "kleine letters", "aan elkaar", "majuscule", "minuscule",
                 "tout attaché", "mayúscula", "minúscula", "todo junto", "maiuscol", "minuscol", "tutto attaccato", "one word"),
    ),
)  # fmt: skip
