"""Fixtures for every test, and the tripwires that are always on.

A server starts when a test asks for it: `servers`, `kafka_server`, `postgres_server`, `redis_server`, and fixtures on
top of them, `bootstrap_servers`, `database`, `empty_database`, `redis_url`, and for the whole service `stage`.
`topic_prefix` keeps tests apart.
"""

import asyncio
import inspect
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from consumer.adapters.embedded import ServerName
from consumer.environment import COMPLETING
from tests.support import servers as support
from tests.support.databases import CopiedDatabases, SchemasOfGiven
from tests.support.servers import KafkaServer, PostgresServer, RedisServer, Source, TestServers
from tests.support.service import NO_MACHINE_IDENTITY

if TYPE_CHECKING:
    from tests.support.stage import Stage

_LEAK_GRACE_SECONDS = 5.0
_CALLER = dict(os.environ)
_CLOUDS = ("AWS_", "AZURE_", "CLOUDSDK_", "CLOUD_ML_", "GCLOUD_", "GOOGLE_")
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_KEPT = frozenset({support.SWITCH, "ESCALATION_CACHE_DIR", "ESCALATION_SHARED_DIR", "ESCALATION_UPDATE_GOLDEN"})
_source = pytest.StashKey[Source]()
_servers = pytest.StashKey["_Started"]()


def pytest_configure(config: pytest.Config) -> None:
    # How long an example takes says more about the machine's other work than about the code.
    settings.register_profile("busy_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("busy_machine")
    config.addinivalue_line(
        "markers", "kills_servers: kills, stops, pauses or flushes a server (skipped for given ones)"
    )
    config.addinivalue_line("markers", "long: left to `make faults`; a case like it stays in `make test`")
    config.addinivalue_line("markers", "promise(*numbers): shows that these promises are kept (promises.toml)")
    config.addinivalue_line("markers", "failure(*numbers): shows these failures of the catalogue (failures.toml)")
    try:
        config.stash[_source] = support.choose(_CALLER)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    _forget_callers_settings()


def pytest_report_header(config: pytest.Config) -> str:
    chosen = config.stash[_source]
    return f"servers: {chosen} ({support.SWITCH}={_CALLER.get(support.SWITCH, 'auto')})"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        if inspect.iscoroutinefunction(item.obj):
            # First in, last out: it also sees tasks that other fixtures leave.
            item.fixturenames.insert(0, "no_leaked_tasks")
        if item.get_closest_marker("kills_servers") and config.stash[_source] in {Source.GIVEN, Source.SHARED}:
            item.add_marker(pytest.mark.skip(reason="kills a server, and the given ones are not ours"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Restarts the servers after a test that may have killed them, before its fixtures clean up."""
    started = item.config.stash.get(_servers, None)
    if started is not None and item.get_closest_marker("kills_servers"):
        started.start(*started.started)


def _forget_callers_settings() -> None:
    """No test reaches a real model or a proxy, or passes because of what the caller has set."""
    for name in list(os.environ):
        of_the_service = name.startswith(("ANTHROPIC_", "ESCALATION_")) or name in support.ADDRESSES.values()
        of_a_library = name.upper() in _PROXY_VARIABLES or name in COMPLETING or name.startswith(_CLOUDS)
        if (of_the_service and name not in _KEPT) or of_a_library:
            del os.environ[name]
    os.environ.update(NO_MACHINE_IDENTITY)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


@contextmanager
def _callers_environment() -> Iterator[None]:
    """For downloads of servers: nothing else needs the network."""
    own = dict(os.environ)
    os.environ.clear()
    os.environ.update(_CALLER)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(own)


@pytest.fixture
async def no_leaked_tasks() -> AsyncIterator[None]:
    yield
    me = asyncio.current_task()
    left = asyncio.all_tasks() - {me}
    if left:  # a closed client may need a moment to end its tasks
        _, left = await asyncio.wait(left, timeout=_LEAK_GRACE_SECONDS)
    for task in left:
        task.cancel()
    assert not left, f"tasks still running after the test: {sorted(str(task) for task in left)}"


class _Started:
    """The servers of this run, each started once."""

    def __init__(self, servers: TestServers) -> None:
        self.servers = servers
        self.started: set[ServerName] = set()

    def start(self, *names: ServerName) -> None:
        with _callers_environment():
            support.run(self.servers.start(names))
        self.started.update(names)


@pytest.fixture(scope="session")
def _started(request: pytest.FixtureRequest) -> Iterator[_Started]:
    started = _Started(support.make(request.config.stash[_source], _CALLER))
    request.config.stash[_servers] = started
    yield started
    support.run(started.servers.stop())


@pytest.fixture(scope="session")
def servers(_started: _Started) -> TestServers:
    """All three, started at once."""
    _started.start(*ServerName)
    return _started.servers


@pytest.fixture(scope="session")
def kafka_server(_started: _Started) -> KafkaServer:
    _started.start(ServerName.KAFKA)
    return _started.servers.kafka


@pytest.fixture(scope="session")
def postgres_server(_started: _Started) -> PostgresServer:
    _started.start(ServerName.POSTGRES)
    return _started.servers.postgres


@pytest.fixture(scope="session")
def redis_server(_started: _Started) -> RedisServer:
    _started.start(ServerName.REDIS)
    return _started.servers.redis


@pytest.fixture
def bootstrap_servers(kafka_server: KafkaServer) -> str:
    return kafka_server.bootstrap_servers


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """Shared by all tests: keys carry the `topic_prefix`."""
    return redis_server.url


@pytest.fixture
def topic_prefix() -> str:
    """Unique among all tests and runs on the cluster."""
    return f"t{secrets.token_hex(4)}."


@pytest.fixture(scope="session")
def _databases(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> CopiedDatabases | SchemasOfGiven:
    given = request.config.stash[_source] is Source.GIVEN
    return SchemasOfGiven(postgres_server.dsn) if given else CopiedDatabases(postgres_server.dsn)


@pytest.fixture
def database(_databases: CopiedDatabases | SchemasOfGiven) -> Iterator[str]:
    """The DSN of a migrated database (with given servers: of a schema) that nobody else uses."""
    with _databases.fresh(migrated=True) as dsn:
        yield dsn


@pytest.fixture
def undisturbed_database(_databases: CopiedDatabases | SchemasOfGiven) -> Iterator[str]:
    """A second `database`, to compare the first with."""
    with _databases.fresh(migrated=True) as dsn:
        yield dsn


@pytest.fixture
def empty_database(_databases: CopiedDatabases | SchemasOfGiven) -> Iterator[str]:
    """The DSN of a database without any table."""
    with _databases.fresh(migrated=False) as dsn:
        yield dsn


@pytest.fixture
async def stage(servers: TestServers, database: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator["Stage"]:
    """Its own topics, database and model for the whole service. Ends all that it started."""
    from tests.support.stage import Stage  # a large import, only where needed

    async with Stage(
        bootstrap_servers=servers.kafka.bootstrap_servers,
        dsn=database,
        redis_url=servers.redis.url,
        prefix=topic_prefix,
        folder=tmp_path,
    ) as made:
        yield made
