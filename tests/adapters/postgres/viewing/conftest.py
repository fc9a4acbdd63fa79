"""A store on a real PostgreSQL, filled as a service fills it."""

from collections.abc import AsyncIterator

import pytest

from consumer.adapters.postgres.core.pool import Pool, open_pool
from consumer.flows.viewing.ports import Viewing
from consumer.settings import Settings
from consumer.wiring.tables import viewing
from tests.support.store_filler import StoreFiller
from tests.support.tables import Tables


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    made = await open_pool(database, name="test", max_size=4)
    yield made
    await made.close()


@pytest.fixture
def filler(pool: Pool) -> StoreFiller:
    return StoreFiller(pool)


@pytest.fixture
def tables(pool: Pool) -> Tables:
    return Tables(pool)


@pytest.fixture
def views(pool: Pool) -> Viewing:
    return viewing(Settings(), pool)
