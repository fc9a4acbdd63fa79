"""One run: storms and quiet phases for as long as asked, then the oracle."""

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError

from tests.soak.bills import Bills
from tests.soak.chaos import Chaos
from tests.soak.deeds import Deeds
from tests.soak.figures import Figures
from tests.soak.fleet import Fleet
from tests.soak.histories import Histories
from tests.soak.load import Load
from tests.soak.moods import Moods
from tests.soak.plan import Weather, storm
from tests.soak.report import report
from tests.soak.stream import Stream
from tests.soak.tenants import Tenant, tenants
from tests.soak.verdict import Verdict, judged
from tests.soak.view import View
from tests.soak.watch import DATABASE_AWAY, Watch
from tests.support.servers import TestServers
from tests.support.stage import Stage
from tests.support.waiting import until

READY_SECONDS = 120.0
SETTLED_SECONDS = 240.0
"""For all that a storm left, on a busy machine; what takes longer stands still."""
RETENTION_DAYS = 60 / 86_400
BUDGET_USD_PER_MINUTE = 0.02
"""So that the budget is used up after some minutes, and holds for the rest."""
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was asked for."""

    minutes: float = 30.0
    seed: int = 7
    tenants: int = 3
    rate: float = 1.5
    """New sessions a second, outside of quiet phases."""
    weather: Weather = field(default_factory=Weather)


class Soak:
    """`run` returns the report."""

    def __init__(self, servers: TestServers, stage: Stage, folder: Path, terms: Terms) -> None:
        self._terms = terms
        self._stage = stage
        self.figures = Figures()
        self._tenants: list[Tenant] = tenants(terms.tenants, budget_usd=BUDGET_USD_PER_MINUTE * terms.minutes)
        self._bills = Bills(self._tenants)
        self._moods = Moods(stage.model, self._bills)
        self._fleet = Fleet(stage=stage, folder=folder, retention_days=RETENTION_DAYS)
        self._histories = Histories(terms.seed, self._tenants)
        self._load = Load(stage, self._histories, self.figures, seed=terms.seed, rate=terms.rate)
        self._deeds = Deeds(stage, self._load, self._tenants, self.figures, retention_days=RETENTION_DAYS)
        self._chaos = Chaos(servers, self._fleet, self._moods, self._deeds, self.figures)
        self._watch = Watch(stage, self._fleet, self.figures)
        self._begun = time.monotonic()

    async def run(self, view: View) -> Mapping[str, Any]:
        self._moods.calm()
        self._moods.calm_reader()
        self._fleet.prepare(self._terms.weather.replicas)
        for place in range(self._terms.weather.replicas):
            self._fleet.start(place)
        await self._ready()
        tasks = [
            asyncio.create_task(work, name="soak")
            for work in (
                self._load.run(),
                Stream(self._stage, self.figures).run(),
                self._watch.run(),
                _drawing(view),
            )
        ]
        try:
            await self._policies_hold()
            self._begun = time.monotonic()
            await self._storms()
            await self._end()
            verdict = await self._judged()
        finally:
            await self._load.stop()
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        wrong = [f"a part of the soak fell: {end!r}" for end in ends if isinstance(end, Exception)]
        verdict.complaints.extend(wrong)
        return report(
            self.figures,
            verdict,
            self._bills,
            self._tenants,
            seed=self._terms.seed,
            seconds=self._seconds,
            real=self._histories.are_real,
        )

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._begun

    async def _storms(self) -> None:
        number, weather = 0, self._terms.weather
        while self._seconds < self._terms.minutes * 60:
            number += 1
            self.figures.phase = f"storm {number}"
            self._load.go_on()
            await self._chaos.blow(storm(self._terms.seed, number, weather), seconds=weather.storm_seconds)
            await self._quiet(number)

    async def _quiet(self, number: int) -> None:
        """All is healed and nobody asks for anything new: every piece of work has to end."""
        self.figures.phase = f"quiet {number}"
        begun = time.monotonic()
        await self._load.rest()
        await self._ready()
        left = "?"
        while time.monotonic() - begun < SETTLED_SECONDS:
            if not (left := await self._unsettled()):
                self.figures.settled_in.append(time.monotonic() - begun)
                break
            await asyncio.sleep(_LOOK_SECONDS)
        else:
            self.figures.complaints.append(f"quiet {number}: not settled in {SETTLED_SECONDS:g} s: {left}")
        if (sample := await self._watch.sample(seconds=self._seconds)) is not None:
            self.figures.samples.append(sample)

    async def _unsettled(self) -> str:
        try:
            return await self._stage.oracle.unsettled()
        except (OSError, TimeoutError, KafkaError, *DATABASE_AWAY) as error:
            return repr(error)

    async def _ready(self) -> None:
        for name, process in self._fleet.up:
            try:
                await process.wait_ready(within_seconds=READY_SECONDS)
            except AssertionError as error:
                self.figures.complaints.append(f"replica {name}: {str(error).splitlines()[0]}")

    async def _policies_hold(self) -> None:
        chance = random.Random(self._terms.seed)
        for tenant in self._tenants:
            await self._deeds.set_policy(tenant, chance)
        await until(self._all_read, within_seconds=READY_SECONDS, every_seconds=_LOOK_SECONDS)

    async def _all_read(self) -> bool:
        try:
            return not await self._stage.oracle.unread()
        except (OSError, TimeoutError, KafkaError):  # the group has no coordinator before its first member
            return False

    async def _end(self) -> None:
        """What is remembered by then is complete; each replica ends well, and the log is read when all have ended."""
        self.figures.phase = "ending"
        await self._watch.remember()
        await asyncio.gather(*(self._fleet.end(place) for place in range(self._terms.weather.replicas)))
        self.figures.complaints += self._fleet.complaints

    async def _judged(self) -> Verdict:
        self.figures.phase = "judging"
        return await judged(
            self._stage,
            self.figures,
            self._bills,
            self._tenants,
            remembered=self._watch.remembered,
            seconds=self._terms.minutes * 60,
            replicas=self._terms.weather.replicas,
        )


async def _drawing(view: View) -> None:
    while True:
        with suppress(RuntimeError):  # a count that grew while it was drawn
            view.draw()
        await asyncio.sleep(_LOOK_SECONDS)
