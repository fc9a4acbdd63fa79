"""The stores of drafting on a real PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from consumer.adapters.postgres.core.pool import Pool, open_pool
from consumer.flows.drafting.ports import DraftingStores
from tests.adapters.postgres.drafting.steps import make_stores
from tests.support.tables import Tables


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database, name="test", max_size=10)
    yield opened
    await opened.close()


@pytest.fixture
async def tables(database: str) -> AsyncIterator[Tables]:
    async with Tables.of(database) as opened:
        yield opened


@pytest.fixture
def stores(pool: Pool) -> DraftingStores:
    return make_stores(pool)
