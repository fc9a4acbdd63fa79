"""Prepares the stores for this release, and opens the cache."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from consumer.adapters.kafka.admin import prepare_topics
from consumer.adapters.kafka.client import connection
from consumer.adapters.postgres.core import migrate
from consumer.adapters.postgres.core.faults import ERRORS, describe_error
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.adapters.redis.cache import RedisCache
from consumer.errors import Transient
from consumer.flows.cache import DraftCache, NoCache
from consumer.flows.operation.health import Health
from consumer.flows.relay import ports as relay
from consumer.settings import Settings
from consumer.wiring.database import database
from schemas.topics import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What `prepare_stores` has made: names of migrations and of topics. Empty when nothing was missing."""

    migrations: list[str]
    topics: list[str]


async def prepare_stores(settings: Settings) -> Prepared:
    """Applies migrations, makes the topics and, unless the settings hold one, the redaction key. Raises Transient.

    It may be repeated, and run by several processes at once.
    """
    applied = await prepare_database(settings)
    marker = settings.topic_prefix + relay.MARKER_TOPIC
    made = await prepare_topics(
        connection(settings), Topics(settings.topic_prefix), marker, partitions=settings.topic_partitions
    )
    return Prepared(migrations=applied, topics=made)


async def prepare_database(settings: Settings) -> list[str]:
    """Applies migrations and makes the redaction key; returns the names of the migrations applied. Raises Transient."""
    dsn = settings.database_url.get_secret_value()
    try:
        applied = await migrate.migrate(dsn, pooled=settings.behind_pooler)
    except ERRORS as error:
        raise Transient(f"PostgreSQL: {describe_error(error)}") from error
    if settings.redaction_key is None:
        async with database(settings, name="prepare", max_size=1) as pool:
            await StoreReader(pool).make_redaction_key()
    return applied


@contextlib.asynccontextmanager
async def open_cache(settings: Settings, health: Health) -> AsyncIterator[DraftCache]:
    """The cache of drafts; one that keeps nothing without REDIS_URL. Never raises: Redis may be away."""
    if settings.redis_url is None:
        yield NoCache()
        return
    cache = RedisCache(
        settings.renewed("redis_url"),
        prefix=settings.topic_prefix,
        keep_seconds=settings.draft_cache_seconds,
        health=health,
    )
    try:
        yield cache
    finally:
        await cache.close()
