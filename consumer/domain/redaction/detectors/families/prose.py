"""Passwords that people write into tickets: pairs of name and password, and what stands beside a word for logging in."""

from consumer.domain.redaction.detectors.anchors import USERS, WITH
from consumer.domain.redaction.detectors.families.nouns import PASSWORD
from consumer.domain.redaction.detectors.rule import (
    Detector,
    Family,
    after,
    before,
    near,
    pattern,
    shape,
)
from consumer.domain.redaction.detectors.things import names_a_thing
from consumer.domain.redaction.detectors.values import Value, anything, notable, paired, strong, unlike_a_name
from consumer.domain.redaction.placeholders import SecretKind


def _phrase(value: Value) -> bool:
    """Accepts at least three words, the first of which says nothing about the phrase."""
    first, _, rest = value.itself.partition(" ")
    first_word = Value(value.text, value.start, value.start + len(first), quoted=False)
    return " " in rest.strip() and not first_word.is_common and not first_word.is_impossible


def _second(value: Value) -> bool:
    """Accepts, behind "logged in with name and", what no host and no product is called."""
    return strong(value) and (value.has_symbol or value.mixes_case or value.itself.endswith("!") or value.ends_clause)


def _second_alone(value: Value) -> bool:
    """As `_second`, where a person may also have something with them: a device, a product."""
    return unlike_a_name(value) and not names_a_thing(value.itself)


def _stated(value: Value) -> bool:
    """Accepts, behind "the login is name/", also a word with a capital, but not the rest of a sentence."""
    if value.is_impossible or not (value.quoted or value.ends_clause):
        return False
    return value.quoted or (value.itself[0].isupper() and not value.is_common if value.is_word else value.has_letter)


_NAME = r"[\w.@\\-]{1,64}?"
_ONE_OF_THEM = after(r"(?:(?:old|new|one)[ ](?:was|is)|(?:alte|neue)[ ](?:war|ist))[ ]", strong)
_SPOKEN_OF = pattern(r"passw|passcode|\bpw|kennw|\bmdp|mot[ ]de[ ]passe|contrase|wachtw|\bww\b|senha|clave")
_LEADING = (
    r"(?:[ \t]*+(?:[:=]|\b(?:is|are|was|were|with|as|to|using|into|in|on|the)\b)){0,4}+"
    rf"[ \t]*+(?<=[ \t:=]){_NAME}(?:[ \t]*+/[ \t]*+|:[ \t]{{0,2}})"
)

RULES: tuple[Detector, ...] = (
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("passphrase", "master phrase"),
        look=after(r"(?:pass|master[ ])phrase(?:[ ](?:for|of|to)[ ][^\r\n:=;]{1,60}?)?[ \t]*+(?:is|was|[:=]):?[ \t]++", _phrase, pattern(r"(?P<phrase>[^\r\n.,;\"'“”]{6,100})")),
    ),
    *PASSWORD,
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("wifi:",),
        look=after(r"wifi:(?:[TSHR]:[^;\r\n]{0,64};){0,4}P:", anything, pattern(r"(?P<quoted>(?:[^;\\\r\n]|\\.){4,64})(?=;)")),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("ssid",),
        look=after(
            r"ssid[^\r\n]{0,60}\r?\n[ \t*•-]{0,8}(?:cl[ée]|key|schlüssel|schluessel|clave|chiave|sleutel|code)"
            r"(?:[ \t]*+[:=|][ \t]*+|[ \t]{2,20}|\t)", notable
        ),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("wifi", "wi-fi", "wlan", "ssid"),
        look=after(
            r"(?:wi-?fi|wlan|ssid)[^\r\n]{0,60}?[, ](?:schlüssel|schluessel|key|cl[ée]|clave|chiave|sleutel)[ ]?[:=][ ]?", notable
        ),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("🔑", "🔐"), look=after(r"(?:🔑|🔐)\ufe0f?[ :]{0,3}", notable),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("wifi", "wi-fi", "wlan", "ssid"),
        look=after(
            rf"(?:wi-?fi|wlan|ssid)(?:[ \t]++(?:is|network|login))?[ \t]*+[:=]?[ \t]*+{_NAME}[ \t]*+/[ \t]*+", notable
        ),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("admin", "root", "guest", "svc"),
        look=after(r"(?:admin(?:istrator)?|root|guest|svc[\w.-]{0,30})[ \t]{0,2}/[ \t]{0,2}", strong),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("login is", "logon is", "login was", "creds are", "credentials are"),
        look=after(rf"[a-z]{{4,12}}[ ](?:is|are|was)[ \t]++{_NAME}[ \t]*+[/:][ \t]*+", _stated),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD,
        anchors=("cred", "zugangsdaten", "identifiants", "inloggegevens", "anmeldedaten"),
        look=after(
            rf"(?:cred(?:ential|enziali|enciale|enciai)?s?|zugangsdaten|anmeldedaten|identifiants|inloggegevens){_LEADING}",
            notable,
        ),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD,
        anchors=("login", "log in", "logs in", "log on", "logs on", "logon", "logged", "sign in", "signed in", "sign-in"),
        look=after(rf"(?:log(?:ged|s)?[ -]?(?:in|on)|sign(?:s|ed)?[ -]in){_LEADING}", strong),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD,
        anchors=("login with", "log in with", "logs in with", "log on with", "logon with", "logged in with", "logged in as", "logged in using",
                 "logged on with", "logged on as", "log on as", "log in as", "sign in with", "sign in as", "signed in with", "signed in as", "anmelden mit", "anmeldung mit",
                 "angemeldet mit", "angemeldet als", "eingeloggt mit", "cred", "zugangsdaten"),
        look=after(
            r"(?:log(?:ged|s)?[ -]?(?:in|on)|sign(?:s|ed)?[ -]in|anmeld(?:en|ung|edaten)|angemeldet|eingeloggt|zugangsdaten|cred(?:ential)?s?)"
            r"[ ]{0,2}(?::|(?:with|as|using|mit|als|by|are|is|sind)(?=[ ]))[ ]{1,2}(?:(?:the|user|account|benutzer|konto)[ ]){0,2}"
            rf"{_NAME}(?:,[ ]{{1,2}}|[ ]{{1,2}})(?:(?:and|with|und|mit)[ ]{{1,2}})?(?:(?:the|password|pw|pwd|passwort|kennwort|dem)[ ]{{1,2}}){{0,2}}",
            _second,
        ),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD,
        anchors=("log on as", "log in as", "logged on as", "logged in as", "login as", "logon as", "sign in as", "anmelden als"),
        look=after(rf"[a-z]{{3,8}}(?:[ -](?:in|on))?[ ](?:as|als)[ ][^()\r\n]{{0,40}}[(]{_NAME}[ ]?[,/:][ ]{{0,2}}", strong),
    ),
    # The verb at the end: "mit mueller und x am Server anmelden".
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD,
        anchors=("anmelden", "einloggen", "log in", "log on", "sign in", "inloggen", "connecter", "iniciar sesión", "accedere"),
        look=before(
            rf"\b(?:with|use|using|mit|avec|con|met)[ ](?:the[ ]|user[ ]|account[ ])?{_NAME}[ ](?:and|und|et|y|e|en)[ ]"
            r"(?P<s>[^\s,;\"'<>]{5,64})(?:[ ][^\r\n.;]{1,40})?[ ]", _second_alone),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=USERS,
        look=after(
            rf"(?:username|{'|'.join(USERS)})[,:]?[ ]{_NAME}[ ](?:{WITH})[ ]", _second_alone),
    ),
    # "The old one was x", where passwords are spoken of shortly before.
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("one was", "one is", "alte war", "alte ist", "neue war", "neue ist", "old was", "old is", "new was", "new is"),
        look=near(_ONE_OF_THEM, _SPOKEN_OF.search, before=200),
    ),
    Detector(family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=(" / ",), look=after(r"[ ]/[ ](?<=[\w][ ]/[ ])", paired)),
    # Passwords that everybody knows. No word announces them.
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD,
        anchors=("p@ss", "passw0rd", "password", "welcome", "qwert", "letmein", "changeme", "summer", "winter", "spring",
                 "autumn", "admin"),
        look=shape(
            r"(?<![\w@.\\/-])(?:p@ss[^\s;,\"'<>]{2,20}|passw0rd[^\s;,\"'<>]{0,12}"
            r"|(?:password|welcome|qwerty?|letmein|changeme|summer|winter|spring|autumn|admin)"
            r"(?:[0-9]{2,6}[!@\#$%^&*?]{1,4}|[!@\#$%^&*][0-9]{2,6}[!@\#$%^&*]{0,3}|[0-9]{3,4}(?<=123|234)))(?![\w@]|\.[0-9])"
        ),
    ),
)  # fmt: skip
