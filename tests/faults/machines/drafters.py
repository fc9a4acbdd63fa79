"""Intake and two drafting replicas on one database, moved by hand: nothing happens but what a machine lets happen."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from consumer.adapters.postgres.core.pool import Pool, closing_pool
from consumer.domain.request.work import Work
from consumer.flows.cache import DraftCache
from consumer.flows.drafting.loop import Drafting
from consumer.flows.drafting.ports import DraftingStores, Lane
from consumer.flows.drafting.worker import ModelUse
from consumer.flows.inbox import Batch
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import NoMeters
from consumer.settings import Settings
from consumer.wiring.loops import drafting_loop, drafting_stores, inbox
from consumer.wiring.model import PacedModel, open_model
from consumer.wiring.stores import open_cache
from tests.faults.machines.machine import event_loop
from tests.support.answers import structured
from tests.support.model_server import ModelServer
from tests.support.moved_clock import HANDS, MovedClock, move
from tests.support.replicas import MODEL, Often
from tests.support.wire import REDACTOR, arrive

_TABLES = (
    "SELECT table_name FROM information_schema.tables"
    f" WHERE table_schema = current_schema() AND table_name NOT IN ('schema_migrations', 'service_keys', '{HANDS}')"
)
_MOST_TURNS = 20


@dataclass(slots=True, kw_only=True)
class Drafters:
    """What all examples of a test share. `begin` makes it new for the next one."""

    settings: Settings
    dsn: str
    """With the clock in the way."""
    pool: Pool
    cache: DraftCache
    model: PacedModel | None
    tables: tuple[str, ...]
    stores: DraftingStores
    replicas: tuple[Drafting, ...] = ()

    async def begin(self) -> None:
        """Empties the tables, and starts two replicas anew."""
        deletes = "".join(f'DELETE FROM "{table}";' for table in self.tables)
        await self.pool.execute(f"BEGIN; SET LOCAL session_replication_role = replica; {deletes} COMMIT")
        self.replicas = tuple(
            drafting_loop(
                self.settings,
                stores=self.stores,
                redactor=REDACTOR,
                cache=self.cache,
                model=self.model,
                hint=Often(),
                health=Health(time.monotonic),
                meters=NoMeters(),
                replay_places=4,
            )
            for _ in range(2)
        )

    async def take_in(self, *events: dict[str, Any], topic: str | None = None) -> Counter[str]:
        """Stores the events in one batch, as intake does; returns what became of them."""
        arrivals = tuple(arrive(event, topic=topic) for event in events)
        stored = await inbox(self.settings, self.pool, REDACTOR).store(Batch(arrivals=arrivals))
        return Counter(stored.outcomes)

    async def turn(self, replica: int) -> None:
        """The replica takes up what is due, until nothing is."""
        drafting = self.replicas[replica]
        for _ in range(_MOST_TURNS):
            drafting._looked_at = drafting._woken_at = None
            await drafting._turn()
            if not (tasks := {*drafting._at_model, *drafting._at_rules}):
                return
            await asyncio.wait(tasks)
        raise AssertionError("there is no end of the work")

    async def take(self) -> Work | None:
        """Leases one piece of work, as a process that stands still then, or dies."""
        queue = self.stores.queue
        works = await queue.claim(Lane.MODEL, 1) or await queue.claim(Lane.REPLAY, 1)
        return works[0] if works else await queue.claim_lost()

    async def goes_on(self, work: Work) -> None:
        """The process that took it goes on, however much later."""
        drafting = self.replicas[0]
        await asyncio.wait({drafting._start(work, ModelUse.CALL)})

    async def published(self) -> list[dict[str, Any]]:
        """Everything that was put into the outbox, in order, each with its `kind`."""
        rows = await self.pool.fetch("SELECT value FROM outbox WHERE topic NOT LIKE '%.dlq' ORDER BY id")
        events = [json.loads(row["value"]) for row in rows]
        return [{"kind": event["type"].split(".")[1], **event["data"]} for event in events]

    async def move(self, seconds: float) -> None:
        await move(self.pool, seconds)


@asynccontextmanager
async def drafters(dsn: str, redis_url: str, prefix: str, model_url: str, **changes: Any) -> AsyncIterator[Drafters]:
    """With short leases and two revisions by change at most. `changes` are settings."""
    settings = Settings().model_copy(
        update={
            "topic_prefix": prefix,
            "redis_url": SecretStr(redis_url),
            "anthropic_api_key": SecretStr("k"),
            "anthropic_base_url": model_url,
            "model": MODEL,
            "fallback_model": None,
            "check_model": None,
            "model_probe_seconds": 0.1,
            "upgrade_spread_seconds": 0.0,
            "lease_seconds": 20.0,
            "revise_limit": 2,
            **changes,
        }
    )
    clock = await MovedClock.of(dsn)
    async with (
        closing_pool(clock.dsn, name="machine", max_size=10) as pool,
        open_cache(settings, Health(time.monotonic)) as cache,
        open_model(settings) as model,
    ):
        names = [row["table_name"] for row in await pool.fetch(_TABLES)]
        yield Drafters(
            settings=settings,
            dsn=clock.dsn,
            pool=pool,
            cache=cache,
            model=model,
            tables=tuple(names),
            stores=drafting_stores(settings, pool, REDACTOR, has_model=True),
        )


@contextmanager
def driving(dsn: str, redis_url: str, prefix: str, **changes: Any) -> Iterator[dict[str, Any]]:
    """What a machine needs to drive drafters: `loop`, `system`, and in `answers` the server of the model."""
    with event_loop() as loop, ModelServer(structured) as model:
        opened = drafters(dsn, redis_url, prefix, model.url, **changes)
        system = loop.run(opened.__aenter__())
        try:
            yield {"loop": loop, "system": system, "answers": model}
        finally:
            loop.run(opened.__aexit__(None, None, None))
