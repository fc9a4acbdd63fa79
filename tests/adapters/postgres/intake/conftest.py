"""An inbox on a real PostgreSQL."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from consumer.adapters.postgres.core.pool import Pool, open_pool
from consumer.adapters.postgres.intake.inbox import PostgresInbox
from consumer.domain.events import Decoded
from consumer.domain.package.package import Sender
from consumer.domain.request.schedule import RevisionRules
from consumer.flows.inbox import Batch, StoredBatch
from tests.adapters.postgres.intake.steps import Store
from tests.support.wire import REDACTOR, TOPICS, arrive

RULES = RevisionRules(after_seconds=60, window_seconds=86_400, limit=5)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database, name="test", max_size=6)
    yield opened
    await opened.close()


@pytest.fixture
def inbox(pool: Pool) -> PostgresInbox:
    return PostgresInbox(pool, sender=Sender(topics=TOPICS, source="/test"), redactor=REDACTOR, revisions=RULES)


@pytest.fixture
def store(inbox: PostgresInbox) -> Store:
    async def stored(*values: Any, **details: Any) -> StoredBatch:
        arrivals = tuple(value if isinstance(value, Decoded) else arrive(value) for value in values)
        return await inbox.store(Batch(arrivals=arrivals, **details))

    return stored
