from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.psa_server import PsaServer
from tests.sync.scene import Scene


@pytest.fixture
def psa() -> Iterator[PsaServer]:
    with PsaServer() as server:
        yield server


@pytest.fixture
async def scene(bootstrap_servers: str, topic_prefix: str, tmp_path: Path, psa: PsaServer) -> AsyncIterator[Scene]:
    async with Scene(bootstrap_servers, topic_prefix, tmp_path, psa) as made:
        await made.prepare()
        yield made
