"""The relay on a real Kafka and PostgreSQL: killed before and after a commit, frozen, superseded, set back, refused."""

import asyncio
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import SecretStr

from consumer.adapters.kafka.topic_reader import TopicReader
from consumer.adapters.postgres.core.pool import Pool, closing_pool
from consumer.flows.operation.health import Health
from consumer.flows.operation.meters import NoMeters
from consumer.flows.relay.loop import Relay
from consumer.flows.relay.ports import MARKER_TOPIC, Delivery, OutboxRow
from consumer.settings import Settings
from consumer.wiring.loops import relay_loop
from tests.faults.machines.log_model import LEASE_SECONDS, LogModel
from tests.faults.machines.machine import EventLoop, event_loop, explore
from tests.support.moved_clock import MovedClock, move
from tests.support.replicas import Changed, Often
from tests.support.waiting import until

LARGEST_BYTES = 4_000
_ADD = """
    INSERT INTO outbox (topic, key, headers, value)
    SELECT $1, 'k', jsonb_build_array(jsonb_build_array('event_id', n::text)), rpad(n::text, $3, ' ')::bytea
    FROM unnest($2::int[]) AS n
"""
_numbers = itertools.count()


class Killed(BaseException):
    """A process ends here, and nothing of it goes on."""


class Fates:
    """What becomes of the next transaction of each relay."""

    def __init__(self) -> None:
        self.dies: str | None = None
        """`before` or `after` the next transaction with rows is committed."""
        self.gate: asyncio.Event | None = None
        """Where it stands still until somebody opens it."""

    def publisher(self, real: Any) -> Any:
        async def publish(rows: Sequence[OutboxRow], position: int) -> Mapping[int, Delivery]:
            if not rows:
                return await real.publish(rows, position)  # type: ignore[no-any-return]
            if (gate := self.gate) is not None:
                self.gate = None
                await gate.wait()
            dies, self.dies = self.dies, None
            if dies == "before":
                raise Killed
            deliveries = await real.publish(rows, position)
            if dies == "after":
                raise Killed
            return deliveries  # type: ignore[no-any-return]

        return Changed(real, publish=publish)

    def broker(self, real: Any) -> Any:
        async def fence() -> Any:
            return self.publisher(await real.fence())

        return Changed(real, fence=fence)


class System:
    """Two relays as the service wires them, on one outbox and one topic."""

    def __init__(self, settings: Settings, pool: Pool) -> None:
        self.settings = settings
        self.pool = pool
        self.topic = ""
        self.fates = {name: Fates() for name in "ab"}
        self.relays: dict[str, Relay] = {}

    async def begin(self) -> None:
        """A topic, a position and relays of this example's own."""
        prefix = f"{self.settings.topic_prefix}{next(_numbers)}."
        settings = self.settings.model_copy(update={"topic_prefix": prefix})
        self.topic = f"{prefix}escalation-package-ready"
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
        await admin.start()
        limit = {"max.message.bytes": str(LARGEST_BYTES)}
        await admin.create_topics(
            [NewTopic(self.topic, 1, 1, topic_configs=limit), NewTopic(prefix + MARKER_TOPIC, 1, 1)]
        )
        await admin.close()
        await self.pool.execute("DELETE FROM outbox; DELETE FROM relay; DELETE FROM refusing_topics")
        for name, fate in self.fates.items():
            fate.dies = fate.gate = None
            relay = relay_loop(settings, pool=self.pool, hint=Often(), health=Health(lambda: 0.0), meters=NoMeters())
            relay._name, relay._broker = name, fate.broker(relay._broker)
            relay._hanging._topics = frozenset({self.topic})
            self.relays[name] = relay

    async def term(self, name: str) -> None:
        """Leads, publishes what there is, and ends; or waits for the leader and ends."""
        stop = asyncio.Event()
        stop.set()
        await self.relays[name].run(stop)

    async def log(self) -> list[int]:
        async with TopicReader([self.topic], bootstrap_servers=self.settings.kafka_bootstrap_servers) as reader:
            return [int(record.value or b"") for record in await reader.read_to_end()]

    async def outbox(self) -> set[int]:
        return {int(row["value"]) for row in await self.pool.fetch("SELECT value FROM outbox")}


class RelayMachine(RuleBasedStateMachine):
    loop: EventLoop
    system: System

    @initialize()
    def begins(self) -> None:
        self.loop.run(self.system.begin())
        self.expected = LogModel()
        self.rows = itertools.count()
        self.frozen: tuple[asyncio.Event, asyncio.Task[None]] | None = None

    @rule(count=st.integers(1, 4))
    def rows_come(self, count: int) -> None:
        self._write([next(self.rows) for _ in range(count)], 10)

    @rule()
    def a_row_comes_that_the_topic_refuses(self) -> None:
        rows = [next(self.rows)]
        self.expected.large.update(rows)
        self._write(rows, 3 * LARGEST_BYTES)

    def _write(self, rows: list[int], size: int) -> None:
        self.loop.run(self.system.pool.execute(_ADD, self.system.topic, rows, size))
        self.expected.written += rows

    @rule(name=st.sampled_from("ab"))
    def a_term_is_led(self, name: str) -> None:
        led = self.expected.may_lead()
        self.loop.run(self.system.term(name))
        if led and self.frozen is None:
            waits = self.loop.run(self.system.outbox())
            assert waits <= self.expected.large, "what can be published is"
            self.expected.leader = None

    @precondition(lambda self: self.frozen is None and self.expected.may_lead())
    @rule(name=st.sampled_from("ab"), when=st.sampled_from(("before", "after")), forgotten=st.booleans())
    def a_relay_is_killed(self, name: str, when: str, *, forgotten: bool) -> None:
        """It hands nothing back: its lease runs out. What it did may be `forgotten` with it."""
        self.rows_come(1)
        self.system.fates[name].dies = when
        relay = self.system.relays[name]
        outbox = relay._outbox

        async def resign(_: object) -> None:
            return

        relay._outbox = Changed(outbox, resign=resign)
        with pytest.raises(Killed):
            self.loop.run(self.system.term(name))
        relay._outbox = outbox
        self.expected.leads(name)
        if forgotten:
            self.the_store_forgets_how_far_it_was()

    @precondition(lambda self: self.frozen is None and self.expected.may_lead())
    @rule()
    def a_relay_stands_still_before_its_commit(self) -> None:
        self.rows_come(1)
        gate = self.system.fates["a"].gate = asyncio.Event()

        async def until_it_stands() -> asyncio.Task[None]:
            task = asyncio.create_task(self.system.term("a"))

            async def stands() -> bool:
                return self.system.fates["a"].gate is None or task.done()

            await until(stands)
            return task

        self.frozen = gate, self.loop.run(until_it_stands())
        self.expected.leads("a")

    @precondition(lambda self: self.frozen is not None)
    @rule()
    def it_goes_on(self) -> None:
        """Whoever led meanwhile has fenced it; else it publishes."""
        assert self.frozen is not None
        gate, task = self.frozen
        self.frozen = None

        async def ended() -> None:
            gate.set()
            await task

        self.loop.run(ended())
        self.loop.run(self.system.pool.execute("UPDATE relay SET led_until = NULL"))
        self.expected.leader = None

    @rule()
    def time_passes(self) -> None:
        self.loop.run(move(self.system.pool, LEASE_SECONDS + 1))
        self.expected.now += LEASE_SECONDS + 1

    @precondition(lambda self: self.frozen is None)
    @rule()
    def the_store_forgets_how_far_it_was(self) -> None:
        """As one that was restored: the position that Kafka holds is what counts, and what stands on the topics."""
        self.loop.run(self.system.pool.execute("UPDATE relay SET position = 0, numbered = 0"))
        self.loop.run(self.system.pool.execute("UPDATE outbox SET position = NULL"))

    @invariant()
    def each_row_stands_on_the_topic_once_or_waits(self) -> None:
        if hasattr(self, "expected") and self.frozen is None:
            outbox = self.loop.run(self.system.outbox())
            assert self.expected.wrong(self.loop.run(self.system.log()), outbox) == []

    def teardown(self) -> None:
        if not hasattr(self, "expected"):
            return
        if self.frozen is not None:
            self.it_goes_on()
        self.time_passes()
        self.a_term_is_led("b")
        self.each_row_stands_on_the_topic_once_or_waits()


@pytest.fixture
def relays(bootstrap_servers: str, database: str, topic_prefix: str) -> Iterator[type[RelayMachine]]:
    with event_loop() as loop:
        clock = loop.run(MovedClock.of(database))
        settings = Settings().model_copy(
            update={
                "kafka_bootstrap_servers": bootstrap_servers,
                "database_url": SecretStr(clock.dsn),
                "topic_prefix": topic_prefix,
                "lease_seconds": LEASE_SECONDS,
                "relay_transaction_seconds": 30.0,
            }
        )
        opened = closing_pool(clock.dsn, name="machine", max_size=4)
        pool = loop.run(opened.__aenter__())
        try:
            yield type("Relays", (RelayMachine,), {"loop": loop, "system": System(settings, pool)})
        finally:
            loop.run(opened.__aexit__(None, None, None))


def test_what_is_written_is_published_once(relays: type[RelayMachine]) -> None:
    explore(relays, examples=2, steps=8, by_chance=False)


@pytest.mark.long
def test_what_is_written_is_published_once_whatever_happens(relays: type[RelayMachine]) -> None:
    explore(relays, examples=20, steps=25, by_chance=True)
