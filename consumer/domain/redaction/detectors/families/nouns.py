"""The words that announce a secret: passwords by the languages of tickets, tokens and keys by what stands before them."""

from consumer.domain.redaction.detectors.noun import noun
from consumer.domain.redaction.detectors.rule import Detector, Family
from consumer.domain.redaction.placeholders import SecretKind

_NEW_WORD = r"(?<![A-Za-z])"

PASSWORD: tuple[Detector, ...] = (
    noun(
        r"pass(?:word[do](?=:)|words?|wrd|wd|w\.|phrase|code|hash)[0-9]?", anchors=("pass",), kind=SecretKind.PASSWORD
    ),
    noun(
        rf"(?:{_NEW_WORD}|(?<=store)|(?<=key)|(?<=user)|(?<=db)|(?<=admin)|(?<=root)|(?<=sql)|(?<=smtp)|(?<=ftp)|(?<=svc)|(?<=[a-z])(?=(?-i:P)))pass",
        anchors=("pass",),
        kind=SecretKind.PASSWORD,
    ),
    noun(
        r"pas(?:wor[dt]|s?wrod|swor)|psswor[dt]",
        anchors=("pasword", "paswort", "passwrod", "paswrod", "psswor"),
        kind=SecretKind.PASSWORD,
    ),
    noun(rf"{_NEW_WORD}mdp", anchors=("mdp",), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"keymaterial", anchors=("keymaterial",), kind=SecretKind.PASSWORD),
    noun(
        r"passw(?:ort[es]?|örtern?|oerter)|(?:de[ ]?)?passe",
        anchors=("passwort", "passwört", "passwoert", "de passe", "depasse"),
        kind=SecretKind.PASSWORD,
        foreign=True,
    ),
    noun(
        r"[a-z]{2,5}[ ]password",
        anchors=("la password", "una password", "nuova password", "sua password", "mia password"),
        kind=SecretKind.PASSWORD,
        foreign=True,
    ),
    noun(
        rf"(?:(?<![a-z])|(?<=[a-z]))pwd|{_NEW_WORD}p(?:/?w(?:or[dt])?|swd|ws)",
        anchors=("pw", "psw", "p/w"),
        kind=SecretKind.PASSWORD,
        foreign=True,
    ),
    noun(rf"{_NEW_WORD}ww", anchors=("ww ", "ww:", "ww="), kind=SecretKind.PASSWORD, foreign=True),
    noun(
        r"(?:kenn|losungs)w(?:ort[es]?|örtern?|oerter|\.)",
        anchors=("kennw", "losungsw"),
        kind=SecretKind.PASSWORD,
        foreign=True,
    ),
    noun(
        r"schlüssel|schluessel",
        anchors=("schlüssel", "schluessel"),
        kind=SecretKind.PASSWORD,
        foreign=True,
        behind="wlan|w-?lan|wi-?fi|wpa[23]?|netzwerk|netz|funk|sicherheits|zugangs|vpn|router",
    ),
    noun(
        r"p[ ._-]a[ ._-]s[ ._-]s(?:[ ._-]w[ ._-]o[ ._-]r[ ._-][dt])?",
        anchors=("p a s s", "p-a-s-s", "p.a.s.s", "p_a_s_s"),
        kind=SecretKind.PASSWORD,
        foreign=True,
    ),
    noun(r"contrase(?:ñ|n|ñ)a", anchors=("contrase",), kind=SecretKind.PASSWORD, foreign=True),
    noun(
        rf"{_NEW_WORD}(?<!palabra[ ])(?<!palabras[ ])clave", anchors=("clave",), kind=SecretKind.PASSWORD, foreign=True
    ),
    noun(r"wachtwoord", anchors=("wachtwoord",), kind=SecretKind.PASSWORD, foreign=True),
    noun(
        r"(?:cl[ée]|chiave|sleutel)[ ](?:du[ ]|de[ ]|del[ ]|van[ ]het[ ])?(?:wi-?fi|wlan|wpa[23]?|wep|r[ée]seau|rete)",
        anchors=("clé ", "cle ", "chiave ", "sleutel "),
        kind=SecretKind.PASSWORD,
        foreign=True,
    ),
    noun(rf"{_NEW_WORD}senha", anchors=("senha",), kind=SecretKind.PASSWORD, foreign=True),
    noun(rf"{_NEW_WORD}parola(?:[ ]d['’]ordine)?", anchors=("parola",), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"has(?:ł|l)o", anchors=("hasło", "haslo"), kind=SecretKind.PASSWORD, foreign=True),
    noun(rf"{_NEW_WORD}heslo", anchors=("heslo",), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"l(?:ö|o)senord(?:et)?", anchors=("lösenord", "losenord"), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"adgangskoden?", anchors=("adgangskode",), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"passordet|passord", anchors=("passord",), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"salasana", anchors=("salasana",), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"парол(?:ь|я|ем)", anchors=("парол",), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"密(?:码|碼)", anchors=("密码", "密碼"), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"şifre(?:si|niz|m)?|sifre", anchors=("şifre", "sifre"), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"jelsz(?:ó|o)(?:ja)?", anchors=("jelszó", "jelszo"), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"κωδικ(?:ός|ος)", anchors=("κωδικ",), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"비밀번호(?:는|가)?", anchors=("비밀번호",), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"كلمة[ ](?:المرور|السر)", anchors=("كلمة",), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"סיסמ(?:ה|א|ת)", anchors=("סיסמ",), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"mật[ ]khẩu", anchors=("mật khẩu",), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"kata[ ]sandi", anchors=("kata sandi",), kind=SecretKind.PASSWORD, foreign=True),
    noun(r"パスワード", anchors=("パスワード",), kind=SecretKind.PASSWORD, foreign=True),
)

TOKEN_AND_KEY: tuple[Detector, ...] = (
    noun(r"token", anchors=("token",), kind=SecretKind.TOKEN, family=Family.TOKENS, human=False),
    noun(
        r"secret(?:[ _-]?(?:access[ _-]?)?key|[_-]id|[ ](?:answer|value))?(?![ ]id\b)",
        anchors=("secret",), kind=SecretKind.SECRET, family=Family.CLOUD, human=False,
    ),
    noun(
        r"key", anchors=("key",), kind=SecretKind.KEY, family=Family.CLOUD, human=False,
        behind="api|access|account|shared|private|encryption|recovery|security|storage|master|signing|license|subscription"
        "|function|host|symmetric|primary|secondary|registration|app",
    ),
    noun(r"answer", anchors=("answer",), kind=SecretKind.PASSWORD, behind="security|secret"),
    noun(
        r"seed", anchors=("seed",), kind=SecretKind.TOKEN, family=Family.TOKENS, human=False,
        behind="totp|otp|mfa|2fa|authenticator|token",
    ),
    noun(
        r"key", anchors=("key",), kind=SecretKind.PASSWORD,
        behind="wi-?fi|wlan|wireless|network|guest|wpa[23]?|wep|(?:wi-?fi|wlan|network)[ ]security",
    ),
)  # fmt: skip
