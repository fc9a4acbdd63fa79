"""A store on a real PostgreSQL, filled as a service fills it."""

from collections.abc import AsyncIterator

import pytest

from consumer.adapters.postgres.core.pool import Pool, open_pool
from tests.support.store_filler import StoreFiller


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    made = await open_pool(database, name="test", max_size=4)
    yield made
    await made.close()


@pytest.fixture
def filler(pool: Pool) -> StoreFiller:
    return StoreFiller(pool)
