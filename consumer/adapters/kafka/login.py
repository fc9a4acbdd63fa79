"""How a client proves itself to the brokers, and they to it: certificates, passwords and tokens, anew each time.

Hazard: aiokafka keeps what a client was made with, and makes connections anew for as long as the client lives. So what
it keeps here is asked again by the code that makes a connection: the context of TLS, the encoding of a password for
SCRAM, and the provider of tokens. For PLAIN there is nothing to ask: a new password counts from the next client on.
"""

import asyncio
import base64
import binascii
import contextlib
import json
import os
import re
import signal
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError

LONGEST_TOKEN_BYTES = 65_536
EARLY_SECONDS = 30.0
"""A token that expires sooner is not used any more: a connection is to live for a while."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")

log = structlog.stdlib.get_logger("escalation.kafka")

Secret = Callable[[], str | None]
"""The secret as it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Whom to trust (None: the system's authorities), and this service's own certificate with its key, if any."""

    authorities: str | None
    certificate: str | None
    key: str | None

    def stamps(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(map(_stamp, (self.authorities, self.certificate, self.key)))

    def context(self, key_password: Secret) -> ssl.SSLContext:
        """Verifies the certificate and the host name. Raises OSError, which SSLError is."""
        context = ssl.create_default_context(cafile=self.authorities)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key, password=lambda: key_password() or "")
        return context


def _stamp(path: str | None) -> tuple[int, int, int] | None:
    try:
        state = os.stat(path or "")  # noqa: PTH116 - None is no path
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


class RenewedContext(ssl.SSLContext):
    """Stands for a context that is made again when a file has changed. asyncio asks it once for each connection.

    Files that do not fit together (one is replaced already, the other is not) change nothing: the last context counts.
    """

    _files: TlsFiles
    _key_password: Secret
    _made: ssl.SSLContext
    _of: object

    @classmethod
    def of(cls, files: TlsFiles, key_password: Secret) -> "RenewedContext":
        renewed = cls(ssl.PROTOCOL_TLS_CLIENT)
        renewed._files, renewed._key_password = files, key_password
        renewed._of, renewed._made = files.stamps(), files.context(key_password)
        return renewed

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        return self.current().wrap_bio(*arguments, **options)

    def current(self) -> ssl.SSLContext:
        stamps = self._files.stamps()
        if stamps != self._of:
            self._of = stamps
            try:
                self._made = self._files.context(self._key_password)
            except OSError as error:
                log.warning(
                    "A file of a secret cannot be used: what it held before counts on.",
                    event_name="secret_file_unusable",
                    variable="ESCALATION_KAFKA_SSL_CERTFILE",
                    error=getattr(error, "reason", None) or error.strerror or type(error).__name__,
                )
        return self._made


class RenewedPassword(str):
    """The password as it was when the client was made; SCRAM encodes it for each connection, as it is then."""

    __slots__ = ("_secret",)
    _secret: Secret

    @classmethod
    def of(cls, secret: Secret) -> "RenewedPassword":
        made = cls(secret() or "")
        made._secret = secret
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return (self._secret() or "").encode(encoding, errors)


class NoToken(KafkaError):  # type: ignore[misc]  # it ships no types
    """There is no token to log in with."""

    @property
    def reason(self) -> str:
        """It never quotes what was read."""
        return str(self.args[0])


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # it ships no types
    """The token for OAUTHBEARER, from a file or a command. aiokafka asks for it at each connection.

    Brokers end a connection when its token expires, and the client makes it again. A token of a command is kept until
    shortly before it expires; one that does not tell when it expires is not kept.
    """

    def __init__(
        self, *, held: Secret, command: tuple[str, ...], seconds: float, clock: Callable[[], float] = time.time
    ) -> None:
        """Without a `command` the token is what `held` gives. A command is ended after so many `seconds`."""
        self._held = held
        self._command = command
        self._seconds = seconds
        self._clock = clock
        self._kept: tuple[str, float] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._said = ""

    async def token(self) -> str:
        """Raises NoToken."""
        try:
            async with self._one_at_a_time:
                token = await self._token()
        except NoToken as error:
            if error.reason != self._said:
                self._said = error.reason
                log.error(  # noqa: TRY400 - the sentence says it all
                    "There is no token for Kafka.", event_name="no_kafka_token", error=self._said
                )
            raise
        self._said = ""
        return token

    async def _token(self) -> str:
        now = self._clock()
        if not self._command:
            token, expires_at = _read(self._held() or "", now)
            if expires_at is not None and expires_at <= now:
                raise NoToken(
                    f"the file of ESCALATION_KAFKA_OAUTH_TOKEN holds a token that expired at {_moment(expires_at)}"
                )
            return token
        if self._kept is not None and now < self._kept[1]:
            return self._kept[0]
        token, expires_at = _read(await self._printed(), now)
        if expires_at is not None and expires_at <= now:
            raise NoToken(f"ESCALATION_KAFKA_OAUTH_COMMAND printed a token that expired at {_moment(expires_at)}")
        if expires_at is not None:
            early = min(EARLY_SECONDS, (expires_at - now) / 2)
            self._kept = token, expires_at - early
        return token

    async def _printed(self) -> str:
        """What the command writes to its standard output. It and its children are ended when they take too long."""
        name = "ESCALATION_KAFKA_OAUTH_COMMAND"
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # it may hold a secret
                start_new_session=True,
            )
        except OSError as error:
            raise NoToken(f"{name} cannot be run: {error.strerror}") from None
        try:
            async with asyncio.timeout(self._seconds):
                assert process.stdout is not None  # noqa: S101 - it was asked for
                text = await _all_of(process.stdout)
                code = await process.wait()
        except TimeoutError:
            raise NoToken(f"{name} has not ended within {self._seconds:g} s, and was ended") from None
        finally:
            await _end(process)
        if code != 0:
            raise NoToken(f"{name} ended with code {code}; run it by hand to see why")
        return text


async def _all_of(stream: asyncio.StreamReader) -> str:
    """Raises NoToken for more than a token can be: a command that prints for ever is not waited for."""
    text = bytearray()
    while piece := await stream.read(LONGEST_TOKEN_BYTES):
        text += piece
        if len(text) > LONGEST_TOKEN_BYTES:
            raise NoToken("ESCALATION_KAFKA_OAUTH_COMMAND printed more than 64 KiB, which is no token")
    return text.decode("utf-8", "replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leaves nothing of it running, also when the waiting was cancelled."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(process.wait())


def _read(text: str, now: float) -> tuple[str, float | None]:
    """The token, and when it expires as far as it tells. Raises NoToken for what no header may hold."""
    token, expires_at = text.strip(), None
    if token.startswith("{"):
        try:
            answer = json.loads(token)
            token, lifetime = str(answer["access_token"]), answer.get("expires_in")
            expires_at = None if lifetime is None else now + float(lifetime)
        except (ValueError, KeyError, TypeError):
            raise NoToken("the JSON of the token has no `access_token`, or no number in `expires_in`") from None
    if not _TOKEN.fullmatch(token):
        raise NoToken("the text that was read is no token: it is empty, or has signs that no token has")
    return token, expires_at or _expiry(token)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _expiry(token: str) -> float | None:
    """The `exp` of a JSON web token; None for any other. The brokers verify it, this only foretells."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None
