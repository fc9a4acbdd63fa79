"""The console over a store: an empty one, one with a broker, or one whose texts and ids are all hostile."""

from collections.abc import AsyncIterator, Iterator

import pytest

from consumer.adapters.http.console.readers import Readers
from consumer.adapters.postgres.core.pool import Pool, open_pool
from tests.support.console import Surfer, healthy, readers_of, serving, surfing
from tests.support.databases import CopiedDatabases, SchemasOfGiven
from tests.support.hostile_store import fill
from tests.support.letters import Scene, open_scene
from tests.support.servers import run


@pytest.fixture(scope="module")
def filled_database(_databases: CopiedDatabases | SchemasOfGiven) -> Iterator[str]:
    """Filled once for a module, whose tests only read."""
    with _databases.fresh(migrated=True) as dsn:
        run(fill(dsn))
        yield dsn


@pytest.fixture
async def filled(filled_database: str) -> AsyncIterator[Readers]:
    async with readers_of(filled_database, healthy()) as readers:
        yield readers


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    made = await open_pool(database, name="test", max_size=4)
    yield made
    await made.close()


@pytest.fixture
async def readers(database: str) -> AsyncIterator[Readers]:
    async with readers_of(database, healthy()) as made:
        yield made


@pytest.fixture
async def surfer(readers: Readers) -> AsyncIterator[Surfer]:
    async with serving(readers) as base, surfing(base) as made:
        yield made


@pytest.fixture
async def scene(bootstrap_servers: str, database: str, topic_prefix: str) -> AsyncIterator[Scene]:
    async with open_scene(bootstrap_servers, database, topic_prefix) as opened:
        yield opened
