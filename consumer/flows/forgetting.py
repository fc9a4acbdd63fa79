"""Forgetting: what was deleted from the tables leaves the cache, too, whoever is killed and whichever server is away.

The transaction that deletes content stores which sessions the cache must forget. These rows stay until the cache has
acknowledged; whoever runs then makes it forget. A draft that is made meanwhile does not come back: see
`DraftCache.admit`.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Protocol

from consumer.domain.events import SessionKey
from consumer.errors import Transient
from consumer.flows.cache import DraftCache
from consumer.flows.operation.health import Health
from consumer.flows.pacing import Waker, rest

LOOP = "forgetting"
EVERY_SECONDS = 1.0
MOST = 1000
"""Sessions that one call makes the cache forget: a few milliseconds of its time."""


class Evictions(Protocol):
    """What the cache must forget. Both methods raise Transient while the database is away."""

    async def waiting(self, most: int) -> Mapping[int, SessionKey]:
        """The oldest, by their ids. A session may stand there more than once."""

    async def acknowledged(self, ids: Collection[int]) -> None:
        """The cache has forgotten these."""


async def forget_waiting(evictions: Evictions, cache: DraftCache) -> int:
    """Makes the cache forget what waits, many sessions in one call; several processes may do so at once.

    Returns how many still wait because the cache has not acknowledged: 0, or MOST at most. Raises Transient.
    """
    while waiting := await evictions.waiting(MOST):
        if not await cache.forget(*{*waiting.values()}):
            return len(waiting)
        await evictions.acknowledged(waiting)
        if len(waiting) < MOST:
            break
    return 0


class Forgetting:
    """Makes the cache forget while the service runs. `run` returns after `stop`."""

    def __init__(self, *, evictions: Evictions, cache: DraftCache, hint: Waker, health: Health) -> None:
        self._evictions = evictions
        self._cache = cache
        self._hint = hint
        self._health = health
        self._waits = False

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._health.beat(LOOP)
            try:
                self._show(await forget_waiting(self._evictions, self._cache))
            except Transient as error:
                self._health.failing("forget", str(error))
            # While the cache is away a hint changes nothing.
            await rest(stop, EVERY_SECONDS, *(() if self._waits else (self._hint,)))

    def _show(self, left: int) -> None:
        if left:
            more = " or more" if left == MOST else ""
            self._health.failing("forget", f"Redis has not acknowledged deletions of cached drafts: {left}{more}")
        else:
            self._health.ok("forget")
        self._waits = left > 0
