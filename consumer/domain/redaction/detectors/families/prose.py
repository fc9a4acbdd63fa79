"""Secrets that people write into tickets: PINs, codes, pairs of name and password."""

from collections.abc import Iterable

from consumer.domain.redaction.detectors.families.nouns import PASSWORD
from consumer.domain.redaction.detectors.rule import NOTHING, Detector, Family, Finder, TextSpan, after, pattern, shape
from consumer.domain.redaction.detectors.values import Value, notable, paired, strong
from consumer.domain.redaction.placeholders import SecretKind

_LINK = r"s?(?:[ \t]*+(?:\b(?:is|was|are|were|to|now|still|set|ist|est|es|used)\b|[:=\#-]|[(])){0,3}+[ \t]*+"
_MORE = pattern(r"[ \t]{0,4}(?:,|;|/|\band\b|\bor\b|\s)\s{0,4}")
_DIGITS = r"(?P<s>[0-9]{4,10}[\#*]?)(?![\w/:-]|[.][0-9])"
_LONG_DIGITS = r"(?P<s>[0-9]{5,10})(?![\w/:-]|[.][0-9]|[ ](?:days|users|char|hours|min|times|acc))"
_GROUPS = (
    r"(?P<s>[0-9]{1,4}(?:-[0-9]{1,4}){2,5}|[0-9]{4,12}[\#*]?"
    r"|(?!0x)(?=[A-Za-z-]{0,12}[0-9])[A-Za-z0-9]{4,12}(?:-[A-Za-z0-9]{2,12}){0,5})(?![\w/:-])"
)
_QUALIFIED = pattern(
    r"(?:back[ -]?up|recovery|verification|mfa|2fa|otp|time|auth(?:entication|enticator)?|door|gate|alarm|safe|lock|unlock"
    r"|access|security|entry|keypad|garage|puk|sms|login|bypass|vault|scratch|emergency)[ \t_-]{1,2}\Z"
    r"|(?:zugangs|zutritts|zugriffs|t(?:ü|ue)r|tor|entsperr|alarm|sicherheits|best(?:ä|ae)tigungs|einmal|notfall|freischalt|safe)-?\Z"
)


def _codes(context: str, value: str, qualified: bool = False) -> Finder:
    """Finds one code or a list of codes behind a context. ``qualified``: only behind a word for what they open."""
    leading, code = pattern(context), pattern(value)

    def look(text: str, at: int) -> Iterable[TextSpan]:
        if qualified and not _QUALIFIED.search(text[max(0, at - 24) : at]):
            return NOTHING
        lead = leading.match(text, at)
        match = code.match(text, lead.end()) if lead else None
        spans: list[TextSpan] = []
        while match:
            spans.append(match.span("s"))
            more = _MORE.match(text, match.end())
            match = code.match(text, more.end()) if more and len(spans) < 50 else None
        return spans

    return look


def _phrase(value: Value) -> bool:
    """Accepts at least three words, the first of which says nothing about the phrase."""
    first, _, rest = value.itself.partition(" ")
    first_word = Value(value.text, value.start, value.start + len(first), quoted=False)
    return " " in rest.strip() and not first_word.is_common and not first_word.is_impossible


def _second(value: Value) -> bool:
    """Accepts, behind "logged in with name and", what no host and no product is called."""
    return strong(value) and (value.has_symbol or value.mixes_case or value.itself.endswith("!") or value.ends_clause)


def _stated(value: Value) -> bool:
    """Accepts, behind "the login is name/", a plain word too, but not the rest of a sentence."""
    return not value.is_impossible and (value.quoted or value.ends_clause)


_NAME = r"[\w.@\\-]{1,64}?"
_LEADING = (
    r"(?:[ \t]*+(?:[:=]|\b(?:is|are|was|were|with|as|to|using|into|in|on|the)\b)){0,4}+"
    rf"[ \t]*+(?<=[ \t:=]){_NAME}(?:[ \t]*+/[ \t]*+|:[ \t]{{0,2}})"
)

RULES: tuple[Detector, ...] = (
    Detector(
        family=Family.PROSE, kind=SecretKind.PASSWORD, anchors=("passphrase",),
        look=after(r"passphrase[ \t]*+(?:is|was|[:=])[ \t]++", _phrase, pattern(r"(?P<phrase>[^\r\n.,;\"'“”]{6,100})")),
    ),
    *PASSWORD,
    Detector(
        family=Family.PROSE, kind=SecretKind.PIN, anchors=("pin", "puk"), telling=False,
        look=_codes(rf"(?<![A-Za-z])(?:pin|puk)(?:[ -]?(?:code|number|nr))?(?:[ ](?:for|of|von|für|de)[ ][^\r\n:=;,.0-9]{{1,30}}[:=])?{_LINK}", _DIGITS),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PIN, anchors=("passcode", "password", "passwort"), telling=False,
        look=_codes(rf"pass(?:code|word|wort){_LINK}", _LONG_DIGITS),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.CODE, anchors=("code", "combination"), telling=False,
        look=_codes(rf"(?:code|combination){_LINK}", _GROUPS, qualified=True),
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
                 "logged on with", "logged on as", "sign in with", "signed in with", "signed in as", "anmelden mit", "anmeldung mit",
                 "angemeldet mit", "angemeldet als", "eingeloggt mit", "cred", "zugangsdaten"),
        look=after(
            r"(?:log(?:ged|s)?[ -]?(?:in|on)|sign(?:s|ed)?[ -]in|anmeld(?:en|ung|edaten)|angemeldet|eingeloggt|zugangsdaten|cred(?:ential)?s?)"
            r"[ ]{0,2}(?::|(?:with|as|using|mit|als|by|are|is|sind)(?=[ ]))[ ]{1,2}(?:(?:the|user|account|benutzer|konto)[ ]){0,2}"
            rf"{_NAME}(?:,[ ]{{1,2}}|[ ]{{1,2}})(?:(?:and|with|und|mit)[ ]{{1,2}})?(?:(?:the|password|pw|pwd|passwort|kennwort|dem)[ ]{{1,2}}){{0,2}}",
            _second,
        ),
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
            r"(?:[0-9]{2,6}[!@\#$%^&*?]{1,4}|[!@\#$%^&*][0-9]{2,6}[!@\#$%^&*]{0,3}|[0-9]{3,4}(?<=123|234)))(?![\w@])"
        ),
    ),
)  # fmt: skip
