"""The parts that the service and the replays share, put together from settings."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import structlog

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.drafting.desk import PostgresDesk
from consumer.adapters.redis import RedisCache
from consumer.domain.package.package import Sender
from consumer.domain.redaction import Redactor
from consumer.domain.request.schedule import RevisionRules
from consumer.flows.drafting.drafter import Drafter
from consumer.flows.drafting.loop import Drafting
from consumer.flows.drafting.worker import Worker
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meters
from consumer.flows.relay import Hint
from consumer.settings import Settings
from schemas.topics import Topics

if TYPE_CHECKING:
    from consumer.adapters.anthropic import Anthropic

log = structlog.stdlib.get_logger("escalation.app")


def sender(settings: Settings) -> Sender:
    return Sender(topics=Topics(settings.topic_prefix), source=settings.source)


def revision_rules(settings: Settings) -> RevisionRules:
    return RevisionRules(
        after_seconds=settings.revise_after_seconds,
        window_seconds=settings.revise_window_seconds,
        limit=settings.revise_limit,
    )


@contextlib.asynccontextmanager
async def open_cache(settings: Settings, health: Health) -> AsyncIterator[RedisCache]:
    cache = RedisCache(
        settings.redis_url.get_secret_value(),
        prefix=settings.topic_prefix,
        keep_seconds=settings.draft_cache_seconds,
        health=health,
    )
    try:
        yield cache
    finally:
        await cache.close()


@contextlib.asynccontextmanager
async def open_model(settings: Settings) -> AsyncIterator["Anthropic | None"]:
    """None without a key: then every package is drafted by rules."""
    key = settings.anthropic_api_key
    if key is None:
        log.info("No ANTHROPIC_API_KEY: every package is drafted by rules.", event_name="no_model")
        yield None
        return
    model = (await asyncio.to_thread(_model_class))(
        api_key=key.get_secret_value(),
        base_url=settings.anthropic_base_url,
        attempt_seconds=settings.model_attempt_seconds,
        concurrency=settings.model_concurrency,
    )
    try:
        await model.warm_up()
        yield model
    finally:
        await model.close()


def _model_class() -> "type[Anthropic]":
    """Takes seconds to load, ten and more on a busy machine: for those who need it, and not in the event loop."""
    from consumer.adapters.anthropic import Anthropic

    return Anthropic


def drafting_loop(
    settings: Settings,
    *,
    pool: Pool,
    redactor: Redactor,
    cache: RedisCache,
    model: "Anthropic | None",
    hint: Hint,
    health: Health,
    meters: Meters,
    replay_places: int,
    only_replay: str | None = None,
) -> Drafting:
    """With `only_replay` it works for that planned replay alone."""
    desk = PostgresDesk(
        pool,
        redactor=redactor,
        lease_seconds=settings.lease_seconds,
        margin_seconds=settings.deadline_margin_seconds,
        probe_seconds=settings.model_probe_seconds,
        spread_seconds=settings.upgrade_spread_seconds,
        rules=revision_rules(settings),
        model_name=None if model is None else settings.model,
        only_replay=only_replay,
    )
    drafter = None
    if model is not None:
        drafter = Drafter(
            model=model,
            desk=desk,
            model_name=settings.model,
            fallback_model_name=settings.fallback_model,
            max_tokens=settings.model_max_tokens,
            probe_seconds=settings.model_probe_seconds,
            health=health,
            meters=meters,
            clock=time.monotonic,
        )
    worker = Worker(
        desk=desk,
        cache=cache,
        drafter=drafter,
        sender=sender(settings),
        model_name=settings.model,
        late_answer_seconds=settings.model_attempt_seconds,
        scan=lambda session: redactor.scope(*session).text,
        meters=meters,
        clock=time.monotonic,
    )
    return Drafting(
        desk=desk,
        worker=worker,
        drafter=drafter,
        model_places=settings.model_concurrency,
        replay_places=replay_places,
        lease_seconds=settings.lease_seconds,
        drain_seconds=settings.drain_seconds,
        hint=hint,
        health=health,
        clock=time.monotonic,
    )
