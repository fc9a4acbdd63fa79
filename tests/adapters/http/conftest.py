"""A store with sessions, requests, packages, refusals and feedback whose texts and ids are hostile."""

from collections.abc import AsyncIterator, Iterator

import pytest

from consumer.adapters.http.console.readers import Readers
from tests.support.console import healthy, readers_of
from tests.support.databases import CopiedDatabases, SchemasOfGiven
from tests.support.hostile_store import fill
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
