"""PgBouncer in transaction mode before a database, where the machine has it."""

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import pytest

from consumer.adapters.embedded import account, ports
from tests.support.waiting import until

POOL_SIZE = 4
_CONFIGURATION = """
[databases]
* = host={host} port={port} user={user} {password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 200
server_login_retry = 1
logfile = {folder}/pgbouncer.log
"""


class PgBouncer:
    """Its `async with` block starts and ends it. Skips the test where there is no `pgbouncer` to run."""

    def __init__(self, dsn: str) -> None:
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        if program is None:
            pytest.skip("there is no pgbouncer on this machine")
        self._program = program
        self._server = urlsplit(dsn)
        self._port = ports.free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))

    def before(self, dsn: str) -> str:
        """The URL of that database of the server, by way of the pooler."""
        parts = urlsplit(dsn)
        user, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{user}{at}127.0.0.1:{self._port}").geturl()

    async def __aenter__(self) -> Self:
        server = self._server
        (self._folder / "pgbouncer.ini").write_text(
            _CONFIGURATION.format(
                host=server.hostname,
                port=server.port,
                user=server.username,
                password=f"password={server.password}" if server.password else "",
                listen_port=self._port,
                pool_size=POOL_SIZE,
                folder=self._folder,
            )
        )
        if (unprivileged := account.needed()) is not None:
            unprivileged.own(self._folder)
        await self.start()
        return self

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
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        writer.close()
        return True
