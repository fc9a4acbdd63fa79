"""One connection through a proxy."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from tests.support.proxies.conversation import Asked, Conversation, Part
from tests.support.proxies.plan import Action, Fault, Ledger

_PIECE = 64 * 1024
_ARRIVAL_SECONDS = 0.05
"""Hazard: a reset may overtake what was written just before it."""


class Severed(ConnectionError):
    """A fault of the plan resets the connection."""


@dataclass(slots=True)
class Pending:
    """A request whose answer has not ended."""

    asked: Asked
    fault: Fault | None = None
    is_copy: bool = False
    """The second copy of a repeated request: its answer is for nobody."""
    held: bytearray = field(default_factory=bytearray)


class Link:
    """Passes bytes both ways until one side ends or a fault severs them."""

    def __init__(
        self,
        conversation: Conversation,
        ledger: Ledger,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._conversation = conversation
        self._ledger = ledger
        self._from_client, self._to_client = client
        self._from_server, self._to_server = server
        self._pending: deque[Pending] = deque()
        self._nothing_held = asyncio.Event()
        self._nothing_held.set()
        self.silent = False
        """Nothing passes any more, and the connection stays open."""

    async def run(self) -> None:
        pumps = {asyncio.create_task(self._requests()), asyncio.create_task(self._answers())}
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            try:
                await self._nothing_held.wait()
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
            finally:  # the proxy may end just then
                self.sever()

    async def _wait(self, seconds: float) -> None:
        """The connection to the server outlives the client until this is over."""
        self._nothing_held.clear()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._nothing_held.set()

    def sever(self) -> None:
        for writer in (self._to_client, self._to_server):
            writer.transport.abort()

    async def _requests(self) -> None:
        while data := await self._from_client.read(_PIECE):
            for asked in self._conversation.asked(data):
                await self._ask(asked)
            await self._to_server.drain()

    async def _ask(self, asked: Asked) -> None:
        if self.silent:
            return
        fault = self._ledger.fault(asked.kind, asked.name) if asked.kind is not None else None
        action = fault.action if fault is not None else None
        if action is Action.CUT:
            raise Severed
        if fault is not None and action is Action.HOLD:
            await self._wait(fault.seconds)
        self._send(asked, Pending(asked, fault))
        if action is Action.HOLD:
            await self._wait(_ARRIVAL_SECONDS)
        if action is Action.REPEAT and self._may_repeat(asked):
            self._send(asked, Pending(asked, is_copy=True))
        if asked.ends is None and action in (Action.LOSE, Action.HALVE):
            raise Severed

    def _send(self, asked: Asked, pending: Pending) -> None:
        if asked.kind is not None and asked.ends is not None:
            self._pending.append(pending)
        self._to_server.write(asked.raw)

    def _may_repeat(self, asked: Asked) -> bool:
        kind = self._ledger.kinds.get(asked.kind or "")
        return kind is not None and kind.repeats

    async def _answers(self) -> None:
        while data := await self._from_server.read(_PIECE):
            for part in self._conversation.answered(data):
                if not self.silent:
                    await (self._pass_unasked(part) if part.unasked else self._pass(part))
            await self._to_client.drain()

    async def _pass(self, part: Part) -> None:
        if not self._pending:
            self._to_client.write(part.raw)
            return
        pending = self._pending[0]
        ended = not pending.asked.ends or part.label in pending.asked.ends
        if ended:
            self._pending.popleft()
        if pending.is_copy:
            return
        if pending.fault is None or part.at_once:
            self._to_client.write(part.raw)
            return
        pending.held += part.raw
        if ended:
            await self._deliver(bytes(pending.held), pending.fault)

    async def _pass_unasked(self, part: Part) -> None:
        fault = self._ledger.fault(part.unasked or "", "")
        if fault is None:
            self._to_client.write(part.raw)
        elif fault.action is Action.CUT:
            raise Severed
        else:
            await self._deliver(part.raw * (2 if fault.action is Action.REPEAT else 1), fault)

    async def _deliver(self, answer: bytes, fault: Fault) -> None:
        match fault.action:
            case Action.LOSE:
                raise Severed
            case Action.SWALLOW:
                self.silent = True
                return
            case Action.HALVE:
                self._to_client.write(answer[: len(answer) // 2])
                await self._to_client.drain()
                await asyncio.sleep(_ARRIVAL_SECONDS)
                raise Severed
            case Action.DELAY:
                await asyncio.sleep(fault.seconds)
        self._to_client.write(answer)
