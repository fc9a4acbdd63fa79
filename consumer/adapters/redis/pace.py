"""Redis as the place where replicas tell each other to wait: two keys that end by themselves, by Redis's clock alone.

Law: no method raises. Whatever happens to Redis, each replica goes on pacing itself.
"""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from consumer.adapters.redis.connection import RedisConnection
from consumer.adapters.redis.login import RedisAddress
from consumer.flows.drafting.calls.pace import Pause

T = TypeVar("T")


class RedisPace:
    """Implements the port `flows.drafting.calls.pace.SharedPace`. After an error Redis rests for OPEN_SECONDS."""

    def __init__(self, url: RedisAddress, *, prefix: str, clock: Callable[[], float] = monotonic) -> None:
        self._connection = RedisConnection(url, failures_to_open=1, clock=clock, decode_responses=True)
        self._redis = self._connection.client
        self._pause = f"{prefix}escalation:pace:pause"
        self._answered = f"{prefix}escalation:pace:answered"

    async def pause(self) -> Pause | None:
        async def read() -> Pause | None:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.get(self._pause)
                pipeline.pttl(self._pause)
                mark, milliseconds = await pipeline.execute()
            return Pause(mark=mark, seconds=milliseconds / 1000) if isinstance(mark, str) and milliseconds > 0 else None

        return await self._ask(read)

    async def begin_pause(self, pause: Pause) -> None:
        await self._ask(lambda: self._redis.set(self._pause, pause.mark, px=max(int(pause.seconds * 1000), 1)))

    async def note_answer(self, *, keep_seconds: float) -> None:
        await self._ask(lambda: self._redis.set(self._answered, "1", px=int(keep_seconds * 1000)))

    async def answered_lately(self) -> bool:
        return bool(await self._ask(lambda: self._redis.exists(self._answered)))

    async def close(self) -> None:
        await self._connection.close()

    async def _ask(self, asking: Callable[[], Awaitable[T]]) -> T | None:
        return None if self._connection.is_resting else await self._connection.ask(asking)
