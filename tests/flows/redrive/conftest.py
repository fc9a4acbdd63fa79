"""A scene for dead letters."""

from collections.abc import AsyncIterator

import pytest

from tests.support.letters import Scene, open_scene


@pytest.fixture
async def scene(bootstrap_servers: str, database: str, topic_prefix: str) -> AsyncIterator[Scene]:
    async with open_scene(bootstrap_servers, database, topic_prefix) as opened:
        yield opened
