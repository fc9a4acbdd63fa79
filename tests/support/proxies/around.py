"""All four proxies around one stage: its services reach their servers only through them."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from tests.support.proxies.kafka import KafkaProxy
from tests.support.proxies.kinds import KAFKA, MODEL, POSTGRES, REDIS
from tests.support.proxies.model import ModelProxy
from tests.support.proxies.plan import Plan
from tests.support.proxies.postgres import PostgresProxy
from tests.support.proxies.proxy import Proxy
from tests.support.proxies.redis import RedisProxy
from tests.support.service import ServiceProcess
from tests.support.stage import Stage


class Proxies:
    """For the time of a `with` block. The stage itself, and its oracle, go to the servers directly."""

    def __init__(self, stage: Stage) -> None:
        addresses = stage.environment()
        self._stage = stage
        self.kafka = KafkaProxy(stage.bootstrap_servers)
        self.postgres = PostgresProxy(stage.dsn)
        self.redis = RedisProxy(addresses["REDIS_URL"])
        self.model = ModelProxy(stage.model.url)
        self.by_server: dict[str, Proxy] = {
            KAFKA: self.kafka,
            POSTGRES: self.postgres,
            REDIS: self.redis,
            MODEL: self.model,
        }
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for proxy in self.by_server.values():
            self._open.enter_context(proxy)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for service in self._stage.services:
            service.discard()
        self._open.close()

    def follow(self, server: str, plan: Plan) -> None:
        self.by_server[server].ledger.follow(plan)

    def service(self, **changes: str) -> ServiceProcess:
        """A service behind the proxies, not yet started."""
        return self._stage.service_of(
            self._stage.environment()
            | {f"ESCALATION_{name.upper()}": value for name, value in changes.items()}
            | {
                "KAFKA_BOOTSTRAP_SERVERS": self.kafka.address,
                "DATABASE_URL": self.postgres.dsn,
                "REDIS_URL": self.redis.url,
                "ANTHROPIC_BASE_URL": self.model.url,
            }
        )
