"""Tokens in headers, URLs and JSON, seeds of authenticators, and what a mail server asks for in base64."""

from base64 import b64decode
from binascii import Error
from collections.abc import Iterable

from consumer.domain.redaction.detectors.rule import (
    NOTHING,
    Detector,
    Family,
    TextSpan,
    after,
    pattern,
    shape,
    value_after,
)
from consumer.domain.redaction.detectors.values import Value, opaque, opaque_and_long
from consumer.domain.redaction.placeholders import SecretKind

_COOKIE = pattern(r"cookie:[ \t]*+(?=[^\s=;]{1,80}=)")
_CRUMB = pattern(r"[^\s=;,]{1,80}=")
_MOST_CRUMBS = 50
_NEXT_CRUMB = pattern(r";[ \t]*+(?=[^\s=;]{1,80}=)")


def _basic(value: Value) -> bool:
    """Whether the value is base64 of ``user:password``."""
    itself = value.itself.rstrip("=")
    if len(itself) < 6 or not itself.isascii():
        return False
    try:
        return b":" in b64decode(itself + "=" * (-len(itself) % 4), validate=True)
    except (Error, ValueError):
        return False


def _cookies(text: str, at: int) -> Iterable[TextSpan]:
    header = _COOKIE.match(text, at)
    if header is None:
        return NOTHING
    spans: list[TextSpan] = []
    place = header.end()
    for _ in range(_MOST_CRUMBS):
        name = _CRUMB.match(text, place)
        if name is None:
            break
        spans += value_after(text, name.end(), lambda value: opaque(value) and len(value.itself) >= 12)
        following = _NEXT_CRUMB.search(text, name.end(), name.end() + 4096)
        if following is None or "\n" in text[name.end() : following.start()]:
            break
        place = following.end()
    return spans


RULES: tuple[Detector, ...] = (
    Detector(
        family=Family.TOKENS, kind=SecretKind.TOKEN, anchors=("eyJ",), far=True,
        look=shape(r"(?<![A-Za-z0-9_-])eyJ[\w-]{4,8192}\.[\w-]{4,8192}(?:\.[\w-]{1,8192}){0,3}\.?", case=True),
    ),
    Detector(
        family=Family.TOKENS, kind=SecretKind.TOKEN, anchors=("bearer",),
        look=after(r"bearer(?:[ \t]++|:[ \t]++)(?:token[ \t:=]++)?[\"']?", opaque_and_long),
    ),
    Detector(
        family=Family.TOKENS, kind=SecretKind.PASSWORD, anchors=("basic",),
        look=after(r"(?<![a-z])basic[ \t]++", _basic, pattern(r"(?P<coded>[A-Za-z0-9+/]{6,512}={0,2})(?![\w+/=])")),
    ),
    Detector(
        family=Family.TOKENS, kind=SecretKind.TOKEN, anchors=("authorization:",),
        look=after(r"authorization:[ \t]*+(?:[a-z][\w-]{1,20}[ \t]++)?(?:token=)?", opaque),
    ),
    Detector(family=Family.TOKENS, kind=SecretKind.TOKEN, anchors=("cookie:",), look=_cookies, far=True, looks=_MOST_CRUMBS),
    Detector(
        family=Family.TOKENS, kind=SecretKind.PASSWORD, anchors=("auth\"",),
        look=after(r"auth\"\s{0,4}:\s{0,4}\"", _basic, pattern(r"(?P<coded>[A-Za-z0-9+/]{6,512}={0,2})(?=\")")),
    ),
    Detector(
        family=Family.TOKENS, kind=SecretKind.PASSWORD, anchors=("UGFzc3dvcmQ6",),  # a mail server asks for the password
        look=shape(r"UGFzc3dvcmQ6[ \t]{0,4}\r?\n[^A-Za-z0-9\r\n]{0,6}(?:C:[ ])?(?P<s>[A-Za-z0-9+/]{4,200}={0,2})(?![\w+/=])", case=True),
    ),
    # Groups of four as an authenticator shows them; in lower case English words must not be taken for them.
    Detector(
        family=Family.TOKENS, kind=SecretKind.KEY, anchors=("authenticator", "totp", "2fa", "mfa", "setup key", "secret key"),
        look=shape(
            r"[a-z0-9 ]{3,13}[^\r\n:]{0,60}?:[ ]{0,2}(?P<s>(?=[a-z2-7 ]{0,60}[2-7])(?=[2-7 ]{0,60}[a-z])(?:[a-z2-7]{4}[ ]){3,15}[a-z2-7]{4})(?!\w)"
        ),
    ),
    Detector(
        family=Family.TOKENS, kind=SecretKind.KEY, anchors=("seed", "secret key", "setup key", "otpauth", "totp"),
        look=shape(
            r"(?:(?:mfa|totp|otp)?[ ]?seed|(?:secret|setup)[ ]key|totp)(?:/secret[ ]key)?[ ]*+(?:[:=]|is)[ ]*+"
            r"(?P<s>(?-i:(?:[A-Z2-7]{4}[ -]?){3,16}[A-Z2-7]{4}|(?=[a-z2-7 -]{0,80}[2-7])(?:[a-z2-7]{4}[ -]?){3,16}[a-z2-7]{4}))(?!\w)"
        ),
    ),
)  # fmt: skip
