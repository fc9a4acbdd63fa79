"""PINs and codes of doors, alarms, devices and second factors, behind the word that announces them or before it."""

from collections.abc import Iterable

from consumer.domain.redaction.detectors.rule import NOTHING, Detector, Family, Finder, TextSpan, before, pattern, shape
from consumer.domain.redaction.placeholders import SecretKind

_IS = "le|la|el|il|is|was|are|were|ist|war|lautet|wird|est|était|es|era|è|to|auf|op|now|still|set|jetzt|nun|nu|ora|used"
_LINK = rf"s?(?:[ \t]*+(?:\b(?:{_IS})\b|[:=\#-]|[(])){{0,3}}+[ \t]*+"
_OF = (
    r"(?:[ ](?:for|of|at|on|to|from|in|von|vom|der|des|für|fürs|zum|zur|am|im|de|du|del|della|di|van|voor|pour|per|para|d['’])[ ]?"
    rf"[^\r\n:=;,.0-9]{{1,60}}?(?:[:=]|[ ](?=(?:{_IS})[ ])))?"
)
"""What a code is for, between the word and the code."""
_NUMERAL = (
    r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|null|eins|zwei|zwo|drei|vier|fünf|sechs|sieben|acht|neun|zéro|un|deux|trois"
    r"|quatre|cinq|sept|huit|neuf|nul|een|twee|drie|vijf|zes|zeven|negen|cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|due|tre"
    r"|quattro|cinque|sei|sette|otto|nove)"
)
_KEYS_IN = (
    "pin ",
    "puk",
    "keypad",
    "alarm",
    "allarme",
    "tastierino",
    "teclado",
    "tastenfeld",
    "digicode",
    "voicemail",
    "türcode",
    "door code",
    "key safe",
    "schlüsselkasten",
    "kluisje",
)
_MORE = pattern(r"[ \t]{0,4}(?:,|;|/|\band\b|\bor\b|\s)\s{0,4}")
_DIGITS = r"(?P<s>(?!(?:19|20)[0-9]{2}[ ][a-z])[0-9]{4,10}[\#*]?)(?![\w/:-]|[.][0-9])"
_LONG_DIGITS = r"(?P<s>[0-9]{5,10})(?![\w/:-]|[.][0-9]|[ ](?:days|users|char|hours|min|times|acc))"
_GROUPS = (
    r"(?P<s>(?!0[0-9]{8})(?:[0-9]{1,4}(?:-[0-9]{1,4}){2,5}|[0-9]{4,12}[\#*]?"
    r"|(?!0x|AADSTS)(?=[A-Za-z-]{0,12}[0-9])[A-Za-z0-9]{4,12}(?:-[A-Za-z0-9]{2,12}){0,5}))(?![\w/:-])"
)
_QUALIFIED = pattern(
    r"(?:back[ -]?up|recovery|verification|mfa|2fa|otp|time|auth(?:entication|enticator)?|door|gate|alarm|safe|lock|unlock"
    r"|access|security|entry|keypad|garage|puk|sms|login|bypass|vault|scratch|emergency|disarm|arming|panel|temp(?:orary)?|tijdelijke?)[ \t_-]{1,2}\Z"
    r"|(?:zugangs|zutritts|zugriffs|t(?:ü|ue)r|tor|entsperr|alarm|sicherheits|best(?:ä|ae)tigungs|einmal|notfall|freischalt|safe|digi|toegangs|deur|kluis|poort)-?\Z"
)


_CODES_BELOW = pattern(r"[\w -]{6,24}[^\r\n]{0,80}\r?\n")
"""The rest of the line that announces a list."""
_CODE_LINE = pattern(
    r"[ \t]{0,8}(?:[0-9]{1,2}[.)][ \t]{1,4}|[*•-][ ])?(?P<s>(?=[^\r\n]{0,24}[0-9])(?:[0-9a-z]{8,12}|[0-9a-z]{4,6}(?:[ -][0-9a-z]{4,6}){1,3}))[ \t]*+(?=\r?\n|\Z)"
)
_NEXT = pattern(r"\r?\n")
_FEWEST = 3
_ENDS = r"(?=[.,;!)]|[ ]?(?:\r?\n|\Z)|[ ](?:and|und|then|dann|en|et|y|e|op|on|to)\b)"


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


def _listed_codes(text: str, at: int) -> Iterable[TextSpan]:
    """At least three codes, each alone on a line."""
    line = _CODES_BELOW.match(text, at)
    spans: list[TextSpan] = []
    while line and len(spans) < 50 and (code := _CODE_LINE.match(text, line.end())):
        spans.append(code.span("s"))
        line = _NEXT.match(text, code.end())
    return spans if len(spans) >= _FEWEST else NOTHING


RULES: tuple[Detector, ...] = (
    Detector(
        family=Family.PROSE, kind=SecretKind.PIN, anchors=("pin", "puk"), telling=False,
        look=_codes(rf"(?<![A-Za-z])(?:pin|puk)(?:[ -]?(?:code|number|nr))?{_OF}{_LINK}", _DIGITS),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PIN, telling=False,
        anchors=("passcode", "password", "passwort", "kennwort", "mot de passe", "contraseña", "wachtwoord", "senha"),
        look=_codes(rf"[a-z ]{{0,4}}(?:code|word|wort|woord|passe|seña|senha){_LINK}", _LONG_DIGITS),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.CODE, anchors=("code", "combination"), telling=False,
        look=_codes(rf"(?:code|combination){_OF}{_LINK}", _GROUPS, qualified=True),
    ),
    # What the code opens stands behind the word, as in French, Italian and Spanish.
    Detector(
        family=Family.PROSE, kind=SecretKind.CODE, anchors=("code d", "codice d", "código d", "codigo d", "code a", "clave d"), telling=False,
        look=_codes(
            r"c(?:[oó]di?(?:e|ce|go)|lave)[ ](?:de[ ](?:la[ ]|l['’])?|du[ ]|di[ ]|del(?:la|l['’])?[ ]?|dell['’]|d['’]|à[ ]la[ ])?"
            r"(?:porte|portail|portillon|entr[ée]e|alarme|acc[èe]s|coffre|d[ée]verrouillage|s[ée]curit[ée]|porta|cancello|ingresso|allarme|accesso"
            r"|sblocco|cassaforte|sicurezza|puerta|entrada|alarma|acceso|desbloqueo|seguridad|caja[ ]fuerte)\b"
            rf"(?:[ ][^\r\n:=;,.0-9]{{1,40}}?(?=[ ]?(?:[:=]|\b(?:{_IS})\b)))?{_LINK}", _GROUPS),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.CODE, telling=False,
        anchors=("verification code", "security code", "login code", "bestätigungscode", "code de vérification", "codice di verifica",
                 "código de verificación", "one-time code", "verificatiecode"),
        look=before(r"(?<![\w-])(?:[A-Z]-)?(?P<s>[0-9]{4,8})[ ](?:is|ist|est|es|è)[ ](?:your|the|dein|ihr|votre|ton|tu|su|il[ ]tuo|je|uw)[ ](?:[\w'’]{1,14}[ ]){0,3}", lambda _: True),
    ),
    # A list of codes, one on a line.
    Detector(
        family=Family.PROSE, kind=SecretKind.CODE, telling=False,
        anchors=("backup code", "backup-code", "recovery code", "wiederherstellungscode", "ersatzcode", "codes de secours", "codici di backup",
                 "códigos de respaldo", "back-upcode"),
        look=_listed_codes,
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.CODE, anchors=("digicode",), telling=False,
        look=shape(rf"digicode(?:[ ](?:de|du|d['’])[^\r\n:=,.0-9]{{1,30}}?)?[ :]{{1,3}}{_GROUPS}"),
    ),
    # Told in words: "PIN over the phone, four four one nine".
    Detector(
        family=Family.PROSE, kind=SecretKind.PIN, anchors=_KEYS_IN, telling=False,
        look=shape(rf"[^\W\d_]{{3,12}}[^\r\n]{{0,80}}?\b(?P<s>{_NUMERAL}(?:[ ,-]{{1,2}}(?:(?:then|and|at|last|dann|und|puis|et|luego|y|después|al|final|poi|e|dan|en|daarna|el|the|le|il|la|die)[ ]){{0,4}}{_NUMERAL}){{3,9}})\b"),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PIN, anchors=("keypad", "pin ", "tastenfeld", "digicode", "door code"), telling=False,
        look=shape(r"[^\W\d_]{3,12}[^\r\n]{0,80}?[ ](?P<s>[0-9](?:,?[ ](?:then|dann|puis|luego|poi|dan)[ ][0-9]){2,7})(?![\w.:])"),
    ),
    # How a lock with a wheel is told: "Kombination 4-7-1-9".
    Detector(
        family=Family.PROSE, kind=SecretKind.CODE, anchors=("kombinati", "combinati", "combinai", "combinaci", "the dial "), telling=False,
        look=shape(rf"(?:(?:k|c)ombina[a-zé]{{2,7}}|the[ ]dial(?:[ ]to)?)(?:[ ](?:{_IS}))?[ ]?:?[ ](?P<s>[0-9]{{1,2}}(?:[ ]?-[ ]?[0-9]{{1,2}}){{2,4}})(?![\w-])"),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.PIN, anchors=("unlock", "entsperr", "ontgrendel", "déverrouill", "desbloque", "sblocc"), telling=False,
        look=shape(rf"(?:unlock|(?:entsperr|ontgrendel|déverrouill|desbloque|sblocc)\w{{0,6}})(?:[ ](?:it|them|(?:the|das|den|het|le|la|il|el)[ ]\w{{1,20}}))?[ ](?:with|using|mit|met|avec|con)[ ]"
                   rf"(?:the[ ]|dem[ ]|pin[ ]|code[ ]){{0,2}}(?P<s>[0-9]{{4,8}}){_ENDS}"),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.CODE, anchors=("alarm",), telling=False,
        look=shape(rf"alarm[^\r\n.]{{0,12}}[ ](?:uit\w{{0,16}}|aus\w{{0,16}}|off|disarm\w{{0,4}}|unscharf\w{{0,10}})[ ](?:met|mit|with|avec|con)[ ](?P<s>[0-9]{{4,8}}){_ENDS}"),
    ),
    Detector(
        family=Family.PROSE, kind=SecretKind.CODE, anchors=("alarm",), telling=False,
        look=shape(r"alarm[^\r\n]{0,80}?[ ](?P<s>[0-9]{4,8})[ ](?:in[ ]?toetsen|ein(?:geben|tippen)|drücken|in[ ]the[ ]panel)"),
    ),
)  # fmt: skip
