"""Stores made whole from the topics: a rebuild for the command, and the service's own store."""

from collections.abc import Callable
from typing import TypeVar

from consumer.adapters.kafka.client import connection
from consumer.adapters.kafka.history import TopicHistory
from consumer.adapters.postgres.core.pool import Pool, Trust
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.adapters.postgres.rebuild import CaughtUpStore, Incarnations, PostgresOutcomes, RebuiltStore
from consumer.domain.redaction import Redactor
from consumer.errors import Transient
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meters
from consumer.flows.rebuild.catching_up import CatchUp
from consumer.flows.rebuild.ports import Rebuilt
from consumer.flows.rebuild.reading import Rereading
from consumer.flows.rebuild.rebuild import Rebuild
from consumer.flows.rebuild.standing import Standing
from consumer.settings import Settings
from consumer.wiring.database import open_redactor, prepared_database
from consumer.wiring.loops import inbox
from consumer.wiring.stores import prepare_database
from consumer.wiring.values import consumer_group, revision_rules, sender
from schemas.topics import Topics

T = TypeVar("T", bound=PostgresOutcomes)


async def rebuild_store(settings: Settings, *, progress: Callable[[int], None]) -> Rebuilt:
    """Reads the topics once, into the database of the settings. `progress` is called with numbers of records read.

    Raises Transient, and Permanent for a store in use.
    """
    await prepare_database(settings)
    async with prepared_database(settings, name="look") as pool:
        redactor = await open_redactor(settings, StoreReader(pool))
        history = TopicHistory(**connection(settings))
        store = _outcomes(RebuiltStore, settings, pool)
        rebuild = Rebuild(
            history=history,
            store=store,
            reading=_reading(settings, pool, redactor, history, store, publishes=False, progress=progress),
            topics=Topics(settings.topic_prefix),
            group=consumer_group(settings),
        )
        try:
            return await rebuild.run()
        except Transient as error:
            raise Transient(f"{error} Run it again: it goes on where it was.") from error


def standing_loop(settings: Settings, *, pool: Pool, trust: Trust, health: Health, meters: Meters) -> Standing:
    """`pool` is used with whatever database there is."""
    history = TopicHistory(**connection(settings))

    async def catch_up() -> Rebuilt:
        redactor = await open_redactor(settings, StoreReader(pool))
        store = _outcomes(CaughtUpStore, settings, pool)
        reading = _reading(settings, pool, redactor, history, store, publishes=True, progress=lambda _: None)
        return await CatchUp(history=history, store=store, reading=reading, topics=Topics(settings.topic_prefix)).run()

    return Standing(
        store=Incarnations(pool),
        history=history,
        topics=Topics(settings.topic_prefix),
        group=consumer_group(settings),
        trust=trust,
        catch_up=catch_up,
        health=health,
        meters=meters,
    )


def _outcomes(kind: type[T], settings: Settings, pool: Pool) -> T:
    models = [name for name in (settings.model, settings.fallback_model) if name is not None]
    return kind(pool, sender=sender(settings), models=models, rules=revision_rules(settings))


def _reading(
    settings: Settings,
    pool: Pool,
    redactor: Redactor,
    history: TopicHistory,
    store: PostgresOutcomes,
    *,
    publishes: bool,
    progress: Callable[[int], None],
) -> Rereading:
    return Rereading(
        history=history,
        inbox=inbox(settings, pool, redactor, publishes=publishes),
        store=store,
        redactor=redactor,
        topics=Topics(settings.topic_prefix),
        group=consumer_group(settings),
        progress=progress,
    )
