"""Drafters at work on real stores and a loopback model: what `app` puts together, with short times."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from consumer.adapters.anthropic import Anthropic
from consumer.adapters.postgres.core.pool import open_pool
from consumer.adapters.postgres.drafting.desk import PostgresDesk
from consumer.adapters.redis import RedisCache
from consumer.domain.package.package import Sender
from consumer.domain.redaction import Redactor
from consumer.domain.request.schedule import RevisionRules
from consumer.flows.drafting.drafter import Drafter
from consumer.flows.drafting.loop import Drafting
from consumer.flows.drafting.worker import Worker
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter
from schemas.topics import Topics

REDACTOR = Redactor(b"a key for tests only")
MODEL = "claude-sonnet-5-5"
OTHER_MODEL = "claude-sonnet-5"


@dataclass(slots=True)
class Counts:
    """Meters that remember their counts."""

    counts: dict[tuple[Meter, str], float] = field(default_factory=dict)

    def count(self, meter: Meter, amount: float = 1, *, label: str = "") -> None:
        self.counts[meter, label] = self.counts.get((meter, label), 0) + amount

    def set(self, meter: Meter, value: float, *, label: str = "") -> None:
        self.counts[meter, label] = value

    def observe(self, meter: Meter, value: float) -> None:
        self.counts[meter, ""] = value


class Often:
    """A hint that comes so often that nobody waits for the poll."""

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.03))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One process's drafting loop."""

    desk: PostgresDesk
    cache: RedisCache
    drafting: Drafting
    health: Health
    meters: Counts
    stop: asyncio.Event
    task: "asyncio.Task[None]"

    async def end(self) -> None:
        self.stop.set()
        await self.task


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Where replicas are started; all share the stores and the model."""

    dsn: str
    redis_url: str
    prefix: str
    model_url: str

    @asynccontextmanager
    async def replica(
        self,
        *,
        key: bool = True,
        places: int = 8,
        lease_seconds: float = 20.0,
        attempt_seconds: float = 30.0,
        margin_seconds: float = 0.5,
        probe_seconds: float = 0.5,
        spread_seconds: float = 0.2,
        drain_seconds: float = 3.0,
        fallback_model: str | None = OTHER_MODEL,
        rules: RevisionRules = RevisionRules(after_seconds=0.1, window_seconds=3600, limit=5),  # noqa: B008 - frozen
        make_desk: Callable[..., PostgresDesk] = PostgresDesk,
        redis_url: str | None = None,
        replay_places: int | None = None,
        only_replay: str | None = None,
    ) -> AsyncIterator[Replica]:
        pool = await open_pool(self.dsn, name="office", max_size=10)
        health, meters = Health(time.monotonic), Counts()
        desk = make_desk(
            pool,
            redactor=REDACTOR,
            lease_seconds=lease_seconds,
            margin_seconds=margin_seconds,
            probe_seconds=probe_seconds,
            spread_seconds=spread_seconds,
            rules=rules,
            model_name=MODEL if key else None,
            only_replay=only_replay,
        )
        cache = RedisCache(redis_url or self.redis_url, prefix=self.prefix, keep_seconds=60, health=health)
        model = Anthropic(api_key="k", base_url=self.model_url, attempt_seconds=attempt_seconds, concurrency=places)
        drafter = Drafter(
            model=model,
            desk=desk,
            model_name=MODEL,
            fallback_model_name=fallback_model,
            max_tokens=1400,
            probe_seconds=probe_seconds,
            health=health,
            meters=meters,
            clock=time.monotonic,
        )
        worker = Worker(
            desk=desk,
            cache=cache,
            drafter=drafter if key else None,
            sender=Sender(topics=Topics(self.prefix), source="/escalation-consumer"),
            model_name=MODEL,
            late_answer_seconds=2 * attempt_seconds,
            scan=lambda session: REDACTOR.scope(*session).text,
            meters=meters,
            clock=time.monotonic,
        )
        drafting = Drafting(
            desk=desk,
            worker=worker,
            drafter=drafter if key else None,
            model_places=places,
            replay_places=places if replay_places is None else replay_places,
            lease_seconds=lease_seconds,
            drain_seconds=drain_seconds,
            hint=Often(),
            health=health,
            clock=time.monotonic,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(drafting.run(stop), name="drafting")
        try:
            yield Replica(desk=desk, cache=cache, drafting=drafting, health=health, meters=meters, stop=stop, task=task)
        finally:
            stop.set()
            await asyncio.wait({task}, timeout=drain_seconds + 2)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await model.close()
            await cache.close()
            pool.terminate()
