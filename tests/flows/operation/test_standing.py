"""The watch over the store's standing, on ports that only say what matters."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from consumer.adapters.postgres.core.pool import Trust
from consumer.domain.events import TopicPartition
from consumer.errors import Transient
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import Meter
from consumer.flows.rebuild import standing
from consumer.flows.rebuild.ports import OffsetRange, Rebuilt
from consumer.flows.rebuild.standing import Standing
from schemas.topics import SESSIONS, Topics
from tests.support.meters import RememberedMeters

AT = TopicPartition(SESSIONS, 0)


class World:
    """A store and a group that has committed offset 10 of a log of 12."""

    def __init__(self) -> None:
        self.name = "first"
        self.position = 10
        self.incomplete = False
        self.away: asyncio.Event | None = None
        self.trust = Trust()
        self.catches_up = 0
        self.health, self.meters = Health(asyncio.get_running_loop().time), RememberedMeters()
        store: Any = self
        self.standing = Standing(
            store=store,
            history=store,
            topics=Topics(""),
            group="g",
            trust=self.trust,
            catch_up=self.catch_up,
            health=self.health,
            meters=self.meters,
        )

    async def incarnation(self) -> str:
        return self.name

    async def is_incomplete(self) -> bool:
        return self.incomplete

    async def positions(self) -> dict[TopicPartition, int]:
        return {AT: self.position}

    async def spans(self, _topics: Collection[str]) -> dict[TopicPartition, OffsetRange]:
        if self.away is not None:
            await self.away.wait()
        return {AT: OffsetRange(start=0, end=12)}

    async def committed(self, _group: str, _partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return {AT: 10}

    async def catch_up(self) -> Rebuilt:
        self.catches_up += 1
        if self.catches_up == 1:
            raise Transient("a server went away")
        self.position, self.incomplete = 10, False
        return Rebuilt()

    def stuck(self) -> dict[str, str]:
        return {stuck.what: stuck.reason for stuck in self.health.stuck()}


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "LOOK_SECONDS", 0.01)


async def run(world: World, seconds: float = 0.2) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(world.standing.run(stop))
    await asyncio.sleep(seconds)
    stop.set()
    if world.away is not None:
        world.away.set()
    await running


async def test_a_store_that_is_not_behind_is_trusted_until_it_is_another_one() -> None:
    world = World()
    await run(world)
    assert (world.trust.incarnation, world.catches_up) == ("first", 0)
    assert world.standing.checked.is_set()
    world.name = "second"
    await run(world)
    assert world.trust.incarnation == "second"


@pytest.mark.parametrize("incomplete", [False, True], ids=["behind", "begun by somebody"])
@pytest.mark.failure(28)
async def test_a_store_that_is_behind_is_trusted_once_it_has_caught_up(*, incomplete: bool) -> None:
    world = World()
    world.incomplete = incomplete
    world.position = 10 if incomplete else 7
    await run(world)
    assert world.catches_up == 2
    assert world.trust.incarnation == "first"
    assert world.meters.counts[Meter.CATCH_UPS, ""] == 2
    assert "standing" not in world.stuck()


async def test_a_broker_that_hangs_is_no_loop_that_stands_still() -> None:
    world = World()
    world.health.expect(standing.LOOP, within_seconds=0.3)
    world.away = asyncio.Event()
    running = asyncio.create_task(run(world, 0.8))
    await asyncio.sleep(0.7)
    assert world.health.alive
    assert world.trust.incarnation is None
    await running
