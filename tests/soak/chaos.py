"""Carries out the faults of a storm at their times. Returns when everything is healed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import redis.asyncio as redis
from redis.exceptions import RedisError

from consumer.adapters.embedded import EmbeddedError
from tests.soak.deeds import Deeds
from tests.soak.figures import Figures
from tests.soak.fleet import Fleet
from tests.soak.moods import Moods
from tests.soak.plan import MENU, Fault, FaultKind, Thing
from tests.support.servers import Server, TestServers

_STARTS = 4
"""How often a server that is slow to come back is started."""
_JUMPS = (3600, -3600, 86_400, -300)

Act = Callable[[Fault], Awaitable[None]]


class Chaos:
    """One storm at a time."""

    def __init__(self, servers: TestServers, fleet: Fleet, moods: Moods, deeds: Deeds, figures: Figures) -> None:
        self._servers = servers
        self._fleet = fleet
        self._moods = moods
        self._deeds = deeds
        self._figures = figures
        self._held: dict[tuple[Thing, int], asyncio.Lock] = {}
        self._doing: set[asyncio.Task[None]] = set()

    async def blow(self, faults: tuple[Fault, ...], *, seconds: float) -> None:
        """Lasts as long as the storm, and until its last fault is healed."""
        begun = time.monotonic()
        running = [asyncio.create_task(self._one_fault(fault, begun), name="fault") for fault in faults]
        try:
            await asyncio.sleep(seconds)
        finally:
            results = await asyncio.gather(*running, return_exceptions=True)
        self._figures.complaints += [f"a fault failed: {each!r}" for each in results if isinstance(each, Exception)]
        await self._all_well()

    async def _one_fault(self, fault: Fault, begun: float) -> None:
        await asyncio.sleep(max(0.0, begun + fault.at - time.monotonic()))
        if MENU[fault.kind].thing is Thing.NOTHING:
            self._figures.faults[fault.kind] += 1
            await self._deeds.do(fault.kind, fault.lot)
            return
        async with self._held.setdefault(fault.held, asyncio.Lock()):
            self._figures.faults[fault.kind] += 1
            await self._begin(fault)
            await asyncio.sleep(max(0.0, begun + fault.healed_at - time.monotonic()))
            await self._heal(fault)

    async def _begin(self, fault: Fault) -> None:
        match MENU[fault.kind].thing:
            case Thing.REPLICA | Thing.EXTRA:
                await self._hit_replica(fault)
            case Thing.CLOCK:
                if self._fleet.clock is not None:
                    self._fleet.clock.jump(_JUMPS[fault.lot % len(_JUMPS)])
            case Thing.MODEL:
                self._moods.spoil(fault.kind, fault.lot)
            case Thing.READER:
                self._moods.spoil_reader(fault.lot)
            case Thing.REDIS if fault.kind is FaultKind.FLUSH_REDIS:
                await self._flush()
            case _:
                await self._hit_server(fault)

    async def _heal(self, fault: Fault) -> None:
        match MENU[fault.kind].thing:
            case Thing.REPLICA if fault.kind is FaultKind.FREEZE_REPLICA:
                process = self._fleet.replicas[fault.target]
                if process.running:
                    process.resume()
            case Thing.REPLICA:
                self._fleet.start(fault.target)
            case Thing.EXTRA:
                await self._fleet.end_extra()
            case Thing.CLOCK:
                if self._fleet.clock is not None:
                    self._fleet.clock.jump(0)
            case Thing.MODEL:
                self._moods.calm()
            case Thing.READER:
                self._moods.calm_reader()
            case _:
                await self._start(self._server(fault))

    async def _hit_replica(self, fault: Fault) -> None:
        match fault.kind:
            case FaultKind.KILL_REPLICA:
                await self._fleet.kill(fault.target)
            case FaultKind.END_REPLICA:
                await self._fleet.end(fault.target)
            case FaultKind.FREEZE_REPLICA:
                if self._fleet.replicas[fault.target].running:
                    self._fleet.replicas[fault.target].pause()
            case _:
                self._fleet.start_extra()

    async def _hit_server(self, fault: Fault) -> None:
        server = self._server(fault)
        match fault.kind:
            case FaultKind.KILL_KAFKA | FaultKind.KILL_POSTGRES | FaultKind.KILL_REDIS:
                await server.kill()
            case FaultKind.STOP_KAFKA | FaultKind.STOP_POSTGRES:
                await server.stop()
            case _:
                server.pause()

    def _server(self, fault: Fault) -> Server:
        match MENU[fault.kind].thing:
            case Thing.KAFKA:
                return self._servers.kafka
            case Thing.POSTGRES:
                return self._servers.postgres
            case _:
                return self._servers.redis

    async def _start(self, server: Server) -> None:
        """A busy machine may be slow to start it."""
        for attempt in range(_STARTS):
            try:
                await server.start()
            except EmbeddedError:
                if attempt == _STARTS - 1:
                    raise
                await asyncio.sleep(1.0)
            else:
                return

    async def _flush(self) -> None:
        client = redis.from_url(self._servers.redis.url, socket_timeout=2)
        with suppress(RedisError, OSError):
            await client.flushall()
        await client.aclose()

    async def _all_well(self) -> None:
        self._moods.calm()
        self._moods.calm_reader()
        for server in (self._servers.kafka, self._servers.postgres, self._servers.redis):
            await self._start(server)
        self._fleet.look()
