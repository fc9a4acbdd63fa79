"""PowerShell: secure strings, credential objects, encoded commands. ``-Password x`` and ``$pwd = 'x'`` are in ``nouns``."""

from base64 import b64decode
from binascii import Error
from collections.abc import Iterable

from consumer.domain.redaction.detectors.rule import NOTHING, Detector, Family, TextSpan, after, before, pattern
from consumer.domain.redaction.detectors.values import QUOTED, anything, is_literal
from consumer.domain.redaction.placeholders import SecretKind

_USER = r"(?:\"[^\"\r\n]{0,100}\"|'[^'\r\n]{0,100}'|[^,()\s]{1,80})"
_ENCODED = pattern(
    r"(?:powershell|pwsh)(?:\.exe)?[^\r\n]{0,200}?[ ][-/]e[a-z]{0,14}[ ]++[\"']?(?P<s>[A-Za-z0-9+/]{16,40000}+={0,2})"
)
LONGEST_ENCODED = 32_768
"""Characters. A longer encoded command is not decoded; Windows takes no longer command line."""


def _encoded(text: str, at: int) -> Iterable[TextSpan]:
    match = _ENCODED.match(text, at)
    return NOTHING if match is None or len(match["s"]) > LONGEST_ENCODED else (match.span("s"),)


def _command(encoded: str) -> str | None:
    try:
        return b64decode(encoded + "=" * (-len(encoded) % 4)).decode("utf-16-le")
    except (Error, ValueError):
        return None


RULES: tuple[Detector, ...] = (
    Detector(
        family=Family.POWERSHELL, kind=SecretKind.PASSWORD, anchors=("convertto-securestring",),
        look=after(r"convertto-securestring(?:[ ]++-(?:asplaintext|force)){0,4}(?:[ ]++-string\b)?(?:[ ]++|:)(?=[^-])", anything),
    ),
    Detector(
        family=Family.POWERSHELL, kind=SecretKind.PASSWORD, anchors=("convertto-securestring",),
        look=before(r"(?P<q>[\"'])(?P<s>[^\"'\r\n]{1,120})(?P=q)[ ]{0,4}\|[ ]{0,4}", lambda value: not value.is_impossible),
    ),
    Detector(
        family=Family.POWERSHELL, kind=SecretKind.PASSWORD, anchors=("networkcredential", "pscredential"),
        look=after(
            rf"(?:network|ps)credential[\"'\]]{{0,2}}(?:::new|[ ]++-argumentlist)?\s{{0,4}}\(?\s{{0,4}}{_USER}\s{{0,4}},\s{{0,4}}",
            is_literal, QUOTED,
        ),
    ),
    Detector(
        family=Family.POWERSHELL, kind=SecretKind.PASSWORD, anchors=("powershell", "pwsh"), telling=False, far=True,
        look=_encoded, decoded=_command,  # all of the command is replaced and lost
    ),
)  # fmt: skip
