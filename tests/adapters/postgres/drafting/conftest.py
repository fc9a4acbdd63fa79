"""A desk on a real PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from consumer.adapters.postgres.core.pool import Pool, open_pool
from consumer.adapters.postgres.drafting.desk import PostgresDesk
from tests.adapters.postgres.drafting.steps import make_desk
from tests.support.databases import connected
from tests.support.tables import Tables


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database, name="test", max_size=10)
    yield opened
    await opened.close()


@pytest.fixture
async def tables(database: str) -> AsyncIterator[Tables]:
    async with connected(database) as connection:
        yield Tables(connection)


@pytest.fixture
def desk(pool: Pool) -> PostgresDesk:
    return make_desk(pool)
