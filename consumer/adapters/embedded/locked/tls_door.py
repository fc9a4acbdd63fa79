"""TLS before a server that was built without: a process that ends TLS and passes the bytes on.

The wheels of PostgreSQL and Redis hold no TLS. What a client sees of this door is what it sees of a server with TLS:
certificate, refusal of plain text, and PostgreSQL's request for TLS.
"""

import sys
from pathlib import Path

from consumer.adapters.embedded.locked import passing_on
from consumer.adapters.embedded.locked.locks import Locks
from consumer.adapters.embedded.process import Command, Server
from consumer.adapters.embedded.watchdog import Watchdog


class TlsDoor(Server):
    """The door of one server. Its `port` speaks TLS; `postgres` says that clients ask for TLS in PostgreSQL's way."""

    def __init__(self, server: Server, watchdog: Watchdog, locks: Locks, *, postgres: bool = False) -> None:
        super().__init__(server.folder.with_name(f"{server.folder.name}-door"), watchdog)
        self.title = f"The door of {server.title}"
        self._server = server
        self._locks = locks
        self._postgres = postgres

    async def _lay_out(self) -> Command:
        self.folder.mkdir(parents=True, exist_ok=True)
        return Command(
            arguments=(
                *(sys.executable, passing_on.__file__, str(self.port), str(self._server.port)),
                *(str(self._locks.certificate), *(("--postgres",) if self._postgres else ())),
            ),
            folder=Path.cwd(),
            ready_line=passing_on.READY.encode(),
            environment={"LC_ALL": "C"},
        )
