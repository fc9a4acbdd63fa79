"""Private keys: armoured blocks, on several lines or escaped in JSON, and PuTTY's own format."""

from collections.abc import Iterable

from consumer.domain.redaction.detectors.rule import NOTHING, Detector, Family, TextSpan, pattern, shape
from consumer.domain.redaction.placeholders import SecretKind

LONGEST_BLOCK = 65_536
"""Characters between BEGIN and END; an RSA key of 16,384 bits has 12,700."""
_BEGIN = pattern(
    r"PRIVATE[ ]KEY(?:[ ]BLOCK)?-----(?:\\r|\\n|\s){0,8}"
    r"(?:(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset):[^\r\n\\]{0,200}(?:\\r|\\n|\s){1,8}){0,6}"
)
_BODY = pattern(r"(?:[A-Za-z0-9+/=]|\\[rn]|\\\\[rn]|[ \t]?[\r\n][ \t]{0,8}){8,65536}")


def _armoured(text: str, at: int) -> Iterable[TextSpan]:
    """The block up to END. Without END, as far as the text reads like base64."""
    begin = _BEGIN.match(text, at)
    if begin is None or text[max(0, at - 40) : at].rfind("-----BEGIN ") < 0:
        return NOTHING
    start = begin.end()
    stop = text.find("-----END", start, start + LONGEST_BLOCK)
    if stop < 0:
        body = _BODY.match(text, start)
        stop = body.end() if body else start
    while stop > start and (text[stop - 1].isspace() or text[stop - 2 : stop] in {"\\n", "\\r"}):
        stop -= 1 if text[stop - 1].isspace() else 2
    while stop > start and text[stop - 1] == "\\":
        stop -= 1
    if stop <= start or text.startswith("[REDACTED:", start):
        return NOTHING
    return ((start, stop),)


RULES: tuple[Detector, ...] = (
    Detector(family=Family.KEYS, kind=SecretKind.KEY, anchors=("private key-----", "private key block-----"), look=_armoured, far=True),
    Detector(
        family=Family.KEYS, kind=SecretKind.KEY, anchors=("private-lines:",), far=True,
        look=shape(r"private-lines:[ ]?[0-9]{1,4}\s{1,4}(?P<s>[A-Za-z0-9+/=]{8,256}(?:\r?\n[A-Za-z0-9+/=]{1,256}(?![\w:-])){0,200})"),
    ),
)  # fmt: skip
