"""An inbox and a drafter by rules on one database: what a service without model, Kafka and Redis leaves in tables."""

import time
from typing import Any
from uuid import UUID

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.drafting.desk import PostgresDesk
from consumer.adapters.postgres.intake.inbox import PostgresInbox
from consumer.domain.events import Decoded, SessionKey
from consumer.domain.package.package import Sender
from consumer.domain.request.schedule import RevisionRules
from consumer.flows.drafting.ports import DraftKey, Lane, LedgerEntry
from consumer.flows.drafting.worker import ModelUse, Worker
from consumer.flows.inbox import Batch, StoredBatch
from tests.support.office import Counts
from tests.support.wire import REDACTOR, TOPICS, arrive

SENDER = Sender(topics=TOPICS, source="/test")


class NoCache:
    async def get(self, _key: DraftKey, _version: int) -> LedgerEntry | None:
        return None

    async def put(self, _key: DraftKey, _version: int, _entry: LedgerEntry) -> None: ...

    async def forget(self, _session: SessionKey) -> None: ...


class Clerk:
    """Changes yield a revision at once."""

    def __init__(self, pool: Pool) -> None:
        rules = RevisionRules(after_seconds=0, window_seconds=86_400, limit=5)
        self._pool = pool
        self._inbox = PostgresInbox(pool, sender=SENDER, redactor=REDACTOR, revisions=rules)
        self._desk = PostgresDesk(
            pool,
            redactor=REDACTOR,
            lease_seconds=20,
            margin_seconds=3,
            probe_seconds=10,
            spread_seconds=60,
            rules=rules,
            model_name=None,
        )
        self._worker = Worker(
            desk=self._desk,
            cache=NoCache(),
            drafter=None,
            sender=SENDER,
            model_name="none",
            late_answer_seconds=1,
            scan=lambda session: REDACTOR.scope(*session).text,
            meters=Counts(),
            clock=time.monotonic,
        )

    async def store(self, *values: Any) -> StoredBatch:
        """One batch: events as dictionaries, or what was decoded already."""
        arrivals = tuple(value if isinstance(value, Decoded) else arrive(value) for value in values)
        return await self._inbox.store(Batch(arrivals=arrivals))

    async def draft(self) -> list[UUID]:
        """Does what is due; the ids of all packages, the oldest first."""
        while works := await self._desk.claim(Lane.MODEL, 10):
            for work in works:
                await self._worker.do(work, ModelUse.NEVER)
        return [
            row["package_id"] for row in await self._pool.fetch("SELECT package_id FROM packages ORDER BY created_at")
        ]
