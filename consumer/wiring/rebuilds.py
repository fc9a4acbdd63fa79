"""A rebuild of the store from the topics, for the command."""

from collections.abc import Callable

from consumer.adapters.kafka.client import AWAY, connection
from consumer.adapters.kafka.history import TopicHistory
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.adapters.postgres.rebuild import RebuiltStore
from consumer.errors import Transient
from consumer.flows.rebuild import Rebuild, Rebuilt
from consumer.settings import Settings
from consumer.wiring.database import open_redactor, prepared_database
from consumer.wiring.loops import inbox
from consumer.wiring.stores import prepare_database
from consumer.wiring.values import consumer_group, revision_rules, sender
from schemas.topics import Topics


async def rebuild_store(settings: Settings, *, progress: Callable[[int], None]) -> Rebuilt:
    """Reads the topics once, into the database of the settings. `progress` is called with numbers of records read.

    Raises Transient, and Permanent for a store in use.
    """
    await prepare_database(settings)
    async with prepared_database(settings, name="look") as pool:
        redactor = await open_redactor(settings, StoreReader(pool))
        models = [name for name in (settings.model, settings.fallback_model) if name is not None]
        rebuild = Rebuild(
            history=TopicHistory(**connection(settings)),
            inbox=inbox(settings, pool, redactor, publishes=False),
            store=RebuiltStore(pool, sender=sender(settings), models=models, rules=revision_rules(settings)),
            redactor=redactor,
            topics=Topics(settings.topic_prefix),
            group=consumer_group(settings),
            progress=progress,
        )
        try:
            return await rebuild.run()
        except AWAY as error:
            raise Transient(f"Kafka: {type(error).__name__}. Run it again: it goes on where it was.") from error
