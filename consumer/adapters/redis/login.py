"""How a client reaches Redis: user and password, and TLS, as they are when a connection is made.

Hazard: the client loads the system's authorities anew for each connection, in the event loop, which takes longer than a
connection may take: under load no connection by TLS came about. Here all connections of a client share what was loaded.
"""

import contextlib
import os
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import RedisSSLContext, SSLConnection, parse_url
from redis.credentials import CredentialProvider

log = structlog.stdlib.get_logger("escalation.redis")

RedisAddress = str | Callable[[], str | None]
"""The URL, or what gives it as it is now: user and password of it may be replaced at any time."""


class RenewedLogin(CredentialProvider):
    """User and password of a URL, as they are when a connection is made."""

    def __init__(self, url: Callable[[], str | None]) -> None:
        self._url = url

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        parts = urlsplit(self._url() or "")
        password = unquote(parts.password or "")
        return (unquote(parts.username), password) if parts.username else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()


class SharedTls(RedisSSLContext):
    """Loaded once, and again when one of its files has changed; what cannot be loaded then changes nothing."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """`options` are those of a URL that begin with `ssl_`."""
        named: dict[str, Any] = {name.removeprefix("ssl_"): value for name, value in options.items()}
        given: dict[str, Any] = {"cert_reqs": "required", "check_hostname": True, **named}
        super().__init__(**given)
        self._stamps = self._files()
        with contextlib.suppress(OSError):  # a connection meets it again, and says it
            super().get()

    def get(self) -> ssl.SSLContext:
        if (stamps := self._files()) != self._stamps:
            self._stamps, before, self.context = stamps, self.context, None
            try:
                return super().get()
            except OSError as error:
                self.context = before
                log.warning(
                    "A file of a secret cannot be used: what it held before counts on.",
                    event_name="secret_file_unusable",
                    variable="REDIS_URL",
                    error=getattr(error, "reason", None) or error.strerror or type(error).__name__,
                )
        return super().get()

    def _files(self) -> tuple[object, ...]:
        return tuple(map(_stamp, (self.certfile, self.keyfile, self.ca_certs)))


def _stamp(path: str | None) -> object:
    try:
        state = os.stat(path or "")  # noqa: PTH116 - None is no path
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


class SharedTlsConnection(SSLConnection):
    """A connection that loads nothing of its own."""

    def __init__(self, *, tls: SharedTls, **options: Any) -> None:
        super().__init__(**options)
        self.ssl_context = tls


def redis_client(url: RedisAddress, **options: Any) -> "Redis":
    """A client that connects at its first use, and logs in with what the URL holds then. The address stays."""
    first = url if isinstance(url, str) else url() or ""
    parsed = dict(parse_url(first))
    if not isinstance(url, str) and (parsed.pop("username", None), parsed.pop("password", None)) != (None, None):
        parsed["credential_provider"] = RenewedLogin(url)
    if parsed.get("connection_class") is SSLConnection:
        tls = SharedTls({name: parsed.pop(name) for name in list(parsed) if name.startswith("ssl_")})
        parsed |= {"connection_class": SharedTlsConnection, "tls": tls}
    given = {name: value for name, value in options.items() if value is not None}
    return Redis.from_pool(ConnectionPool(**(given | parsed)))
