"""PostgreSQL with TLS of its own, where the machine has one: the wheel's is built without."""

import asyncio
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from consumer.adapters.embedded import account, ports
from consumer.adapters.embedded.process import Command, Server
from consumer.adapters.embedded.watchdog import Watchdog
from tests.support.certificates import Authority

_RULES = """
host    all postgres   127.0.0.1/32 trust
hostssl all by_name    127.0.0.1/32 cert
hostssl all by_secret  127.0.0.1/32 scram-sha-256
"""
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
ssl = on
ssl_ca_file = 'authority.pem'
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
password_encryption = 'scram-sha-256'
"""


def binaries() -> Path:
    """Skips the test where there is none with TLS."""
    for program in (*map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_config")), shutil.which("pg_config") or ""):
        if program and (Path(program).parent / "initdb").exists():
            done = subprocess.run([program, "--configure"], capture_output=True, text=True, check=False)
            if "--with-openssl" in done.stdout or "--with-ssl" in done.stdout:
                return Path(program).parent
    pytest.skip("there is no PostgreSQL with TLS on this machine")


class TlsPostgres(Server):
    """`by_name` logs in by a certificate of that name, `by_secret` by a password; both need TLS."""

    title = "PostgreSQL with TLS"
    stop_signal = signal.SIGINT

    def __init__(self, folder: Path, watchdog: Watchdog, authority: Authority) -> None:
        super().__init__(folder, watchdog)
        self._authority = authority

    @property
    def dsn(self) -> str:
        """Of the administrator."""
        return f"postgresql://postgres@{ports.LOOPBACK}:{self.port}/postgres"

    def take(self, authority: Authority) -> None:
        """Its certificates are of this authority, from its next start on."""
        self._authority = authority

    async def _lay_out(self) -> Command:
        unprivileged = account.needed()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if unprivileged is not None:
            unprivileged.own(self.folder)
        programs = binaries()
        if not (self.folder / "PG_VERSION").exists():
            await asyncio.to_thread(self._initialise, programs, unprivileged)
        issued = self._authority.issue("server")
        for source, name in (
            (self._authority.certificate, "authority.pem"),
            (issued.certificate, "server.crt"),
            (issued.key, "server.key"),
        ):
            shutil.copy(source, self.folder / name)
            (self.folder / name).chmod(0o600)
            if unprivileged is not None:
                shutil.chown(self.folder / name, unprivileged.uid, unprivileged.gid)
        return Command(
            arguments=(str(programs / "postgres"), "-D", str(self.folder), "-p", str(self.port)),
            folder=self.folder,
            ready_line=b"database system is ready to accept connections",
            environment={"LC_ALL": "C"},
            account=unprivileged,
        )

    def _initialise(self, programs: Path, unprivileged: account.Account | None) -> None:
        subprocess.run(
            [programs / "initdb", f"--pgdata={self.folder}", "--username=postgres", "--auth=trust", "--encoding=UTF8"],
            env={"LC_ALL": "C"},
            cwd=self.folder,
            user=unprivileged.uid if unprivileged else None,
            group=unprivileged.gid if unprivileged else None,
            extra_groups=() if unprivileged else None,
            capture_output=True,
            check=True,
        )
        (self.folder / "pg_hba.conf").write_text(_RULES)
        with (self.folder / "postgresql.conf").open("a") as file:
            file.write(_CONFIGURATION)
