"""Relays that are killed, frozen and cut off while they fight over one outbox; `python -m tests.support.relay_fight`.

A seed draws the faults. Their moments are the machine's own, so that a seed that fails may need several runs.
"""

import argparse
import asyncio
import os
import random
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from consumer.adapters.embedded import ServerName
from consumer.adapters.kafka.topic_reader import TopicReader
from tests.support import servers
from tests.support.databases import CopiedDatabases, Database, connected
from tests.support.proxies.kafka import KafkaProxy
from tests.support.proxies.plan import FAULTS, Action, Armed, Fault, Listed
from tests.support.proxies.postgres import PostgresProxy
from tests.support.relay_process import ForkedRelay, Parameters
from tests.support.topics import make_topics
from tests.support.waiting import until

FAULTS_OF_A_FIGHT = 30
RELAYS = 3
PARTITIONS = 3
_AT_ONCE_ROWS = 20
_BETWEEN_SECONDS = (0.1, 1.2)
_LATE_SECONDS = (1.4, 2.6)
"""Of what is frozen or held up: so that it goes on while the next leader begins its term."""
_LEASE_SECONDS = 1.5
"""Longer than a term takes to begin, also on a busy machine: else nobody leads long enough to do harm."""
_TRANSACTION_SECONDS = 4.0
_PAUSED_SECONDS = 0.5
"""Between fencing and reading the position: no order of the two may rest on haste."""
_DUEL_LEASE_SECONDS, _DUEL_HELD_SECONDS, _DUEL_PAUSE_SECONDS = 2.0, 2.6, 1.2
"""The held request arrives while the next leader pauses, and before the transaction runs out."""
_LOOK_SECONDS = 0.05
_WRITE_SECONDS = 0.05
_ZOMBIE_SECONDS = 0.5
_AT_A_REQUEST_SHARE = 0.7
"""Of the kills and freezes, those of the leader in the middle of a transaction; the others harm whoever it is."""
_MEET_SECONDS = 15.0
"""How long rows are still added so that the last faults meet their requests."""
_EMPTY_SECONDS = 120.0
OF_KAFKA = ("Produce", "AddPartitionsToTxn", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn", "InitProducerId")
OF_POSTGRES = ("write",)
_ADD = """
    INSERT INTO outbox (topic, key, headers, value)
    SELECT $1, ('k' || n % 7)::bytea, jsonb_build_array(jsonb_build_array('ce_id', n::text)), n::text::bytea
    FROM unnest($2::int[]) AS n
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fought:
    """What a fight came to, as a `read_committed` reader sees it."""

    seed: int
    faults: Sequence[str]
    met: int
    """The faults at proxies that a request has met."""
    rows: int
    lost: Sequence[int]
    twice: Mapping[int, int]
    seconds: float

    def __str__(self) -> str:
        kinds = Counter(fault.partition(" ")[0] for fault in self.faults)
        came = ", ".join(f"{number} {name}" for name, number in sorted(kinds.items()))
        return (
            f"seed {self.seed}: {len(self.lost)} lost, {len(self.twice)} twice, "
            f"{self.rows} rows, {len(self.faults)} faults ({came}; {self.met} met at proxies), {self.seconds:.1f} s"
        )


@dataclass(slots=True)
class Fight:
    """One seed. The outbox of `dsn` must be empty."""

    bootstrap_servers: str
    dsn: str
    prefix: str
    seed: int
    hasty: bool = False
    """The relays read the position before they fence."""
    rows: int = 0
    """How many were written so far."""
    _faults: list[str] = field(default_factory=list)
    _relays: list[ForkedRelay] = field(default_factory=list)
    _leading: ForkedRelay | None = None
    _starts: set[asyncio.Task[None]] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    async def fought(self, faults: int = FAULTS_OF_A_FIGHT) -> Fought:
        started = time.monotonic()
        topic = f"{self.prefix}events"
        with KafkaProxy(self.bootstrap_servers) as kafka, PostgresProxy(self.dsn) as postgres:
            parameters = Parameters(
                bootstrap_servers=kafka.address,
                dsn=postgres.dsn,
                prefix=self.prefix,
                topics=[topic],
                hasty=self.hasty,
                lease_seconds=_LEASE_SECONDS,
                transaction_seconds=_TRANSACTION_SECONDS,
                pause_seconds=_PAUSED_SECONDS,
            )
            await make_topics(self.bootstrap_servers, **{topic: PARTITIONS, parameters.marker_topic: 1})
            await self._fight(parameters, kafka, postgres, faults)
            met = len(kafka.ledger.met) + len(postgres.ledger.met)
        seen = await self.published(topic)
        return Fought(
            seed=self.seed,
            faults=self._faults,
            met=met,
            rows=self.rows,
            lost=sorted(set(range(self.rows)) - seen.keys()),
            twice={number: times for number, times in seen.items() if times > 1},
            seconds=time.monotonic() - started,
        )

    async def _fight(self, parameters: Parameters, kafka: KafkaProxy, postgres: PostgresProxy, faults: int) -> None:
        chance = random.Random(self.seed)
        of_kafka, of_postgres = Armed(), Armed()
        kafka.ledger.follow(of_kafka)
        postgres.ledger.follow(of_postgres)
        self._relays = [ForkedRelay(parameters) for _ in range(RELAYS)]
        await asyncio.gather(*(relay.start() for relay in self._relays))
        following = asyncio.create_task(self._follow_the_leader())
        enough = asyncio.Event()
        try:
            writing = asyncio.create_task(self._write(parameters.topics[0], enough))
            for _ in range(faults):
                await asyncio.sleep(chance.uniform(*_BETWEEN_SECONDS))
                if chance.random() < 0.5:
                    self._harm(chance, of_kafka)
                else:
                    kind = chance.choice((*OF_KAFKA, *OF_POSTGRES, "EndTxn", "EndTxn", "EndTxn"))
                    action = chance.choice((*FAULTS, Action.HOLD))
                    fault = Fault(kind=kind, action=action, seconds=chance.uniform(*_LATE_SECONDS))
                    (of_postgres if kind in OF_POSTGRES else of_kafka).arm(fault)
                    self._faults.append(str(fault))
            with suppress(TimeoutError):
                await until(_all_met(of_kafka, of_postgres), within_seconds=_MEET_SECONDS, every_seconds=0.1)
            enough.set()
            await writing
            await asyncio.gather(*self._starts)
            for proxy in (kafka, postgres):
                proxy.ledger.follow(Listed())
            for relay in self._relays:
                relay.signal(signal.SIGCONT)
            await self.until_empty()
            await asyncio.sleep(_ZOMBIE_SECONDS)  # zombies that woke up late would publish now
        finally:
            following.cancel()
            await asyncio.gather(following, *self._starts, return_exceptions=True)
            for relay in self._relays:
                await relay.kill()

    def _harm(self, chance: random.Random, armed: Armed) -> None:
        """A kill or a freeze: of any relay now, or of the leader when its next request of some kind passes."""
        chosen, kind = chance.choice(self._relays), chance.choice(OF_KAFKA)
        seconds = chance.uniform(*_LATE_SECONDS) if chance.random() < 0.5 else None
        word = "kill" if seconds is None else "freeze"
        assert self._starts or chosen.running, "a relay ended by itself"
        if chance.random() < _AT_A_REQUEST_SHARE:
            self._faults.append(f"{word} at {kind}")
            armed.arm(Fault(kind=kind, action=Action.PASS), lambda: self._hit(self._leading or chosen, seconds))
        else:
            self._faults.append(word)
            self._hit(chosen, seconds)

    def _hit(self, relay: ForkedRelay, frozen_seconds: float | None) -> None:
        """Takes effect at once, in any thread."""
        if frozen_seconds is None:
            relay.signal(signal.SIGKILL)
            self._loop.call_soon_threadsafe(self._replace, relay)
        else:
            relay.signal(signal.SIGSTOP)
            self._loop.call_soon_threadsafe(self._loop.call_later, frozen_seconds, relay.signal, signal.SIGCONT)

    def _replace(self, killed: ForkedRelay) -> None:
        task = asyncio.create_task(killed.start_again())
        self._starts.add(task)
        task.add_done_callback(self._starts.discard)

    async def _follow_the_leader(self) -> None:
        async with connected(self.dsn) as connection:
            while True:
                name = await connection.fetchval("SELECT leader FROM relay")
                self._leading = next((each for each in self._relays if each.name == str(name)), None)
                await asyncio.sleep(_LOOK_SECONDS)

    async def _write(self, topic: str, enough: asyncio.Event) -> None:
        async with connected(self.dsn) as connection:
            while not enough.is_set():
                await self._add(connection, topic)
                await asyncio.sleep(_WRITE_SECONDS)

    async def add(self, topic: str) -> None:
        """The next rows, in one transaction."""
        async with connected(self.dsn) as connection:
            await self._add(connection, topic)

    async def _add(self, connection: Database, topic: str) -> None:
        numbers = list(range(self.rows, self.rows + _AT_ONCE_ROWS))
        await connection.execute(_ADD, topic, numbers)
        self.rows += len(numbers)

    async def until_empty(self) -> None:
        async with connected(self.dsn) as connection:
            await until(
                lambda: connection.fetchval("SELECT count(*) = 0 FROM outbox"),
                within_seconds=_EMPTY_SECONDS,
                every_seconds=0.1,
            )

    async def published(self, topic: str) -> Counter[int]:
        async with TopicReader((topic,), bootstrap_servers=self.bootstrap_servers) as reader:
            return Counter(int(record.value or b"") for record in await reader.read_to_end())


async def duelled(bootstrap_servers: str, dsn: str, prefix: str, *, hasty: bool) -> Mapping[int, int]:
    """What is published twice when the end of a transaction arrives between the two steps of the next leader.

    Its request is held for longer than the lease. The next leader has come, and pauses between its two steps; `hasty`
    says that it reads the position first.
    """
    topic, armed = f"{prefix}events", Armed()
    with KafkaProxy(bootstrap_servers) as kafka:
        kafka.ledger.follow(armed)
        first = Parameters(
            bootstrap_servers=kafka.address, dsn=dsn, prefix=prefix, topics=[topic], lease_seconds=_DUEL_LEASE_SECONDS
        )
        second = replace(first, hasty=hasty, pause_seconds=_DUEL_PAUSE_SECONDS)
        await make_topics(bootstrap_servers, **{topic: 1, first.marker_topic: 1})
        fight = Fight(bootstrap_servers, dsn, prefix, seed=0)
        relays = [ForkedRelay(first), ForkedRelay(second)]
        try:
            await relays[0].start()
            await fight.add(topic)
            await fight.until_empty()
            armed.arm(Fault(kind="EndTxn", action=Action.HOLD, seconds=_DUEL_HELD_SECONDS))
            await relays[1].start()
            await fight.add(topic)
            await fight.until_empty()
        finally:
            for relay in relays:
                await relay.kill()
        assert kafka.ledger.met, "the end of a transaction was held"
    seen = await fight.published(topic)
    assert not set(range(fight.rows)) - seen.keys(), "lost"
    return {number: times for number, times in seen.items() if times > 1}


def _all_met(*plans: Armed) -> Callable[[], Awaitable[bool]]:
    async def all_met() -> bool:
        return not any(plan.waiting for plan in plans)

    return all_met


async def fights(seeds: Sequence[int], *, hasty: bool, at_once: int) -> int:
    """Prints each fight as it ends; returns how many were lost. Starts the servers that tests would use."""
    stores = servers.make(servers.choose(os.environ), os.environ)
    await stores.start((ServerName.KAFKA, ServerName.POSTGRES))
    databases = CopiedDatabases(stores.postgres.dsn)
    places = asyncio.Semaphore(at_once)
    bad: list[int] = []

    async def fight(seed: int) -> None:
        async with places:
            with databases.fresh(migrated=True) as dsn:
                prefix = f"f{secrets.token_hex(4)}."
                try:
                    fought = await Fight(stores.kafka.bootstrap_servers, dsn, prefix, seed, hasty).fought()
                except (AssertionError, TimeoutError) as error:
                    bad.append(seed)
                    _say(f"seed {seed}: {type(error).__name__} {error}")
                    return
                _say(str(fought))
                if fought.lost or fought.twice:
                    bad.append(seed)

    try:
        await asyncio.gather(*map(fight, seeds))
    finally:
        await stores.stop()
    _say(f"{len(seeds)} fights, {len(bad)} failed" + (f": {sorted(bad)}" if bad else ""))
    return len(bad)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.relay_fight", description="Fights of three relays.")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds")
    parser.add_argument("--at-once", type=int, default=1, help="fights beside each other")
    parser.add_argument("--hasty", action="store_true", help="read the position before fencing: must fail")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    with suppress(KeyboardInterrupt):
        return min(1, asyncio.run(fights(seeds, hasty=given.hasty, at_once=given.at_once)))
    return 130


if __name__ == "__main__":
    sys.exit(_main())
