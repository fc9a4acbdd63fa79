"""PostgreSQL's own TLS: verified, by password and by certificate, and certificates that are replaced meanwhile."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from consumer.adapters.embedded.watchdog import Watchdog
from consumer.adapters.postgres.core.pool import closing_pool
from tests.support.certificates import Authority
from tests.support.databases import connected
from tests.support.tls_postgres import TlsPostgres, binaries

pytestmark = pytest.mark.long

Place = tuple[TlsPostgres, Authority, Path]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tls-postgres-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
async def place(folder: Path) -> AsyncIterator[Place]:
    binaries()
    watchdog = Watchdog()
    authority = Authority(folder / "certificates")
    server = TlsPostgres(folder / "server", watchdog, authority)
    await server.start()
    try:
        async with connected(server.dsn) as administrator:
            await administrator.execute("CREATE ROLE by_name LOGIN; CREATE ROLE by_secret LOGIN PASSWORD 'pw'")
        yield server, authority, folder
    finally:
        await server.stop()
        watchdog.close()


def dsn(place: Place, user: str, *, host: str = "127.0.0.1", mode: str = "verify-full", **options: object) -> str:
    server, authority, _ = place
    query = "&".join(f"{name}={value}" for name, value in ({"sslrootcert": authority.certificate} | options).items())
    return f"postgresql://{user}@{host}:{server.port}/postgres?sslmode={mode}&{query}"


async def who(dsn: str) -> str:
    async with closing_pool(dsn, name="test", max_size=1) as pool:
        assert await pool.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        return str(await pool.fetchval("SELECT current_user::text"))


async def test_a_password_over_verified_tls(place: Place) -> None:
    assert await who(dsn(place, "by_secret:pw")) == "by_secret"


async def test_a_certificate_logs_in_by_its_name(place: Place) -> None:
    _, authority, _ = place
    mine, others = authority.issue("by_name"), authority.issue("somebody-else")
    assert await who(dsn(place, "by_name", sslcert=mine.certificate, sslkey=mine.key)) == "by_name"
    for refused in (
        dsn(place, "by_name", sslcert=others.certificate, sslkey=others.key),
        dsn(place, "by_name"),
        dsn(place, "by_secret:wrong"),
        dsn(place, "by_secret:pw", mode="disable"),
    ):
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await who(refused)


async def test_another_authority_and_another_name_are_refused(place: Place, folder: Path) -> None:
    elsewhere = Authority(folder / "elsewhere")
    for refused in (
        dsn(place, "by_secret:pw", sslrootcert=elsewhere.certificate),
        dsn(place, "by_secret:pw", host="localhost"),
    ):
        with pytest.raises(OSError, match="certificate verify failed"):
            await who(refused)


async def test_certificates_are_replaced_under_a_pool(place: Place, folder: Path) -> None:
    """The server comes back with another authority's; the files that the URL names are replaced."""
    server, authority, _ = place
    mine = authority.issue("by_name")
    async with closing_pool(
        dsn(place, "by_name", sslcert=mine.certificate, sslkey=mine.key), name="test", max_size=1
    ) as pool:
        assert await pool.fetchval("SELECT current_user::text") == "by_name"
        later = Authority(folder / "later")
        server.take(later)
        await server.stop()
        await server.start()
        renewed = later.issue("by_name")
        for fresh, file in (
            (later.certificate, authority.certificate), (renewed.certificate, mine.certificate), (renewed.key, mine.key)
        ):  # fmt: skip
            fresh.replace(file)
        await pool.expire_connections()
        assert await pool.fetchval("SELECT current_user::text") == "by_name"
