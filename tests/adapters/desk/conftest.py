"""A desk on a real PostgreSQL."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from consumer.adapters.postgres.desk import PostgresDesk
from consumer.adapters.postgres.pool import Pool, open_pool
from tests.adapters.desk.steps import make_desk
from tests.support.tables import Tables


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database, name="test", max_size=10)
    yield opened
    await opened.close()


@pytest.fixture
async def tables(database: str) -> AsyncIterator[Tables]:
    connection = await asyncpg.connect(database)
    yield Tables(connection)
    await connection.close()


@pytest.fixture
def desk(pool: Pool) -> PostgresDesk:
    return make_desk(pool)
