"""Redis as the place where replicas tell each other to wait: two keys that end by themselves, by Redis's clock alone.

Law: no method raises. Whatever happens to Redis, each replica goes on pacing itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from consumer.flows.drafting.calls.pace import Pause
from consumer.flows.pacing import is_asked_to_end

SOCKET_SECONDS = 0.1  # as for the cache: every call to the model asks first
OPEN_SECONDS = 5.0

T = TypeVar("T")


class RedisPace:
    """Implements the port `flows.drafting.calls.pace.SharedPace`. After an error Redis rests for OPEN_SECONDS."""

    def __init__(self, url: str, *, prefix: str, clock: Callable[[], float] = monotonic) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=SOCKET_SECONDS,
            socket_connect_timeout=SOCKET_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
        self._pause = f"{prefix}escalation:pace:pause"
        self._answered = f"{prefix}escalation:pace:answered"
        self._clock = clock
        self._rests_until = 0.0

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
        self._rests_until = 0.0
        await self._ask(self._redis.aclose)

    async def _ask(self, asking: Callable[[], Awaitable[T]]) -> T | None:
        """What Redis answers; None when it does not, or rests. Broad for the reason that the cache's boundary gives."""
        if self._clock() < self._rests_until:
            return None
        try:
            async with asyncio.timeout(2 * SOCKET_SECONDS):
                return await asking()
        except (Exception, asyncio.CancelledError) as error:
            if is_asked_to_end(error):
                raise
            self._rests_until = self._clock() + OPEN_SECONDS
            return None
