"""A library that cancels its own futures, as those of Kafka and PostgreSQL do, ends no loop and loses no place."""

import asyncio
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from consumer import service
from consumer.adapters.postgres.core.hints import Hints
from consumer.flows import forgetting, retention
from consumer.flows.cache import NoCache
from consumer.flows.drafting import loop as drafting
from consumer.flows.drafting.ports import DraftingStores
from consumer.flows.drafting.tracing import NoTracing
from consumer.flows.intake import loop as intake
from consumer.flows.operation import budgets, guard, watch
from consumer.flows.operation.guard import Guard
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import NoMeters
from consumer.flows.operation.phases import PhaseClock
from consumer.flows.rebuild import standing
from consumer.flows.redrive import redriving
from consumer.flows.relay import loop as relay
from consumer.flows.retention import RetentionRules
from schemas.topics import Topics
from tests.support.waiting import until
from tests.support.wire import REDACTOR


@dataclass
class Cancelling:
    """A port of any kind. Its calls that wait end in a CancelledError that nobody asked for."""

    calls: int = 0
    lost: list[Any] = field(default_factory=list)
    is_member: bool = True

    def positions(self) -> dict[Any, Any]:
        return {}

    def pause(self) -> None: ...

    async def close(self) -> None: ...

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        async def call(*_: Any, **__: Any) -> None:
            self.calls += 1
            await asyncio.sleep(0)
            raise asyncio.CancelledError

        return call


def loops(port: Any, health: Health) -> dict[str, guard.Run]:
    """Every loop that waits for something outside of the process, on this port."""
    shared: Any = {"health": health, "meters": NoMeters(), "clock": time.monotonic}
    rules = RetentionRules(content_seconds=1.0, keys_seconds=None, window_seconds=1.0)
    return {
        watch.LOOP: watch.Watch(tables=port, **shared).run,
        relay.LOOP: relay.Relay(
            name="r", outbox=port, broker=port, hint=asyncio.Event(), topics=(), batch_rows=1, **shared
        ).run,
        intake.LOOP: intake.Intake(source=port, inbox=port, redactor=REDACTOR, topics=Topics(""), **shared).run,
        drafting.LOOP: drafting.Drafting(
            stores=DraftingStores(queue=port, ledger=port, endings=port, outages=port, doubts=port, accounts=port),
            worker=port,
            drafter=None,
            model_places=1,
            replay_places=1,
            failures=port,
            keeper=port,
            longest_work_seconds=1.0,
            drain_seconds=1.0,
            hint=asyncio.Event(),
            health=health,
            tracing=NoTracing(),
            phases=PhaseClock(meters=NoMeters(), loop=drafting.LOOP, clock=time.monotonic),
            clock=time.monotonic,
        ).run,
        standing.LOOP: standing.Standing(
            store=port,
            history=port,
            topics=Topics(""),
            group="g",
            trust=port,
            catch_up=port.catch_up,
            health=health,
            meters=NoMeters(),
        ).run,
        forgetting.LOOP: forgetting.Forgetting(
            evictions=port, cache=NoCache(), hint=asyncio.Event(), health=health
        ).run,
        retention.LOOP: retention.Retention(trimmer=port, rules=rules, health=health).run,
        redriving.LOOP: redriving.Redriving(
            store=port, judge=port, originals=port, inbox=port, runner="r", lease_seconds=1.0, health=health
        ).run,
        budgets.LOOP: budgets.BudgetWatch(tables=port, monthly_budget_usd=None, meters=NoMeters()).run,
        "hints": Hints("postgresql://127.0.0.1:9/none").run,
    }


def test_these_are_all_loops() -> None:
    source = inspect.getsource(service)
    waiting = loops(Cancelling(), Health(lambda: 0.0))
    assert source.count("self._guard.start(") == len(waiting) + 1, "the sampler waits for nothing"


@pytest.mark.parametrize("name", sorted(loops(Cancelling(), Health(lambda: 0.0))))
async def test_the_loop_goes_on(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    port, health = Cancelling(), Health(time.monotonic)
    monkeypatch.setattr(guard, "PAUSES_SECONDS", (0.0,))
    monkeypatch.setattr(asyncpg, "connect", port.connect)
    owner = Guard(health=health, meters=NoMeters(), clock=time.monotonic)

    async def called_again_and_again() -> bool:
        return port.calls >= 3

    with capture_logs():
        owner.start(name, loops(port, health)[name])
        await until(called_again_and_again, within_seconds=10)
        owner.ask_to_stop(name)
        await owner.ended(name, within_seconds=5)
    assert f"loop:{name}" in {stuck.what for stuck in health.stuck()} or name in {"hints", "budgets"}, (
        "it is named as failing"
    )


async def test_a_loop_that_is_cut_off_ends() -> None:
    owner = Guard(health=Health(time.monotonic), meters=NoMeters(), clock=time.monotonic)

    async def deaf(_stop: asyncio.Event) -> None:
        await asyncio.Event().wait()

    with capture_logs():
        owner.start("deaf", deaf)
        await asyncio.sleep(0)
        assert not await owner.ended("deaf", within_seconds=0.0)
        assert await owner.ended("deaf", within_seconds=0.0)
