"""An inbox and a rules drafter on one database: they fill it like a service without model, Kafka and Redis."""

from typing import Any
from uuid import UUID

from consumer.adapters.postgres.core.pool import Pool
from consumer.domain.events import Decoded
from consumer.domain.package.package import Sender
from consumer.flows.cache import NoCache
from consumer.flows.drafting.ports import Lane
from consumer.flows.drafting.worker import ModelUse
from consumer.flows.inbox import Batch, StoredBatch
from consumer.flows.operation.meters import NoMeters
from consumer.settings import Settings
from consumer.wiring.loops import drafting_stores, drafting_worker, inbox
from tests.support.wire import REDACTOR, TOPICS, arrive

SENDER = Sender(topics=TOPICS, source="/test")


class StoreFiller:
    """Changes yield a revision at once."""

    def __init__(self, pool: Pool) -> None:
        settings = Settings().model_copy(update={"source": SENDER.source, "revise_after_seconds": 0.0})
        self._pool = pool
        self._inbox = inbox(settings, pool, REDACTOR)
        self._stores = drafting_stores(settings, pool, REDACTOR, has_model=False)
        self._worker = drafting_worker(
            settings,
            stores=self._stores,
            redactor=REDACTOR,
            cache=NoCache(),
            drafter=None,
            meters=NoMeters(),
        )

    async def store(self, *values: Any) -> StoredBatch:
        """Stores one batch of event dictionaries or decoded events."""
        arrivals = tuple(value if isinstance(value, Decoded) else arrive(value) for value in values)
        return await self._inbox.store(Batch(arrivals=arrivals))

    async def draft(self) -> list[UUID]:
        """Does all due work; returns all package ids, oldest first."""
        while works := await self._stores.queue.claim(Lane.MODEL, 10):
            for work in works:
                await self._worker.do(work, ModelUse.NEVER)
        return [
            row["package_id"] for row in await self._pool.fetch("SELECT package_id FROM packages ORDER BY created_at")
        ]
