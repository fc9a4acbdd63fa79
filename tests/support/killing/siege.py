"""The whole of it: plays every act undisturbed, then once for each point that it passes, with a kill there.

Compared with the undisturbed run: what is stored of the act, and the drafts that the model was asked for. At the end of
each group of kills the oracle looks at everything that was written and published.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from consumer.errors import Transient
from tests.support import oracle
from tests.support.killing import acts
from tests.support.killing.acts import Act
from tests.support.killing.mother import Mother
from tests.support.killing.page import Page
from tests.support.killing.points import Moment, all_points
from tests.support.killing.world import NarrowStage, Outcome, World, open_world
from tests.support.servers import TestServers

GROUP = 30
"""Kills on one stage: then the oracle looks, and another stage begins."""

FALLS = 3
"""How often a stage may fall by itself, before its kills are given up."""

STAGE_TRIES = 20

Databases = Callable[[], AbstractContextManager[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    point: int
    moment: Moment
    act: Act
    passes: int
    """Of the point, in this moment, from the act's beginning on."""
    others: tuple[Act, ...] = ()
    """Further acts that pass it, for the case that this one passes it by."""

    @property
    def name(self) -> str:
        return f"{self.moment.name.lower()} {all_points()[self.point].name}"

    def __str__(self) -> str:
        return f"{self.name} (pass {self.passes} of {self.act.__name__})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """What an act does when nobody disturbs it."""

    outcome: Outcome
    drafts: Counter[str]
    passes: Sequence[int]
    """By slot."""
    seconds: float


@dataclass(slots=True)
class Report:
    undisturbed: dict[str, Undisturbed] = field(default_factory=dict)
    done: list[Kill] = field(default_factory=list)
    unmet: list[Kill] = field(default_factory=list)
    """Kills whose point was not passed again."""
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def unreached(self) -> set[str]:
        """The names of the points that no act passed."""
        return {
            point.name
            for number, point in enumerate(all_points())
            if not any(each.passes[Page.slot(number, Moment.BEFORE)] for each in self.undisturbed.values())
        }


class Siege:
    """`lanes` services at a time, each on a stage of its own."""

    def __init__(
        self,
        *,
        servers: TestServers,
        databases: Databases,
        mother: Mother,
        folder: Path,
        seed: int,
        lanes: int,
        tell: Callable[[str], None],
    ) -> None:
        self._servers = servers
        self._databases = databases
        self._mother = mother
        self._folder = folder
        self._chance = random.Random(seed)
        self._lanes = lanes
        self._tell = tell
        self._stages = 0
        self._tags = 0
        self._opening = asyncio.Lock()
        self._began = time.monotonic()
        all_points()  # seconds of work, which would hold up the lanes
        self.report = Report()

    async def record(self, chosen: Collection[Act]) -> None:
        """Plays the acts undisturbed."""
        shared = [act for act in chosen if act not in acts.FIRST]
        groups = [shared[lane :: self._lanes] for lane in range(self._lanes)]
        await self._in_lanes(groups + [[act] for act in chosen if act in acts.FIRST], self._recorded)

    def plan(self, *, only: str = "") -> list[Kill]:
        """A kill before each point that some act passes, and one while each waits that waits there.

        Not at borders of contexts at which nothing ever waits: the points within them are the next.
        In the shortest act that passes it; with `only`, in each act, at the points whose kill has this in its name.
        """
        kills = []
        by_length = sorted(
            self.report.undisturbed.items(), key=lambda entry: (acts.ACTS[entry[0]] in acts.FIRST, entry[1].seconds)
        )
        for point in range(len(all_points())):
            waits = any(each.passes[Page.slot(point, Moment.DURING)] for each in self.report.undisturbed.values())
            for moment in (Moment.BEFORE, Moment.DURING):
                if all_points()[point].is_border and not waits:
                    continue
                slot = Page.slot(point, moment)
                passing = [(acts.ACTS[name], known.passes[slot]) for name, known in by_length if known.passes[slot]]
                for at, (act, passes) in enumerate(passing if only else passing[:1]):
                    others = tuple(other for other, _ in passing[at + 1 :])
                    pass_ = self._chance.randint(1, passes)
                    kill = Kill(point=point, moment=moment, act=act, passes=pass_, others=others)
                    if only in f"{kill} ":
                        kills.append(kill)
        return kills

    async def kill(self, kills: Sequence[Kill]) -> None:
        """All of them. A point that an act passes by is tried again in the next act that passed it undisturbed."""
        while kills:
            await self._in_lanes(self._groups(kills), self._killed)
            missed, self.report.unmet = self.report.unmet, [each for each in self.report.unmet if not each.others]
            kills = [
                replace(each, act=each.others[0], passes=1, others=each.others[1:]) for each in missed if each.others
            ]
        self.report.seconds = time.monotonic() - self._began

    def _groups(self, kills: Sequence[Kill]) -> list[list[Kill]]:
        groups = []
        for kind, most in ((acts.LIVE, GROUP), (acts.JOBS, GROUP), (acts.FIRST, 1)):
            some = [kill for kill in kills if kill.act in kind]
            self._chance.shuffle(some)
            groups += [some[at : at + most] for at in range(0, len(some), most)]
        self._tell(f"{len(kills)} kills in {len(groups)} groups")
        return groups

    async def _in_lanes(self, groups: "list[list[Act]] | list[list[Kill]]", work: Callable[..., object]) -> None:
        waiting = iter(groups)

        async def lane() -> None:
            for group in waiting:
                await work(group)  # type: ignore[misc]

        async with asyncio.TaskGroup() as lanes:
            for _ in range(self._lanes):
                lanes.create_task(lane())

    async def _recorded(self, group: list[Act]) -> None:
        async with self._world(started=not set(group) & set(acts.FIRST)) as world:
            for act in group:
                before, began = world.page.counts(), time.monotonic()
                await self._play(world, act)
                self.report.undisturbed[act.__name__] = Undisturbed(
                    outcome=await world.outcome(),
                    drafts=world.drafts_begun(),
                    passes=[after - known for after, known in zip(world.page.counts(), before, strict=True)],
                    seconds=time.monotonic() - began,
                )
                self._tell(f"{act.__name__} takes {time.monotonic() - began:.1f} s undisturbed")

    async def _killed(self, group: list[Kill]) -> None:
        left, falls = list(group), 0
        while left:
            done: list[Kill] = []
            try:
                async with self._world(started=left[0].act not in acts.FIRST) as world:
                    while left:
                        done.append(left.pop(0))
                        await self._kill(world, done[-1])
                    await self._judge(world, jobs=done[-1].act in acts.JOBS)
            except AssertionError as error:
                self._note_wrong(f"on a stage with {len(done)} kills, the last: {done[-1] if done else None}", error)
            except Exception as error:  # noqa: BLE001 - one stage that fell must not end the others
                self._note_wrong(
                    f"a stage fell, after {len(done)} kills, the last: {done[-1] if done else None}", error
                )
                falls += 1
                if falls == FALLS:
                    return

    async def _kill(self, world: World, kill: Kill) -> None:
        known = self.report.undisturbed[kill.act.__name__]
        for passes in (kill.passes,) if kill.act in acts.FIRST else (kill.passes, 1):
            began = time.monotonic()
            world.page.arm(Page.slot(kill.point, kill.moment), passes)
            await self._play(world, kill.act)
            met = world.page.has_killed
            world.page.arm(0)
            outcome = await world.outcome()
            if outcome != known.outcome:
                self._note_wrong(str(kill), AssertionError(_difference(known.outcome, outcome)))
            more = world.drafts_begun() - known.drafts
            if (
                more
                and kill.act not in acts.PROBING
                and (max(more.values()) > acts.DRAFTS_AT_ONCE.get(kill.act, 1) or not met)
            ):
                self._note_wrong(str(kill), AssertionError(f"drafts paid for again: {more}"))
            if met:
                self.report.done.append(kill)
                self._tell(
                    f"{len(self.report.done)} {time.monotonic() - self._began:.0f} s: {kill}, "
                    f"{time.monotonic() - began:.1f} s"
                )
                return
        self.report.unmet.append(kill)
        self._tell(f"not met: {kill}")

    async def _play(self, world: World, act: Act) -> None:
        self._tags += 1
        await world.begin(f"a{self._tags}a")
        try:
            await act(world)
        finally:
            world.model.always(None)
            world.model.reader(None)

    async def _judge(self, world: World, *, jobs: bool) -> None:
        await world.committed()
        if not jobs:
            await world.stage.verdict(secrets=world.secrets)
            return
        written = await world.stage.oracle.read()
        accepted = oracle._accepted(written.input, world.stage.refused)
        checks = (oracle._outcomes(written, accepted), oracle._events(written), oracle._nothing_left(written))
        wrong = [complaint for check in checks for complaint in check]
        assert not wrong, "\n".join(wrong)

    def _note_wrong(self, where: str, error: BaseException) -> None:
        self.report.wrong.append(f"{where}\n{error}")
        self._tell(f"WRONG: {where}\n{error}")

    @asynccontextmanager
    async def _world(self, *, started: bool = True) -> AsyncIterator[World]:
        number = self._stages = self._stages + 1
        opened = self._databases()
        dsn = await asyncio.to_thread(opened.__enter__)
        try:
            async with AsyncExitStack() as stack:
                page = Page(self._folder / f"stage-{number}.page")
                stage = await self._staged(stack, dsn, number)
                world = await stack.enter_async_context(open_world(stage, self._mother, page))
                if started:
                    await world.start()
                yield world
        finally:
            await asyncio.to_thread(opened.__exit__, None, None, None)

    async def _staged(self, stack: AsyncExitStack, dsn: str, number: int) -> NarrowStage:
        """A machine that is busy with many stages may let a first connection wait for too long."""
        for left in range(STAGE_TRIES - 1, -1, -1):
            stage = NarrowStage(
                bootstrap_servers=self._servers.kafka.bootstrap_servers,
                dsn=dsn,
                redis_url=self._servers.redis.url,
                prefix=f"k{number}x{self._chance.randrange(10**6)}.",
                folder=self._folder,
            )
            try:
                async with self._opening:
                    return await stack.enter_async_context(stage)
            except Transient:
                if not left:
                    raise
                await asyncio.sleep(1)
        raise AssertionError


def _difference(known: Outcome, outcome: Outcome) -> str:
    return "\n".join(_lines(known, outcome))


def _lines(known: Outcome, outcome: Outcome) -> Iterator[str]:
    for name in known:
        yield from (f"{name}: - {row[:1500]}" for row in known[name] if row not in outcome[name])
        yield from (f"{name}: + {row[:1500]}" for row in outcome[name] if row not in known[name])
        if len(known[name]) != len(outcome[name]):
            yield f"{name}: {len(outcome[name])} rows, not {len(known[name])}"
