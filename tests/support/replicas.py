"""Drafting loops on real stores and a loopback model, wired as in the service, with short times."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import SecretStr

from consumer.adapters.postgres.core.pool import open_pool
from consumer.domain.redaction import Redactor
from consumer.domain.request.schedule import RevisionRules
from consumer.flows.cache import DraftCache
from consumer.flows.drafting.loop import Drafting
from consumer.flows.drafting.ports import DraftingStores
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter
from consumer.flows.operation.metric import LabelValues
from consumer.flows.pacing import Waker
from consumer.settings import Settings
from consumer.wiring.loops import drafting_loop, drafting_stores
from consumer.wiring.model import open_model
from consumer.wiring.stores import open_cache

REDACTOR = Redactor(b"a key for tests only")
MODEL = "claude-sonnet-5-5"
OTHER_MODEL = "claude-sonnet-5"
CHECK_MODEL = "claude-haiku-5-5"


@dataclass(slots=True)
class Counts:
    """Meters that remember their counts."""

    counts: dict[tuple[Meter, LabelValues], float] = field(default_factory=dict)

    def count(self, meter: Meter, amount: float = 1, *, label: LabelValues = "") -> None:
        self.counts[meter, label] = self.counts.get((meter, label), 0) + amount

    def set(self, meter: Meter, value: float, *, label: LabelValues = "") -> None:
        self.counts[meter, label] = value

    def replace(self, meter: Meter, values: Mapping[LabelValues, float]) -> None:
        self.counts |= {(meter, label): value for label, value in values.items()}

    def observe(self, meter: Meter, value: float) -> None:
        self.counts[meter, ""] = value


class Often:
    """A hint so frequent that no loop waits for its poll."""

    async def wait(self) -> None:
        await asyncio.sleep(0.03)


class Changed:
    """A port with some methods replaced. The others are the port's own."""

    def __init__(self, port: Any, **methods: Any) -> None:
        self._port = port
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


def stopped(stores: DraftingStores) -> DraftingStores:
    """Stores of a process that stops for longer than its leases: it renews nothing."""

    async def renew(_: object) -> None:
        return

    return replace(stores, queue=Changed(stores.queue, renew=renew), ledger=Changed(stores.ledger, renew=renew))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One process's drafting loop."""

    stores: DraftingStores
    cache: DraftCache
    drafting: Drafting
    health: Health
    meters: Counts
    stop: asyncio.Event
    task: "asyncio.Task[None]"

    async def end(self) -> None:
        self.stop.set()
        await self.task


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """Starts replicas; all share the stores and the model."""

    dsn: str
    redis_url: str
    prefix: str
    model_url: str

    @asynccontextmanager
    async def start(
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
        check_model: str | None = CHECK_MODEL,
        rules: RevisionRules = RevisionRules(after_seconds=0.1, window_seconds=3600, limit=5),  # noqa: B008 - frozen
        change: Callable[[DraftingStores], DraftingStores] = lambda stores: stores,
        redis_url: str | None = None,
        replay_places: int | None = None,
        only_replay: str | None = None,
        monthly_budget_usd: float | None = None,
        hint: Waker | None = None,
    ) -> AsyncIterator[Replica]:
        settings = Settings().model_copy(
            update={
                "topic_prefix": self.prefix,
                "redis_url": SecretStr(redis_url or self.redis_url),
                "anthropic_api_key": SecretStr("k") if key else None,
                "anthropic_base_url": self.model_url,
                "model": MODEL,
                "fallback_model": fallback_model,
                "check_model": check_model,
                "model_attempt_seconds": attempt_seconds,
                "monthly_budget_usd": monthly_budget_usd,
                "model_concurrency": places,
                "lease_seconds": lease_seconds,
                "deadline_margin_seconds": margin_seconds,
                "draft_cache_seconds": 60,
                "model_probe_seconds": probe_seconds,
                "upgrade_spread_seconds": spread_seconds,
                "revise_after_seconds": rules.after_seconds,
                "revise_window_seconds": rules.window_seconds,
                "revise_limit": rules.limit,
                "drain_seconds": drain_seconds,
            }
        )
        health, meters = Health(time.monotonic), Counts()
        async with contextlib.AsyncExitStack() as stack:
            pool = await open_pool(self.dsn, name="replica", max_size=10)
            stack.callback(pool.terminate)
            cache = await stack.enter_async_context(open_cache(settings, health))
            model = await stack.enter_async_context(open_model(settings))
            stores = change(drafting_stores(settings, pool, REDACTOR, has_model=key, only_replay=only_replay))
            drafting = drafting_loop(
                settings,
                stores=stores,
                redactor=REDACTOR,
                cache=cache,
                model=model,
                hint=Often() if hint is None else hint,
                health=health,
                meters=meters,
                replay_places=places if replay_places is None else replay_places,
            )
            stop = asyncio.Event()
            task = asyncio.create_task(drafting.run(stop), name="drafting")
            try:
                yield Replica(
                    stores=stores, cache=cache, drafting=drafting, health=health, meters=meters, stop=stop, task=task
                )
            finally:
                stop.set()
                await asyncio.wait({task}, timeout=drain_seconds + 2)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
