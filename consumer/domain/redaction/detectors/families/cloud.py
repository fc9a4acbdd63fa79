"""Keys and tokens of cloud services that have a shape of their own. Those that a word announces are in ``nouns``."""

from consumer.domain.redaction.detectors.families.nouns import TOKEN_AND_KEY
from consumer.domain.redaction.detectors.rule import Detector, Family, after, shape
from consumer.domain.redaction.detectors.values import Value, opaque_and_long
from consumer.domain.redaction.placeholders import SecretKind

_SHAPES: tuple[tuple[SecretKind, tuple[str, ...], str, int], ...] = (
    (SecretKind.KEY, ("AKIA", "ASIA"), r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])", 0),
    # Both halves of a pair as they are handed on, one below the other.
    (SecretKind.KEY, ("AKIA",), r"AKIA[A-Z0-9]{16}[\"',;:|/\s]{1,8}(?:[A-Za-z _]{3,24}[:=][ \t]{0,4})?(?P<s>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])", 0),
    (SecretKind.KEY, ("AIza",), r"AIza[\w-]{30,45}", 0),
    (SecretKind.TOKEN, ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{20,255}", 0),
    (SecretKind.TOKEN, ("github_pat_",), r"github_pat_\w{30,255}", 0),
    (SecretKind.TOKEN, ("xox",), r"xox(?:d-[\w%+/-]{40,400}={0,2}|[abceoprs]-(?=[a-z_-]{0,60}[0-9A-Z])[\w-]{10,255})", 0),
    (SecretKind.TOKEN, ("SG.",), r"(?<![\w.])SG\.[\w-]{16,32}\.[\w-]{16,64}", 0),
    (SecretKind.KEY, ("_live_", "_test_"), r"[a-z]k_(?:live|test)_[A-Za-z0-9]{10,99}", 2),
    (SecretKind.KEY, ("sk-",), r"(?<![\w-])sk-(?=[\w-]{0,60}[0-9A-Z])[A-Za-z0-9_-]{20,200}", 0),
    (SecretKind.TOKEN, ("glpat-", "gldt-", "glrt-"), r"gl(?:pat|dt|rt)-[\w-]{16,64}", 0),
    (SecretKind.TOKEN, ("npm_",), r"npm_[A-Za-z0-9]{30,64}", 0),
    (SecretKind.TOKEN, ("hf_",), r"(?<!\w)hf_[A-Za-z0-9]{20,64}", 0),
    (SecretKind.TOKEN, ("dop_v1_", "shpat_", "dckr_pat_", "pypi-ag"),
     r"(?:dop_v1_[0-9a-f]{40,80}|shpat_[0-9a-fA-F]{32}|dckr_pat_[\w-]{20,40}|pypi-[Aa]g[\w-]{40,200})", 0),
    (SecretKind.TOKEN, ("ya29.",), r"ya29\.[\w-]{20,400}", 0),
    (SecretKind.KEY, ("AGE-SECRET-KEY-",), r"AGE-SECRET-KEY-1[0-9A-Z]{40,80}", 0),
    (SecretKind.TOKEN, (":AA",), r":(?P<s>AA[\w-]{33})(?![\w-])", 0),
    # Entra's client secrets: three characters, a digit, "Q~", 31 to 34 more.
    (SecretKind.SECRET, ("Q~",), r"(?<![\w~.])[\w~.-]{3}[0-9]Q~[\w~.-]{30,36}", 4),
    (SecretKind.SECRET, ("sig=",), r"(?-i:sig)=(?P<s>[\w%+/=-]{20,200})", 0),
)  # fmt: skip
_WEBHOOKS: tuple[tuple[str, str], ...] = (
    ("office.com/webhook", r"office\.com/webhook(?:b2)?/(?P<s>[\w@/-]{20,400})"),
    ("hooks.slack.com/services/", r"hooks\.slack\.com/services/(?P<s>[\w/-]{20,200})"),
    ("hooks.slack.com/", r"hooks\.slack\.com/(?:workflows|triggers)/(?P<s>[\w/-]{20,200})"),
    ("hooks.zapier.com/", r"hooks\.zapier\.com/hooks/(?:catch|standard)/(?P<s>[\w/-]{12,200})"),
    (".tines.com/", r"\.tines\.com/webhook/(?P<s>[\w/-]{30,200})"),
    (".make.com/", r"\.make\.com/(?P<s>[a-z0-9]{28,40})(?!\w)"),
    ("/api/webhooks/", r"/api/webhooks/(?P<s>[0-9]{10,24}/[\w-]{20,200})"),
)


def _settled(value: Value) -> bool:
    return opaque_and_long(value) and len(value.itself) >= 24 and value.has_digit and value.has_letter


RULES: tuple[Detector, ...] = (
    *(
        Detector(family=Family.CLOUD, kind=kind, anchors=anchors, look=shape(source, back=back, case=True))
        for kind, anchors, source, back in _SHAPES
    ),
    *(
        Detector(family=Family.CLOUD, kind=SecretKind.TOKEN, anchors=(anchor,), look=shape(source)) for anchor, source in _WEBHOOKS
    ),
    Detector(
        family=Family.CLOUD, kind=SecretKind.TOKEN, anchors=("?code=", "&code=", "?key=", "&key=", "?pwd=", "&pwd=", "signature="),
        look=after(r"(?:[?&](?:code|key|pwd)|signature)=", opaque_and_long),
    ),
    # A file of settings: "key = ..." on a line of its own, long and of letters and digits.
    Detector(
        family=Family.CLOUD, kind=SecretKind.KEY, anchors=("\nkey=", "\nkey =", "\n  key:", "\n  key ="),
        look=after(r"\n[ ]{0,2}key[ ]?[=:][ ]?", _settled),
    ),
    *TOKEN_AND_KEY,
    Detector(
        family=Family.CLOUD, kind=SecretKind.KEY, anchors=("api key", "api-key", "apikey", "access key"),
        look=shape(r"(?:api|access)[ -]?key[ ]{1,2}(?P<s>[0-9a-z]{32,64})(?!\w)"),
    ),
)  # fmt: skip
