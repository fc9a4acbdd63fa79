"""LISTEN as a hint that there may be work. No guarantee depends on hints: every loop also polls."""

import asyncio
import contextlib

import structlog

from consumer.adapters.postgres.core.connecting import Connector, Dsn
from consumer.adapters.postgres.core.faults import AWAY
from consumer.flows.pacing import rest

DUE = "escalation_due"
OUTBOX = "escalation_outbox"
FORGET = "escalation_forget"
CHANNELS = (DUE, OUTBOX, FORGET)
_PROBE_SECONDS = 15.0  # a connection that died silently is noticed within this time
_AGAIN_SECONDS = 2.0

log = structlog.stdlib.get_logger("escalation.postgres")


class Hint:
    """The flag of one channel. A hint that comes while nobody waits is kept for the next waiter."""

    def __init__(self) -> None:
        self._flag = asyncio.Event()

    def give(self) -> None:
        self._flag.set()

    async def wait(self) -> None:
        """Returns when there is a hint, and clears it."""
        await self._flag.wait()
        self._flag.clear()


class Hints:
    """Listens on a connection of its own. `run` returns only after `stop` and survives every loss of the database.

    Behind a pooler that shares its connections there is no LISTEN, because it would stay with one of them: all polls.
    """

    def __init__(self, dsn: Dsn, *, pooled: bool = False) -> None:
        self._connector = Connector(dsn, name="escalation-hints", pooled=pooled)
        self._hints = {channel: Hint() for channel in CHANNELS}

    def on(self, channel: str) -> Hint:
        return self._hints[channel]

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(*AWAY):
                await self._listen(stop)
            await rest(stop, _AGAIN_SECONDS)

    async def _listen(self, stop: asyncio.Event) -> None:
        connection = await self._connector.connect()
        try:
            if connection.behind_pooler:
                connection.terminate()
                log.info(
                    "A pooler stands before PostgreSQL: statements are unnamed, and work is found by polling alone.",
                    event_name="pooler_noticed",
                )
                await stop.wait()
                return
            for channel in self._hints:
                await connection.add_listener(channel, self._on_notify)
            for hint in self._hints.values():
                hint.give()  # stands for the notifications that were sent before we listened
            while not stop.is_set():
                await rest(stop, _PROBE_SECONDS)
                await connection.execute("SELECT 1")
        finally:
            connection.terminate()  # closes at once, also on a dead network; the listeners end with it

    def _on_notify(self, _connection: object, _pid: int, channel: str, _payload: object) -> None:
        self._hints[channel].give()
