"""Real Kafka, PostgreSQL and Redis for tests, from one of three sources.

`ESCALATION_TEST_SERVERS` names the source: `given` (the addresses in the environment), `shared` (as `given`, but the
servers are for tests alone: each test makes a database of its own there), `docker` (testcontainers, the
images of docker-compose.yml), `embedded` (from packages), or `auto`, the default: the first that is available.
"""

import asyncio
from collections.abc import Collection, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

from consumer.adapters.embedded import ServerName, Servers

SWITCH = "ESCALATION_TEST_SERVERS"
ADDRESSES = {
    ServerName.KAFKA: "KAFKA_BOOTSTRAP_SERVERS",
    ServerName.POSTGRES: "DATABASE_URL",
    ServerName.REDIS: "REDIS_URL",
}
ALL = frozenset(ServerName)

T = TypeVar("T")


class Source(StrEnum):
    GIVEN = "given"
    SHARED = "shared"
    DOCKER = "docker"
    EMBEDDED = "embedded"


class Server(Protocol):
    """What a test may do to a server. Every method may be called in any state and in any event loop."""

    @property
    def running(self) -> bool: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class KafkaServer(Server, Protocol):
    @property
    def bootstrap_servers(self) -> str: ...


class PostgresServer(Server, Protocol):
    @property
    def dsn(self) -> str: ...


class RedisServer(Server, Protocol):
    @property
    def url(self) -> str: ...


class TestServers(Protocol):
    """The three servers, each started on first demand."""

    @property
    def kafka(self) -> KafkaServer: ...
    @property
    def postgres(self) -> PostgresServer: ...
    @property
    def redis(self) -> RedisServer: ...
    async def start(self, names: Collection[ServerName] = ALL) -> None: ...
    async def stop(self) -> None: ...


def choose(environment: Mapping[str, str]) -> Source:
    """Raises ValueError for an unknown switch, or for `given` without all three addresses."""
    wanted = environment.get(SWITCH, "auto")
    given = all(environment.get(variable) for variable in ADDRESSES.values())
    if wanted == "auto":
        if given:
            return Source.GIVEN
        return Source.DOCKER if _docker_answers(environment) else Source.EMBEDDED
    if wanted not in list(Source):
        raise ValueError(f"{SWITCH} is {wanted!r}; it takes auto, {', '.join(Source)}")
    if wanted in {Source.GIVEN, Source.SHARED} and not given:
        raise ValueError(f"{SWITCH}={wanted} needs {', '.join(ADDRESSES.values())}")
    return Source(wanted)


def make(source: Source, environment: Mapping[str, str]) -> TestServers:
    """Starts nothing yet."""
    match source:
        case Source.GIVEN | Source.SHARED:
            return GivenServers.of(environment)
        case Source.DOCKER:
            from tests.support.containers import ContainerServers  # needs an engine to be imported

            return ContainerServers()
        case Source.EMBEDDED:
            return Servers()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a thread and a loop of its own, whether or not a loop runs here."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenServer:
    """A server that is not ours: it has an address, and no test may stop it."""

    address: str

    @property
    def bootstrap_servers(self) -> str:
        return self.address

    @property
    def dsn(self) -> str:
        return self.address

    @property
    def url(self) -> str:
        return self.address

    @property
    def running(self) -> bool:
        return True

    async def start(self) -> None:
        """It runs already."""

    async def stop(self) -> None:
        raise NotOurs

    async def kill(self) -> None:
        raise NotOurs

    def pause(self) -> None:
        raise NotOurs

    def resume(self) -> None:
        raise NotOurs


class NotOurs(RuntimeError):
    def __init__(self) -> None:
        super().__init__("a given server is not ours to stop; mark the test with @pytest.mark.kills_servers")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenServers:
    kafka: GivenServer
    postgres: GivenServer
    redis: GivenServer

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "GivenServers":
        return cls(**{name.value: GivenServer(address=environment[variable]) for name, variable in ADDRESSES.items()})

    async def start(self, names: Collection[ServerName] = ALL) -> None:
        """They run already."""

    async def stop(self) -> None:
        """They are not ours to stop."""


def _docker_answers(environment: Mapping[str, str]) -> bool:
    if "DOCKER_HOST" not in environment and not Path("/var/run/docker.sock").exists():
        return False
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=3)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except DockerException:
        return False
