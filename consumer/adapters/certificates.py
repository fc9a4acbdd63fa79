"""The check of certificates: of the servers, as they show them, and of this service's files. It sends no password.

The standard library tells when a certificate ends only where it was verified as a server's. So the end is read from the
certificate itself: the second of two times that stand in one sequence of a fixed place (RFC 5280, 4.1).
"""

import asyncio
import ssl
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from consumer.flows.operation.checkup import Finding, broken, doubtful, sound

SOON_DAYS = 21.0
"""A certificate that ends sooner is told: it takes people a while to get a new one."""
_SECONDS = 3.0
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_ASKS_FOR_TLS = struct.pack(">ii", 8, 80_877_103)
_SEQUENCE, _UTC_TIME, _VERSION = 0x30, 0x17, 0xA0


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsServer:
    """A server that is asked for its certificate. `postgres`: it has to be asked for TLS first, in PostgreSQL's way."""

    title: str
    host: str
    port: int
    postgres: bool = False


class CertificatesCheck:
    """How long the certificates last. Whether they are trusted, the check of each server says."""

    name = "certificates"
    after: str | None = None

    def __init__(
        self, *, servers: Sequence[TlsServer], files: Sequence[tuple[str, str]], now: Callable[[], datetime]
    ) -> None:
        """`files` are paths, each with the setting that names it."""
        self._servers = servers
        self._files = files
        self._now = now

    async def findings(self) -> Sequence[Finding]:
        if not self._servers and not self._files:
            return [sound("no connection to a server uses TLS, so that there is none")]
        shown = await asyncio.gather(*(_shown_by(server) for server in self._servers))
        ends = [
            (f"{server.title} at {server.host}:{server.port}", end_of(certificate))
            for server, certificate in zip(self._servers, shown, strict=True)
            if certificate is not None
        ]
        for setting, path in self._files:
            ends += [(f"{path} ({setting})", end_of(certificate)) for certificate in certificates_in(path)]
        findings = [*self._ending(ends)]
        if not findings and ends:
            what, first = min(ends, key=lambda each: each[1])
            findings.append(sound(f"all {len(ends)} are valid; the first to end, on {first:%Y-%m-%d}, is {what}"))
        return findings or [doubtful("none was seen; see the checks of the servers")]

    def _ending(self, ends: Iterable[tuple[str, datetime]]) -> Iterator[Finding]:
        for what, end in ends:
            days = (end - self._now()).total_seconds() / 86_400
            if days < 0:
                yield broken(f"the certificate of {what} ended on {end:%Y-%m-%d %H:%M} UTC", "replace it")
            elif days < SOON_DAYS:
                yield doubtful(f"the certificate of {what} ends in {days:.0f} days, on {end:%Y-%m-%d}", "replace it")


async def _shown_by(server: TlsServer) -> bytes | None:
    """The server's certificate, also one that nobody trusts; None where there is none to be seen."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is only looked at; nothing is sent
    writer = None
    try:
        async with asyncio.timeout(_SECONDS):
            if not server.postgres:
                _, writer = await asyncio.open_connection(server.host, server.port, ssl=context)
            else:
                reader, writer = await asyncio.open_connection(server.host, server.port)
                writer.write(_ASKS_FOR_TLS)
                if await reader.readexactly(1) != b"S":
                    return None
                await writer.start_tls(context)
        certificate: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    except (OSError, TimeoutError, EOFError):
        return None
    else:
        return certificate
    finally:
        if writer is not None:
            writer.transport.abort()


def certificates_in(path: str) -> list[bytes]:
    """Those of a PEM file; none of a file that cannot be read, which its own check tells."""
    try:
        text = Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    parts = (part.partition(_END)[0] for part in text.split(_BEGIN)[1:])
    return [ssl.PEM_cert_to_DER_cert(f"{_BEGIN}{part}{_END}") for part in parts]


def end_of(certificate: bytes) -> datetime:
    """The moment after which it counts no more. Raises ValueError for what is no certificate."""
    try:
        _, signed, _ = _next(_next(certificate)[1])
        kind, _, rest = _next(signed)
        fields = rest if kind == _VERSION else signed
        for _ in ("serial number", "algorithm", "issuer"):
            fields = _next(fields)[2]
        kind, times, _ = _next(fields)
        _, _, after = _next(times)
        written, text, _ = _next(after)
    except (IndexError, struct.error):
        raise ValueError("it is no certificate") from None
    if kind != _SEQUENCE:
        raise ValueError("it is no certificate")
    digits = text.decode("ascii").rstrip("Z")
    if written == _UTC_TIME:  # two digits of the year, as RFC 5280 reads them
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _next(data: bytes) -> tuple[int, bytes, bytes]:
    """Kind and content of the first element (DER), and what follows it."""
    length, begin = data[1], 2
    if length & 0x80:
        size = length & 0x7F
        length, begin = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
    return data[0], data[begin : begin + length], data[begin + length :]
