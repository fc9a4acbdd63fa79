"""Retention: what is old enough leaves, batch by batch, so that live work hardly notices.

Content goes first and together: a session's events, drafts and packages, its requests' reasons, its cached drafts. Keys
stay longer: which requests were answered, how often, and that the session was there, so that an old record that is read
again is neither paid for nor published again.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from consumer.domain.events import SessionKey
from consumer.errors import Transient
from consumer.flows.cache import SessionForgetter
from consumer.flows.operation.health import Health
from consumer.flows.pacing import rest

LOOP = "retention"
EVERY_SECONDS = 3600.0
PAUSE_SECONDS = 0.05
"""Between two batches of the service's own trimming; the command makes none."""
TRY_AGAIN_SECONDS = 60.0
BEAT_SECONDS = 5.0
DAY_SECONDS = 86_400.0

log = structlog.stdlib.get_logger("escalation.retention")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """All in seconds."""

    content_seconds: float
    """Sessions that have been quiet for so long, with all that they were asked for done, lose their content."""
    keys_seconds: float | None
    """So long after that their keys go, too; None keeps them."""
    window_seconds: float
    """In which a change of a session yields a revision: before it is over nothing leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """What left, or would."""

    sessions: int = 0
    events: int = 0
    packages: int = 0
    drafts: int = 0
    excerpts: int = 0
    """Of dead letters."""
    keys: int = 0
    """Sessions of which nothing is left."""

    def __add__(self, other: "Trimmed") -> "Trimmed":
        return Trimmed(
            sessions=self.sessions + other.sessions,
            events=self.events + other.events,
            packages=self.packages + other.packages,
            drafts=self.drafts + other.drafts,
            excerpts=self.excerpts + other.excerpts,
            keys=self.keys + other.keys,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The next sessions in the order of keys, as they are seen without a lock."""

    after: SessionKey | None
    """Those after this one; None: from the beginning."""
    old: tuple[SessionKey, ...]
    """With content, and quiet for long enough."""
    forgettable: tuple[SessionKey, ...]
    """Trimmed long enough ago to lose their keys."""
    looked_at: int
    last: SessionKey | None
    """Go on after this one; None: this was the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimmedPage:
    """What became of a page."""

    trimmed: Trimmed
    gone: tuple[SessionKey, ...]
    """Sessions whose content left."""


class Trimmer(Protocol):
    """Both raise Transient while the database is away."""

    async def page(self, after: SessionKey | None, rules: RetentionRules) -> Page: ...

    async def trim(self, page: Page, rules: RetentionRules, *, dry_run: bool) -> TrimmedPage:
        """All or nothing: what of the page may leave, once it is looked at under locks."""


async def trim_all(
    trimmer: Trimmer,
    cache: SessionForgetter,
    rules: RetentionRules,
    *,
    dry_run: bool = False,
    after_page: Callable[[Page], None] = lambda _: None,
    pause_seconds: float = 0.0,
    stop: asyncio.Event | None = None,
) -> Trimmed:
    """Once over everything. Whenever it is broken off, what left has left whole, and the next run finds the rest."""
    total = Trimmed()
    last: SessionKey | None = None
    while stop is None or not stop.is_set():
        page = await trimmer.page(last, rules)
        if not dry_run:
            # Hazard: the tables come last, for a session that has left them is looked for in the cache by nobody.
            await cache.forget(*page.old)
        step = await trimmer.trim(page, rules, dry_run=dry_run)
        await cache.forget(*step.gone)  # work that ended in between may have put a draft there once more
        total += step.trimmed
        after_page(page)
        if page.last is None:
            break
        last = page.last
        if pause_seconds:
            await asyncio.sleep(pause_seconds)
    return total


class Retention:
    """The service's own trimming, once an hour. `run` returns after `stop`."""

    def __init__(self, *, trimmer: Trimmer, cache: SessionForgetter, rules: RetentionRules, health: Health) -> None:
        self._trimmer = trimmer
        self._cache = cache
        self._rules = rules
        self._health = health

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            pause = EVERY_SECONDS
            try:
                done = await trim_all(
                    self._trimmer,
                    self._cache,
                    self._rules,
                    after_page=lambda _: self._health.beat(LOOP),
                    pause_seconds=PAUSE_SECONDS,
                    stop=stop,
                )
                if done != Trimmed():
                    log.info("What was old enough left.", event_name="trimmed", sessions=done.sessions, keys=done.keys)
            except Transient as error:
                log.warning("Trimming waits for the database.", event_name="trimming_waits", error=str(error))
                pause = TRY_AGAIN_SECONDS
            await self._rest_alive(pause, stop)

    async def _rest_alive(self, seconds: float, stop: asyncio.Event) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not stop.is_set():
            self._health.beat(LOOP)
            await rest(stop, min(left, BEAT_SECONDS))
