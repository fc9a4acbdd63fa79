"""Retention: deletes old content and old keys in small batches, so that live work hardly notices.

Content goes first and together: a session's events, drafts and packages, its requests' reasons; its cached drafts
follow (see `forgetting`). Keys stay longer: which requests were answered, how often, and that the session existed. So
an old record that is read again is neither paid for nor published again.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from consumer.domain.events import SessionKey
from consumer.errors import Transient
from consumer.flows.operation.health import Health
from consumer.flows.pacing import rest

LOOP = "retention"
EVERY_SECONDS = 3600.0
PAUSE_SECONDS = 0.05
"""Between two batches of the service's own trimming; the command `trim` does not pause."""
TRY_AGAIN_SECONDS = 60.0
BEAT_SECONDS = 5.0
DAY_SECONDS = 86_400.0

log = structlog.stdlib.get_logger("escalation.retention")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """When content and keys are old enough to be deleted. All in seconds."""

    content_seconds: float
    """A session loses its content when it has been quiet for so long and no work for it is left."""
    keys_seconds: float | None
    """How long after its content a session loses its keys; None keeps them."""
    window_seconds: float
    """The window in which a change of the session yields a revision. Nothing is deleted before it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """Counts of what was deleted, or in a dry run would be."""

    sessions: int = 0
    events: int = 0
    packages: int = 0
    drafts: int = 0
    excerpts: int = 0
    """Excerpts of dead letters that were emptied."""
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
    """The next sessions in key order, read without a lock."""

    after: SessionKey | None
    """The page begins after this session; None: at the first session."""
    old: tuple[SessionKey, ...]
    """Sessions with content that have been quiet for long enough."""
    forgettable: tuple[SessionKey, ...]
    """Sessions that were trimmed long enough ago to lose their keys."""
    looked_at: int
    last: SessionKey | None
    """The next page begins after this session; None: this is the last page."""


class Trimmer(Protocol):
    """The tables. Both methods raise Transient while the database is away."""

    async def page(self, after: SessionKey | None, rules: RetentionRules) -> Page: ...

    async def trim(self, page: Page, rules: RetentionRules, *, dry_run: bool) -> Trimmed:
        """Checks the page again under locks and deletes what is old enough, all in one transaction."""


async def trim_all(
    trimmer: Trimmer,
    rules: RetentionRules,
    *,
    dry_run: bool = False,
    after_page: Callable[[Page], None] = lambda _: None,
    pause_seconds: float = 0.0,
    stop: asyncio.Event | None = None,
) -> Trimmed:
    """Trims all sessions once, page by page, and calls `after_page` after each.

    It may be interrupted at any time: a session loses all of its content or none, and the next run finds the rest.
    Raises Transient while the database is away.
    """
    total = Trimmed()
    last: SessionKey | None = None
    while stop is None or not stop.is_set():
        page = await trimmer.page(last, rules)
        total += await trimmer.trim(page, rules, dry_run=dry_run)
        after_page(page)
        if page.last is None:
            break
        last = page.last
        if pause_seconds:
            await asyncio.sleep(pause_seconds)
    return total


class Retention:
    """Trims once an hour while the service runs. `run` returns after `stop`."""

    def __init__(self, *, trimmer: Trimmer, rules: RetentionRules, health: Health) -> None:
        self._trimmer = trimmer
        self._rules = rules
        self._health = health

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            pause = EVERY_SECONDS
            try:
                trimmed = await trim_all(
                    self._trimmer,
                    self._rules,
                    after_page=lambda _: self._health.beat(LOOP),
                    pause_seconds=PAUSE_SECONDS,
                    stop=stop,
                )
                if trimmed != Trimmed():
                    log.info(
                        "Retention deleted old content and keys.",
                        event_name="trimmed",
                        sessions=trimmed.sessions,
                        keys=trimmed.keys,
                    )
            except Transient as error:
                log.warning(
                    "Retention paused: PostgreSQL is away or refuses.", event_name="trimming_waits", error=str(error)
                )
                pause = TRY_AGAIN_SECONDS
            await self._rest_alive(pause, stop)

    async def _rest_alive(self, seconds: float, stop: asyncio.Event) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not stop.is_set():
            self._health.beat(LOOP)
            await rest(stop, min(left, BEAT_SECONDS))
