"""Who may read and who may act.

| listening on | token | reading | acting |
| --- | --- | --- | --- |
| loopback | none | open | refused |
| loopback | set | open | after a sign-in |
| beyond loopback | set | after a sign-in | after a sign-in |
| beyond loopback | none | refused | refused |

Beyond loopback without a token only the console is refused: every page of it answers 403 and names the setting. The
probes and the metrics are served all the same, so that a container on 0.0.0.0 starts without one.

A sign-in is a signed cookie and no row anywhere: every replica with the same token accepts it, for twelve hours, and
another token ends all of them. Signing out makes the browser forget the cookie.
"""

import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from itsdangerous import BadData, URLSafeTimedSerializer
from pydantic import SecretStr

COOKIE = "escalation_console"
SIGNED_IN_SECONDS = 12 * 3600
FORM_SECONDS = SIGNED_IN_SECONDS
NAME_CHARACTERS = 64


class Reading(Enum):
    OPEN = "open"
    SIGNED_IN = "after a sign-in"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who signed in. The name is the one that was given: the token alone is proof, and all operators share it."""

    name: str
    nonce: str
    """Of this sign-in: its forms carry it, signed."""


class Access:
    """The rules of the table above, and the signatures of cookies and forms."""

    def __init__(self, *, host: str, token: SecretStr | None) -> None:
        self.on_loopback = is_loopback(host)
        self.host = host
        self._token = token
        key = secrets.token_bytes(32) if token is None else token.get_secret_value().encode()
        self._cookies = _serializer(key, "escalation console: sign-in")
        self._forms = _serializer(key, "escalation console: form")

    @property
    def reading(self) -> Reading:
        if self.on_loopback:
            return Reading.OPEN
        return Reading.REFUSED if self._token is None else Reading.SIGNED_IN

    @property
    def has_token(self) -> bool:
        """Whether anybody can sign in, and so act."""
        return self._token is not None

    def is_token(self, given: str) -> bool:
        """Takes the same time for every wrong token, of any length."""
        known = self._token.get_secret_value() if self._token is not None else ""
        same = hmac.compare_digest(sha256(given.encode()).digest(), sha256(known.encode()).digest())
        return same and self._token is not None

    def cookie_for(self, name: str) -> str:
        return str(self._cookies.dumps({"name": name, "nonce": secrets.token_urlsafe(12)}))

    def visitor_of(self, cookie: str | None) -> Visitor | None:
        """None without a cookie, with one that expired or that another token signed, and without a token."""
        if not cookie or not self.has_token:
            return None
        try:
            content = self._cookies.loads(cookie, max_age=SIGNED_IN_SECONDS)
            return Visitor(name=str(content["name"]), nonce=str(content["nonce"]))
        except (BadData, KeyError, TypeError):
            return None

    def form_token(self, visitor: Visitor | None) -> str:
        """For a form of this sign-in; without one, for the form that signs in."""
        return str(self._forms.dumps(visitor.nonce if visitor is not None else ""))

    def is_form_token(self, given: str, visitor: Visitor | None) -> bool:
        try:
            nonce = self._forms.loads(given, max_age=FORM_SECONDS)
        except BadData:
            return False
        return hmac.compare_digest(str(nonce), visitor.nonce if visitor is not None else "")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address. Names other than localhost are not looked up: they are far."""
    if host.rstrip(".").lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _serializer(key: bytes, salt: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key, salt=salt, signer_kwargs={"key_derivation": "hmac", "digest_method": sha256})
