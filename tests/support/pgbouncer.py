"""PgBouncer in transaction mode before a database, where the machine has it; with TLS on both sides and SCRAM, too."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import pytest

from consumer.adapters.embedded import account, ports
from tests.support.certificates import Issued
from tests.support.waiting import until

POOL_SIZE = 4
_CONFIGURATION = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 200
server_login_retry = 1
logfile = {folder}/pgbouncer.log
{doors}
"""
_OPEN = "auth_type = any"
_LOCKED = """
auth_type = scram-sha-256
auth_file = {folder}/users
client_tls_sslmode = require
client_tls_cert_file = {folder}/own.crt
client_tls_key_file = {folder}/own.key
server_tls_sslmode = verify-full
server_tls_ca_file = {folder}/authority.pem
"""


@dataclass(slots=True, kw_only=True)
class PoolerLocks:
    """Who may come in, by SCRAM and TLS alone; and by whose certificate the server is known, at its own TLS door."""

    own: Issued
    authority: Path
    server_port: int
    passwords: dict[str, str] = field(default_factory=dict)
    """Of each role. It logs in to the server with the same."""


class PgBouncer:
    """Its `async with` block starts and ends it. Skips the test where there is no `pgbouncer` to run."""

    def __init__(self, dsn: str, locks: PoolerLocks | None = None) -> None:
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        if program is None:
            pytest.skip("there is no pgbouncer on this machine")
        self._program = program
        self._server = urlsplit(dsn)
        self._locks = locks
        self.port = ports.free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))

    def before(self, dsn: str) -> str:
        """The URL of that database of the server, by way of the pooler."""
        parts = urlsplit(dsn)
        user, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{user}{at}127.0.0.1:{self.port}").geturl()

    async def __aenter__(self) -> Self:
        (self._folder / "pgbouncer.ini").write_text(
            _CONFIGURATION.format(
                server=self._to_server(),
                listen_port=self.port,
                pool_size=POOL_SIZE,
                folder=self._folder,
                doors=_OPEN if self._locks is None else self._lock(self._locks),
            )
        )
        if (unprivileged := account.needed()) is not None:
            unprivileged.own(self._folder)
            for file in self._folder.iterdir():
                os.chown(file, unprivileged.uid, unprivileged.gid)
        await self.start()
        return self

    def _to_server(self) -> str:
        if self._locks is not None:
            return f"host=127.0.0.1 port={self._locks.server_port}"
        server = self._server
        password = f" password={server.password}" if server.password else ""
        return f"host={server.hostname} port={server.port} user={server.username}{password}"

    def _lock(self, locks: PoolerLocks) -> str:
        users = "".join(f'"{name}" "{password}"\n' for name, password in locks.passwords.items())
        (self._folder / "users").write_text(users)
        for source, name in (
            (locks.own.certificate, "own.crt"), (locks.own.key, "own.key"), (locks.authority, "authority.pem")
        ):  # fmt: skip
            shutil.copy(source, self._folder / name)
        return _LOCKED.format(folder=self._folder)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def start(self) -> None:
        self._launch()
        await until(self._listens, within_seconds=10)

    def _launch(self) -> None:
        unprivileged = account.needed()  # it refuses to run as root
        self._process = subprocess.Popen(
            [self._program, str(self._folder / "pgbouncer.ini")],
            user=unprivileged.uid if unprivileged else None,
            group=unprivileged.gid if unprivileged else None,
            extra_groups=() if unprivileged else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True
