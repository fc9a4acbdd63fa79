"""The stage for tests of the whole service."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.servers import TestServers
from tests.support.stage import Stage


@pytest.fixture
async def stage(servers: TestServers, database: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """Topics, a database and a model of its own; whatever it starts is gone afterwards."""
    async with Stage(
        bootstrap_servers=servers.kafka.bootstrap_servers,
        dsn=database,
        redis_url=servers.redis.url,
        prefix=topic_prefix,
        folder=tmp_path,
    ) as made:
        yield made
