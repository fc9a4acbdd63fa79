"""What the name of a script parameter suggests about its value, in the languages that scripts are written in."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from consumer.domain.redaction.placeholders import SecretKind
from consumer.domain.redaction.stand_ins import words

LONGEST_NAME = 200
"""Characters. A longer name is none that a script has."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
_NOUNS: Mapping[str, SecretKind] = {
    **dict.fromkeys(
        words(
            "password passwords passwd passwort passphrase passcode pass pwd pwds pw pswd psw kennwort wachtwoord senha "
            "contrasena motdepasse mdp palavrapasse haslo heslo losenord adgangskode salasana parola "
            "пароль 密码 パスワード credential credentials creds cred securityanswer secretanswer"
        ),
        SecretKind.PASSWORD,
    ),
    **dict.fromkeys(
        words("secret secrets clientsecret appsecret sharedsecret geheimnis recoveryphrase seedphrase secretphrase"),
        SecretKind.SECRET,
    ),
    **dict.fromkeys(words("token tokens bearer jwt accesstoken authtoken sas cookie"), SecretKind.TOKEN),
    **dict.fromkeys(words("apikey apikeys privatekey accesskey accountkey secretkey psk presharedkey"), SecretKind.KEY),
    **dict.fromkeys(words("totpseed otpseed hotpseed mfaseed"), SecretKind.KEY),
    **dict.fromkeys(words("pin pins pincode puk pukcode"), SecretKind.PIN),
    **dict.fromkeys(words("otp totp mfacode backupcode"), SecretKind.CODE),
}
_NOT_AFTER = words("no has is change reset require must by")
"""``reset_password`` says whether to, and ``has_token`` whether there is one."""
_KEYS = words("key keys schlussel schluessel sleutel")
_KEY_BEFORE = words(
    "api access secret private shared account storage encryption recovery license licence product admin master signing "
    "auth wifi wlan wpa psk security subscription function host app application client ssh symmetric primary "
    "secondary bitlocker session notify notification webhook hook integration routing service activation deploy device "
    "bot push write read ingest ingestion instrumentation telemetry agent enrollment enrolment install join tunnel peer "
    "preshared vpn radius hmac cipher encrypt decryption decrypt unlock vault "
    "zugangs zugriffs lizenz toegangs licentie"
)
_CODES = words("code codes kod kode")
_CODE_BEFORE = words(
    "backup recovery mfa otp verification pin access door alarm auth temp temporary onetime entry gate unlock login "
    "security emergency bypass safe vault lock lockbox keypad disarm sms reset activation "
    "zugangs zugriffs einmal tur tuer freigabe entsperr sicherheits tresor notfall "
    "toegangs deur tijdelijke nood veiligheids eenmalige kluis"
)
_COMBINATION_BEFORE = words("safe vault lock locker gate door padlock")
_STRING_BEFORE = words("connection conn")
_ENDINGS = re.compile(
    "(?:password|passwd|passwort|passphrase|motdepasse|kennwort|wachtwoord|losenord|adgangskode|contrasena)$"
)
_ADDED = words(
    "value text plain plaintext clear cleartext new old current confirm confirmation again repeat raw b64 base64 "
    "encoded string secure input for user account admin administrator root temp temporary wifi wlan "
    "neu neue neues alt altes nieuw nieuwe oud nuevo nueva nouveau nouvelle nuovo nuova novo nova nytt nowe"
)
_FIRST_NOUNS: Mapping[str, SecretKind] = {
    **dict.fromkeys(words("clave senha contrasena motdepasse palavrapasse parola haslo heslo"), SecretKind.PASSWORD),
    **dict.fromkeys(words("codigo codice code kod"), SecretKind.CODE),
    **dict.fromkeys(words("cle chiave llave"), SecretKind.KEY),
}
"""Nouns that what they are of stands behind: ``codigo_acceso``. Alone they are any customer's code or a table's key."""
_OF_SECRETS = words(
    "acceso acces accesso acesso secret secreto secreta segreto segreta secrete temporal temporaire temporaneo "
    "temporanea temporario temporaria seguranca seguridad securite sicurezza sblocco desbloqueo deverrouillage "
    "puerta porta porte alarme alarma allarme privada privee privata api wifi wlan"
)

_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ß": "ss"})
"""Letters that Unicode takes for no other one with an accent."""


@lru_cache(maxsize=4096)  # templates use the same parameter names many times
def suspected_kind(name: str) -> SecretKind | None:
    """The kind of secret that a name suggests for its value; None if it suggests none.

    The last noun decides: ``token_expiry`` and ``key_vault_name`` suggest none.
    """
    if len(name) > LONGEST_NAME:
        return None
    named = [word.casefold() for word in _WORDS.findall(_without_accents(name))]
    last = len(named)
    while last and (named[last - 1] in _ADDED or named[last - 1].isdigit()):
        last -= 1
    if not last or (last > 1 and named[last - 2] in _NOT_AFTER and named[last - 1] in _NOUNS):
        return None
    return _by_last_noun(named[:last]) or _by_ending("".join(named[:last])) or _by_first_noun(named)


def _by_last_noun(named: list[str]) -> SecretKind | None:
    last, before = named[-1], named[-2] if len(named) > 1 else ""
    kind = _NOUNS.get(last) or _NOUNS.get(before + last)
    if kind is not None:
        return kind
    if last in _KEYS and before in _KEY_BEFORE:
        return SecretKind.KEY
    if last in _CODES and (before in _CODE_BEFORE or named[-3:-1] == ["one", "time"]):
        return SecretKind.CODE
    if last == "combination" and before in _COMBINATION_BEFORE:
        return SecretKind.CODE
    return SecretKind.CONNECTION_STRING if last == "string" and before in _STRING_BEFORE else None


def _by_ending(joined: str) -> SecretKind | None:
    """By how a word ends that is written together, as ``sqladminpassword`` or ``Toegangscode``."""
    if _ENDINGS.search(joined):
        return SecretKind.PASSWORD
    for nouns, before, kind in ((_CODES, _CODE_BEFORE, SecretKind.CODE), (_KEYS, _KEY_BEFORE, SecretKind.KEY)):
        if any(joined.endswith(noun) and joined.removesuffix(noun) in before for noun in nouns):
            return kind
    return None


def _by_first_noun(named: list[str]) -> SecretKind | None:
    """By the noun that stands in front, as in Romance languages: what follows it says whose or what for."""
    for length in (1, 2, 3):  # clave, palavra passe, mot de passe
        kind = _FIRST_NOUNS.get("".join(named[:length]))
        if kind is not None and len(named) > length and named[length] in _OF_SECRETS:
            return kind
    return None


def _without_accents(name: str) -> str:
    if name.isascii():
        return name
    parted = unicodedata.normalize("NFKD", name.translate(_LETTERS))
    return "".join(each for each in parted if not unicodedata.combining(each))
