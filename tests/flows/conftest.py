"""Drafting replicas on a real PostgreSQL and Redis, with a loopback model."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support import answers
from tests.support.model_server import ModelServer
from tests.support.replicas import Replicas
from tests.support.tables import Tables


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(answers.structured) as started:
        yield started


@pytest.fixture
async def tables(database: str) -> AsyncIterator[Tables]:
    async with Tables.of(database) as opened:
        yield opened


@pytest.fixture
def replicas(database: str, redis_url: str, topic_prefix: str, model: ModelServer) -> Replicas:
    return Replicas(dsn=database, redis_url=redis_url, prefix=topic_prefix, model_url=model.url)
