"""A relay in its own process, for tests to kill and freeze: `python -m tests.support.relay_process JSON`."""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from consumer.adapters.kafka.publishing.relay import KafkaBroker
from consumer.adapters.postgres.core.pool import open_pool
from consumer.adapters.postgres.outbox import PostgresOutbox
from consumer.adapters.prometheus import PrometheusMeters
from consumer.flows.operation.health import Health
from consumer.flows.relay.loop import Relay
from consumer.flows.relay.ports import NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    bootstrap_servers: str
    dsn: str
    prefix: str
    lease_seconds: float = 0.5
    transaction_seconds: float = 3.0
    batch_rows: int = 20
    topics: Sequence[str] = ()

    @property
    def marker_topic(self) -> str:
        return f"{self.prefix}marker"

    def command(self) -> Sequence[str]:
        return (sys.executable, "-m", "tests.support.relay_process", json.dumps(asdict(self)))

    def broker(self) -> KafkaBroker:
        return KafkaBroker(
            {"bootstrap_servers": self.bootstrap_servers},
            transactional_id=self.prefix + NAME,
            group=self.prefix + NAME,
            marker_topic=self.marker_topic,
            transaction_seconds=self.transaction_seconds,
        )


class NoHint:
    async def wait(self) -> None:
        await asyncio.sleep(0.05)


async def relay(parameters: Parameters, stop: asyncio.Event) -> None:
    pool = await open_pool(parameters.dsn, name="relay", max_size=2)
    try:
        await Relay(
            name=str(os.getpid()),
            outbox=PostgresOutbox(pool, name=parameters.prefix + NAME, lease_seconds=parameters.lease_seconds),
            broker=parameters.broker(),
            hint=NoHint(),
            health=Health(time.monotonic),
            meters=PrometheusMeters(),
            clock=time.monotonic,
            topics=parameters.topics,
            batch_rows=parameters.batch_rows,
        ).run(stop)
    finally:
        await pool.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(relay(Parameters(**json.loads(sys.argv[1])), asyncio.Event()))
