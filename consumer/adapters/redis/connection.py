"""The one boundary to Redis: whatever happens there (unreachable, frozen, something else instead) raises nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from consumer.adapters.redis.login import RedisAddress, redis_client
from consumer.flows.pacing import is_asked_to_end

SOCKET_SECONDS = 0.1  # no retries: even with this limit the client's default ones make a frozen Redis cost 3.5 to 5.5 s
OPEN_SECONDS = 5.0  # how long a failed Redis is not called, because 0.1 s per call would add up

T = TypeVar("T")


class RedisConnection:
    """A client with a breaker. Who asks first looks whether it rests; `ask` asks in any case."""

    def __init__(
        self,
        url: RedisAddress,
        *,
        failures_to_open: int,
        clock: Callable[[], float],
        report: Callable[[BaseException | None], None] = lambda _: None,
        max_connections: int | None = None,
        decode_responses: bool = False,
    ) -> None:
        """It rests after so many failures in a row. `report` is told of each failure, and with None of each answer."""
        self.client = redis_client(
            url,
            socket_timeout=SOCKET_SECONDS,
            socket_connect_timeout=SOCKET_SECONDS,
            retry=Retry(NoBackoff(), 0),
            max_connections=max_connections,
            decode_responses=decode_responses,
        )
        self._failures_to_open = failures_to_open
        self._clock = clock
        self._report = report
        self._failures = 0
        self._rests_until = 0.0

    @property
    def is_resting(self) -> bool:
        return self._clock() < self._rests_until

    async def ask(self, asking: Callable[[], Awaitable[T]]) -> T | None:
        """What Redis answers; None when it does not, in 0.2 s and in its protocol.

        The one broad `except`: the client raises what it met (no RedisError for a reply that it cannot take apart), and
        none of it may cost a draft. A server that sends byte after byte escapes the client's own time limit.
        """
        try:
            async with asyncio.timeout(2 * SOCKET_SECONDS):
                answer = await asking()
        except (Exception, asyncio.CancelledError) as error:
            if is_asked_to_end(error):
                raise
            self._failures += 1
            self._report(error)
            if self._failures >= self._failures_to_open:
                self._rests_until = self._clock() + OPEN_SECONDS
            return None
        self._failures = 0
        self._report(None)
        return answer

    async def close(self) -> None:
        await self.ask(self.client.aclose)
