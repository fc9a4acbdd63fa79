"""The relay in a small world: a table, a broker that fences, leases that hold nobody back, and faults at every step."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from consumer.flows.operation.health import Health
from consumer.flows.relay import loop as relay
from consumer.flows.relay.agreement import Agreement, agreement_of
from consumer.flows.relay.hanging import TRIES
from consumer.flows.relay.loop import Relay
from consumer.flows.relay.ports import (
    BrokerAway,
    Delivery,
    Doubtful,
    EventsRefused,
    Hanging,
    Identity,
    OutboxRow,
    Publisher,
    Term,
    content_digest,
)
from tests.support.meters import RememberedMeters

TOPIC = "events"


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "BACKOFF_SECONDS", (0.0,))
    monkeypatch.setattr(relay, "READ_AGAIN_SECONDS", (0.0, 0.0))


@dataclass(slots=True)
class World:
    """One table and one broker. Steps yield at random; broker calls fail with probability `fault_rate`."""

    chance: random.Random
    fault_rate: float = 0.0
    fences: bool = True
    forgets: bool = False
    """The broker may count a transaction as over without having ended it."""
    outbox: dict[int, int | None] = field(default_factory=dict)
    token: int = 0
    position: int = 0
    numbered: int = 0
    epoch: int = 0
    committed: int | None = None
    log: list[int] = field(default_factory=list)
    hanging: list[int] = field(default_factory=list)
    aborted: int = 0
    """How many rows were aborted: they keep their offsets, so that no two transactions begin at the same one."""
    searches: int = 0
    """How often it was read what hangs: nothing is published meanwhile."""
    looks: int = 0
    foreign: bool = False
    """What hangs is of another producer: no end of ours ends it."""
    closed: bool = False
    """The topic has no leader."""
    late: tuple[list[int], int] | None = None
    """Rows of a predecessor's transaction, and the position in it. Its end arrives just before the next fence."""
    stale: int | None = None
    """The broker gives this position once, before that of the last commit."""
    poison: set[int] = field(default_factory=set)
    """Rows that the topic refuses."""
    parked: set[int] = field(default_factory=set)
    ids: Iterator[int] = field(default_factory=lambda: iter(range(10**6)))

    def abort(self) -> None:
        self.aborted += len(self.hanging)
        self.hanging.clear()

    def add(self, rows: int) -> None:
        for _ in range(rows):
            self.outbox[next(self.ids)] = None

    async def step(self) -> None:
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)

    def fails(self) -> bool:
        return self.chance.random() < self.fault_rate


class Table:
    """An outbox whose leases run out at once: each relay leads; only token and broker decide."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def lead(self, _leader: str) -> Term | None:
        await self._world.step()
        self._world.token += 1
        return Term(token=self._world.token, position=self._world.position, numbered=self._world.numbered)

    async def take(self, token: int, *, at_least: int, limit: int) -> Sequence[OutboxRow] | None:
        world = self._world
        await world.step()
        if token != world.token:
            return None
        self._delete_below(at_least)
        untaken = sorted(
            row_id for row_id, position in world.outbox.items() if position is None and row_id not in world.parked
        )[:limit]
        for place, row_id in enumerate(untaken, world.numbered):
            world.outbox[row_id] = place
        world.numbered += len(untaken)
        numbered = [(at, row_id) for row_id, at in world.outbox.items() if at is not None]
        return [_row(row_id, at) for at, row_id in sorted(numbered)[:limit]]

    def _delete_below(self, position: int) -> None:
        world = self._world
        for row_id in [row_id for row_id, at in world.outbox.items() if at is not None and at < position]:
            del world.outbox[row_id]
        world.position = max(world.position, position)
        world.numbered = max(world.numbered, position)

    async def published(self, position: int) -> None:
        await self._world.step()
        self._delete_below(position)

    async def doubtful(self, position: int | None) -> Sequence[Doubtful]:
        await self._world.step()
        return [
            Doubtful(id=row_id, identity=_identity(row_id), created_at=datetime.now(UTC))
            for row_id, at in self._world.outbox.items()
            if position is None or (at is not None and at >= position)
        ]

    async def forget(self, ids: Collection[int]) -> None:
        await self._world.step()
        for row_id in ids:
            self._world.outbox.pop(row_id, None)

    async def unnumber(self, token: int) -> None:
        await self._world.step()
        if token == self._world.token:
            self._world.outbox = dict.fromkeys(self._world.outbox)

    async def park(self, token: int, refusal: EventsRefused) -> None:
        world = self._world
        await world.step()
        if token == world.token:
            world.parked |= set(world.outbox) if refusal.of_all else refusal.ids
            world.outbox |= dict.fromkeys(world.parked & world.outbox.keys())

    async def retry_parked(self, _token: int) -> Collection[str]:
        await self._world.step()
        if self._world.parked and self._world.chance.random() < 0.1:
            self._world.parked.remove(self._world.chance.choice(sorted(self._world.parked)))
        return ()

    async def admit(self, topics: Collection[str]) -> None:
        raise AssertionError(topics)

    async def resign(self, _token: int) -> None:
        await self._world.step()


class Cluster:
    def __init__(self, world: World) -> None:
        self._world = world

    async def fence(self) -> Publisher:
        await self._world.step()
        if self._world.fails():
            raise BrokerAway
        if self._world.late is not None:
            rows, self._world.committed = self._world.late
            self._world.log += rows
            self._world.late = None
        self._world.epoch += 1
        return Producer(self._world, self._world.epoch)


class Producer:
    def __init__(self, world: World, epoch: int) -> None:
        self._world = world
        self._epoch = epoch
        self._link_lost = False

    async def position(self) -> int | None:
        await self._world.step()
        stale, self._world.stale = self._world.stale, None
        return self._world.committed if stale is None else stale

    async def hanging(self, topics: Collection[str]) -> Mapping[str, Sequence[Hanging]]:
        self._world.searches += 1
        return await self._hanging(topics)

    async def _hanging(self, topics: Collection[str]) -> Mapping[str, Sequence[Hanging]]:
        await self._world.step()
        if self._world.closed:
            return {}
        rows = frozenset(map(_identity, self._world.hanging))
        hanging = (
            [
                Hanging(
                    topic=TOPIC,
                    partition=0,
                    begins_at=0 if self._world.foreign else len(self._world.log) + self._world.aborted,
                    identities=rows,
                )
            ]
            if rows
            else []
        )
        return dict.fromkeys(topics, hanging)

    async def unended(self, topics: Collection[str]) -> frozenset[Hanging]:
        self._world.looks += 1
        return frozenset(each for some in (await self._hanging(topics)).values() for each in some)

    async def end(self, hanging: Sequence[Hanging], *, commit: bool) -> None:
        world = self._world
        await world.step()
        if (world.fences and self._epoch != world.epoch) or world.fails():
            raise BrokerAway
        assert [each.identities for each in hanging] == [frozenset(map(_identity, world.hanging))]
        if not world.foreign:
            if commit:
                world.log += world.hanging
                world.hanging.clear()
            world.abort()

    async def publish(self, rows: Sequence[OutboxRow], position: int) -> Mapping[int, Delivery]:
        world = self._world
        await world.step()
        if (world.fences and self._epoch != world.epoch) or self._link_lost:
            raise BrokerAway
        if world.fails():
            if world.forgets and world.chance.random() < 0.5:
                world.hanging += [row.id for row in rows]
            else:
                world.abort()  # the abort of this transaction ends what hangs
            raise BrokerAway
        if world.poison & {row.id for row in rows}:
            raise EventsRefused(TOPIC, "poison", ids=[row.id for row in rows])
        world.committed = position
        if rows and world.forgets and world.fails():
            world.hanging += [row.id for row in rows]
            self._link_lost = True
            return {}
        if rows and not world.foreign:
            world.log += world.hanging  # the commit decides for what hangs, too
            world.hanging.clear()
        world.log += [row.id for row in rows]
        await world.step()
        if world.fails():
            raise BrokerAway  # committed, but the caller cannot know
        return {}

    async def published_since(self, topics: Collection[str], _since: datetime) -> AsyncIterator[Sequence[Identity]]:
        await self._world.step()
        assert topics == {TOPIC}
        yield [_identity(row_id) for row_id in self._world.log]

    async def discard(self) -> None:
        await self._world.step()


class AtOnce:
    async def wait(self) -> None:
        await asyncio.sleep(0)


def _row(row_id: int, position: int) -> OutboxRow:
    return OutboxRow(id=row_id, position=position, topic=TOPIC, key=None, headers=(), value=b"%d" % row_id)


def _identity(row_id: int) -> Identity:
    return Identity.of(TOPIC, None, (), content_digest(b"%d" % row_id))


def start(world: World, stop: asyncio.Event | None = None) -> asyncio.Task[None]:
    return asyncio.create_task(relay_of(world).run(stop or asyncio.Event()))


def relay_of(world: World) -> Relay:
    return Relay(
        name="r",
        outbox=Table(world),
        broker=Cluster(world),
        hint=AtOnce(),
        health=Health(lambda: 0.0),
        meters=RememberedMeters(),
        clock=itertools.count().__next__,  # each look is a second after the last one
        topics=(TOPIC,),
        batch_rows=3,
    )


async def settle(world: World) -> None:
    """One healthy relay empties the outbox."""
    world.fault_rate = 0.0
    stop = asyncio.Event()
    last = start(world, stop)
    while world.outbox:  # noqa: ASYNC110 - a step of this world is one turn of the loop
        await asyncio.sleep(0)
    stop.set()
    await last


async def struggle(world: World) -> None:
    """Three relays lead at once, rows keep coming, and now and then a relay is killed."""
    relays = [start(world) for _ in range(3)]
    for _ in range(12):
        world.add(world.chance.randrange(5))
        for _ in range(world.chance.randrange(30)):
            await asyncio.sleep(0)
        if world.chance.random() < 0.4:
            number = world.chance.randrange(3)
            relays[number].cancel()
            relays[number] = start(world)
    for task in relays:
        task.cancel()
    await asyncio.gather(*relays, return_exceptions=True)
    await settle(world)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
@pytest.mark.failure(47)
def test_every_row_is_published_once_though_the_topic_refuses_some_for_a_while(seed: int) -> None:
    world = World(random.Random(seed), fault_rate=0.05, poison={2, 7, 11})

    async def story() -> None:
        world.add(8)
        publishing = start(world)
        world.add(12)
        while set(world.outbox) - world.poison:  # noqa: ASYNC110 - a step of this world is one turn of the loop
            await asyncio.sleep(0)
        world.poison.clear()
        while world.outbox:  # noqa: ASYNC110
            await asyncio.sleep(0)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)

    asyncio.run(asyncio.wait_for(story(), 20))
    assert sorted(world.log) == list(range(20))


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
@pytest.mark.failure(11)
def test_every_row_is_published_once_whatever_fails_in_between(seed: int) -> None:
    world = World(random.Random(seed), fault_rate=0.1)
    asyncio.run(struggle(world))
    rows = next(world.ids)
    assert sorted(world.log) == list(range(rows))


@given(seed=st.integers(0, 2**32))
@example(seed=17632)  # the end of one transaction fails four times
@settings(max_examples=60, deadline=None)
@pytest.mark.failure(59)
def test_every_row_is_published_once_though_the_broker_forgets_to_end_transactions(seed: int) -> None:
    world = World(random.Random(seed), fault_rate=0.1, forgets=True)
    asyncio.run(struggle(world))
    rows = next(world.ids)
    assert sorted(world.log) == list(range(rows))


def test_without_fencing_rows_are_published_twice() -> None:
    """Here the struggle shows it, so the test above can fail."""
    doubled = 0
    for seed in range(30):
        world = World(random.Random(seed), fault_rate=0.1, fences=False)
        asyncio.run(struggle(world))
        doubled += len(world.log) - len(set(world.log))
    assert doubled > 0


async def test_what_a_predecessor_commits_before_it_is_fenced_counts() -> None:
    world, stop = World(random.Random(1)), asyncio.Event()
    stop.set()
    made = relay_of(world)
    world.add(2)
    await made.run(stop)
    assert world.log == [0, 1]
    # Another one led meanwhile: the commit of its rows arrives while this one begins to lead again.
    world.outbox, world.numbered, world.token = {2: 2, 3: 3}, 4, world.token + 1
    world.late = [2, 3], 4
    await made.run(stop)
    assert world.log == [0, 1, 2, 3]


class TestHanging:
    async def test_of_a_mixed_partition_all_is_committed_and_what_still_waited_is_forgotten(self) -> None:
        world = World(random.Random(1), hanging=[100, 101])
        world.outbox = {101: 0, 102: 1}
        world.numbered = 2
        await settle(world)
        assert world.log == [100, 101, 102]

    async def test_what_hangs_while_nothing_is_to_be_published_is_found(self) -> None:
        world = World(random.Random(1))
        idle = start(world)
        while world.committed is None:  # noqa: ASYNC110 - until it leads
            await asyncio.sleep(0)
        while world.looks + world.searches < 6:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert world.searches == 1, "only when the term begins"
        world.hanging = [7]
        while world.hanging:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert world.log == [7]
        idle.cancel()
        await asyncio.gather(idle, return_exceptions=True)

    async def test_what_another_producer_left_is_told_and_holds_nothing_up(self) -> None:
        world = World(random.Random(1), hanging=[100], foreign=True)
        with capture_logs() as logs:
            publishing = start(world)
            while "relay_foreign_transaction" not in {entry.get("event_name") for entry in logs}:  # noqa: ASYNC110
                await asyncio.sleep(0)
            ended = world.epoch
            world.add(4)
            while world.outbox:  # noqa: ASYNC110
                await asyncio.sleep(0)
            for _ in range(20_000):  # several looks
                await asyncio.sleep(0)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        assert world.log == [0, 1, 2, 3]
        assert world.epoch == ended == TRIES + 1, "it tries no more"

    async def test_a_topic_without_a_leader_gets_nothing_before_it_was_looked_at(self) -> None:
        world = World(random.Random(1), hanging=[0], closed=True)
        world.add(1)
        world.outbox[0] = 0
        world.numbered = 1
        publishing = start(world)
        while not world.parked:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert world.log == []
        world.closed = False
        while world.outbox:  # noqa: ASYNC110
            await asyncio.sleep(0)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        assert world.log == [0]


class TestAgreement:
    term = Term(token=1, position=5, numbered=9)

    @pytest.mark.parametrize(
        ("committed", "expected"),
        [
            (None, Agreement.BEHIND),
            (4, Agreement.BEHIND),
            (5, Agreement.AGREED),
            (9, Agreement.AGREED),
            (10, Agreement.AHEAD),
        ],
    )
    def test_of_position_and_numbers(self, committed: int | None, expected: Agreement) -> None:
        assert agreement_of(committed, self.term) is expected

    def test_a_new_environment_agrees(self) -> None:
        assert agreement_of(None, Term(token=1, position=0, numbered=0)) is Agreement.AGREED


class TestLostPosition:
    async def test_nothing_is_published_again_when_kafka_lost_it(self) -> None:
        world = World(random.Random(1))
        world.add(6)
        await settle(world)
        world.add(4)
        unmarked = dict(world.outbox)
        await settle(world)
        # The last transaction's rows are still there, as after a kill between commit and delete; the offset expired.
        world.outbox = {row_id: number for number, row_id in enumerate(unmarked, start=6)}
        world.position, world.committed = 6, None
        world.add(2)
        await settle(world)
        assert sorted(world.log) == list(range(12))

    async def test_a_position_that_is_behind_for_a_moment_is_no_disagreement(self) -> None:
        world = World(random.Random(1))
        world.add(6)
        await settle(world)
        world.stale = 3
        world.add(2)
        with capture_logs() as lines:
            await settle(world)
        assert world.stale is None
        assert [line for line in lines if line.get("event_name") == "relay_disagreement"] == []
        assert sorted(world.log) == list(range(8))

    async def test_nothing_is_skipped_or_repeated_when_the_database_lost_commits(self) -> None:
        world = World(random.Random(1))
        world.add(8)
        backup = replace(world, outbox=dict(world.outbox))
        await settle(world)
        # A restored backup: the first eight rows are published; two new ones are not, though their numbers say so.
        world.outbox = {**backup.outbox, next(world.ids): 0, next(world.ids): 1}
        world.position, world.numbered = 0, 2
        await settle(world)
        assert sorted(world.log) == list(range(10))
        assert world.committed is not None
        assert world.committed >= 10


async def test_after_the_stop_what_is_there_is_published() -> None:
    world = World(random.Random(1))
    world.add(10)
    stop = asyncio.Event()
    stop.set()
    await start(world, stop)
    assert sorted(world.log) == list(range(10))


async def test_after_the_stop_a_broker_that_is_away_holds_nobody_up() -> None:
    world = World(random.Random(1), fault_rate=1.0)
    world.add(1)
    stop = asyncio.Event()
    stop.set()
    await asyncio.wait_for(start(world, stop), 5)
    assert world.outbox == {0: None}


class TestIdentity:
    def test_of_an_event_is_its_id(self) -> None:
        identity = Identity.of("t", b"k", [("event_id", "1"), ("status", "ready")], b"a")
        assert identity == Identity.of("t", b"k", [("event_id", "1")], b"drafted again after a failover")
        assert identity != Identity.of("u", b"k", [("event_id", "1")], b"a")

    def test_of_an_event_that_an_earlier_release_published_is_the_same(self) -> None:
        assert Identity.of("t", b"k", [("ce_id", "1")], b"a") == Identity.of("t", b"k", [("event_id", "1")], b"b")

    def test_of_a_dead_letter_is_its_origin(self) -> None:
        headers = [("dlq.topic", "in"), ("dlq.partition", "0"), ("dlq.offset", "7"), ("dlq.failed_at", "now")]
        assert Identity.of("t", None, headers, b"a") == Identity.of("t", b"k", [*headers[:3], ("x", "y")], b"b")
        assert Identity.of("t", None, headers, b"a") != Identity.of(
            "t", None, [*headers[:2], ("dlq.offset", "8")], b"a"
        )

    def test_of_anything_else_is_its_content(self) -> None:
        assert Identity.of("t", b"k", [], b"a") == Identity.of("t", b"k", [], b"a")
        assert Identity.of("t", b"k", [], b"a") != Identity.of("t", b"k", [], b"b")
