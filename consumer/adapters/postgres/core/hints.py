"""LISTEN as a hint: something may have happened. Nothing rests on it; every loop polls anyway."""

import asyncio
import contextlib
from collections.abc import Collection

import asyncpg

from consumer.adapters.postgres.core.faults import AWAY
from consumer.flows.pacing import rest

DUE = "escalation_due"
OUTBOX = "escalation_outbox"
CHANNELS = (DUE, OUTBOX)
_CONNECT_SECONDS = 5.0
_PROBE_SECONDS = 15.0  # a connection that died without a word is found out by then
_AGAIN_SECONDS = 2.0


class Hint:
    """One channel's flag. A hint that came while nobody waited is kept for the next one who does."""

    def __init__(self) -> None:
        self._flag = asyncio.Event()

    def give(self) -> None:
        self._flag.set()

    async def wait(self) -> None:
        """Returns at a hint, and takes it away."""
        await self._flag.wait()
        self._flag.clear()


class Hints:
    """A connection of its own that listens. `run` never ends by itself and survives every loss of the database."""

    def __init__(self, dsn: str, channels: Collection[str] = CHANNELS) -> None:
        self._dsn = dsn
        self._hints = {channel: Hint() for channel in channels}

    def on(self, channel: str) -> Hint:
        return self._hints[channel]

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(*AWAY):
                await self._listen(stop)
            await rest(stop, _AGAIN_SECONDS)

    async def _listen(self, stop: asyncio.Event) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=_CONNECT_SECONDS, command_timeout=_CONNECT_SECONDS)
        try:
            for channel in self._hints:
                await connection.add_listener(channel, self._heard)
            for hint in self._hints.values():
                hint.give()  # what was said before we listened
            while not stop.is_set():
                await rest(stop, _PROBE_SECONDS)
                await connection.execute("SELECT 1")
        finally:
            connection.terminate()  # at once, also when the network is dead; listeners go with it

    def _heard(self, _connection: object, _pid: int, channel: str, _payload: object) -> None:
        self._hints[channel].give()
