"""`doctor` says when a certificate ends, of files and of servers, in time."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from consumer.adapters.certificates import CertificatesCheck, TlsServer, certificates_in, end_of
from consumer.flows.operation.checkup import CheckLevel
from tests.support.certificates import Authority


def checked(*servers: TlsServer, files: tuple[str, ...] = ()) -> CertificatesCheck:
    return CertificatesCheck(
        servers=servers, files=[("SETTING", path) for path in files], now=lambda: datetime.now(UTC)
    )


@pytest.mark.parametrize("days", [-3, 1, 300, 10_000, 40_000])
def test_the_end_is_read_from_the_certificate(tmp_path: Path, days: float) -> None:
    issued = Authority(tmp_path).issue("me", days=days)
    (certificate,) = certificates_in(str(issued.both))
    assert end_of(certificate) == x509.load_der_x509_certificate(certificate).not_valid_after_utc


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_the_authorities_of_this_machine_are_read() -> None:
    context = ssl.create_default_context()
    authorities = context.get_ca_certs(binary_form=True)
    for certificate in authorities:
        assert end_of(certificate) == x509.load_der_x509_certificate(certificate).not_valid_after_utc


@pytest.mark.parametrize("data", [b"", b"\x30\x03\x30\x01\x00", b"no certificate"])
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no certificate"):
        end_of(data)


@pytest.mark.parametrize(
    ("days", "level", "said"),
    [
        (-1, CheckLevel.WRONG, "ended on"),
        (10, CheckLevel.WARNING, "ends in 10 days"),
        (100, CheckLevel.OK, "all 1 are valid"),
    ],
)
async def test_a_file_is_told_before_it_ends(tmp_path: Path, days: float, level: CheckLevel, said: str) -> None:
    issued = Authority(tmp_path).issue("me", days=days + 0.1)
    (finding,) = await checked(files=(str(issued.certificate),)).findings()
    assert (finding.level, said.split(maxsplit=1)[0] in finding.text) == (level, True) or said in finding.text


async def test_what_a_server_shows_is_told(tmp_path: Path) -> None:
    issued = Authority(tmp_path).issue("server", days=5)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(issued.both)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        (finding,) = await checked(TlsServer(title="Kafka", host="127.0.0.1", port=port)).findings()
    assert "Kafka at 127.0.0.1" in finding.text
    assert finding.level is CheckLevel.WARNING
    end = datetime.now(UTC) + timedelta(days=5)
    assert f"{end:%Y-%m-%d}" in finding.text


async def test_a_server_that_is_away_is_told_by_its_own_check() -> None:
    (finding,) = await checked(TlsServer(title="PostgreSQL", host="127.0.0.1", port=1, postgres=True)).findings()
    assert "none was seen" in finding.text
