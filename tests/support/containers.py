"""The three servers as containers of docker-compose.yml's images. Needs a Docker engine."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Collection

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError
from testcontainers.core.container import DockerContainer

from consumer.adapters.embedded import ServerName, ports
from tests.support import compose

_READY_SECONDS = 90.0
_POLL_SECONDS = 0.1
_NOT_YET = (OSError, TimeoutError, KafkaError, RedisError, asyncpg.PostgresError)


class ContainerServer(ABC):
    """One container with a fixed port on the host: a random one would change at every start."""

    def __init__(self, service: str, inner_port: int) -> None:
        self.port = ports.free_port()
        self._container = DockerContainer(compose.image(service)).with_bind_ports(inner_port, self.port)
        self._created = False
        self._status = "new"

    @abstractmethod
    async def _probe(self) -> None:
        """Return when the server answers, raise when it does not."""

    @property
    def running(self) -> bool:
        return self._status in {"running", "paused"}

    async def start(self) -> None:
        if self._status == "paused":
            self.resume()
        if self._status == "running":
            return
        if not self._created:
            await asyncio.to_thread(self._container.start)
            self._created = True
        else:
            await asyncio.to_thread(self._container.get_wrapped_container().start)
        self._status = "running"
        await self._ready()

    async def stop(self) -> None:
        if self.running:
            self.resume()
            await asyncio.to_thread(self._container.get_wrapped_container().stop, timeout=20)
            self._status = "ended"

    async def kill(self) -> None:
        if self.running:
            container = self._container.get_wrapped_container()
            await asyncio.to_thread(container.kill)
            await asyncio.to_thread(container.wait)
            self._status = "ended"

    def pause(self) -> None:
        if self._status == "running":
            self._container.get_wrapped_container().pause()
            self._status = "paused"

    def resume(self) -> None:
        if self._status == "paused":
            self._container.get_wrapped_container().unpause()
            self._status = "running"

    async def remove(self) -> None:
        if self._created:
            self.resume()
            await asyncio.to_thread(self._container.stop)
            self._created = False

    async def _ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                await asyncio.wait_for(self._probe(), 5)
            except _NOT_YET:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_POLL_SECONDS)
            else:
                return


class KafkaContainer(ContainerServer):
    def __init__(self) -> None:
        super().__init__("kafka", 9092)
        settings = compose.services()["kafka"]["environment"] | {
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{self.bootstrap_servers}",
            "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": 1000,
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": 0,
            "KAFKA_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS": 1000,
            "KAFKA_BROKER_SESSION_TIMEOUT_MS": 2000,
            "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": 500,
        }
        for name, value in settings.items():
            self._container.with_env(name, str(value))

    @property
    def bootstrap_servers(self) -> str:
        return f"{ports.LOOPBACK}:{self.port}"

    async def _probe(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        try:
            await admin.start()
            await admin.list_topics()
        finally:
            await admin.close()


class PostgresContainer(ContainerServer):
    def __init__(self) -> None:
        super().__init__("postgres", 5432)
        self._container.with_env("POSTGRES_HOST_AUTH_METHOD", "trust")

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres@{ports.LOOPBACK}:{self.port}/postgres"

    async def _probe(self) -> None:
        connection = await asyncpg.connect(self.dsn)
        await connection.close()


class RedisContainer(ContainerServer):
    def __init__(self) -> None:
        super().__init__("redis", 6379)
        self._container.with_command("redis-server --appendonly yes")

    @property
    def url(self) -> str:
        return f"redis://{ports.LOOPBACK}:{self.port}/0"

    async def _probe(self) -> None:
        async with Redis.from_url(self.url) as client:
            await client.ping()


class ContainerServers:
    def __init__(self) -> None:
        self.kafka = KafkaContainer()
        self.postgres = PostgresContainer()
        self.redis = RedisContainer()

    async def start(self, names: Collection[ServerName] = frozenset(ServerName)) -> None:
        await asyncio.gather(*(self._server(name).start() for name in names))

    async def stop(self) -> None:
        await asyncio.gather(*(self._server(name).remove() for name in ServerName))

    def _server(self, name: ServerName) -> ContainerServer:
        match name:
            case ServerName.KAFKA:
                return self.kafka
            case ServerName.POSTGRES:
                return self.postgres
            case ServerName.REDIS:
                return self.redis
