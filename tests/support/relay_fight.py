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
from dataclasses import dataclass, field

from consumer.adapters.embedded import ServerName
from consumer.adapters.kafka.topic_reader import TopicReader
from tests.support import servers
from tests.support.databases import CopiedDatabases, connected
from tests.support.proxies.kafka import KafkaProxy
from tests.support.proxies.plan import Action, Armed, Fault, Listed
from tests.support.proxies.postgres import PostgresProxy
from tests.support.relay_process import ForkedRelay, Parameters
from tests.support.topics import make_topics
from tests.support.waiting import until

FAULTS = 30
RELAYS = 3
PARTITIONS = 3
_AT_ONCE_ROWS = 20
_PAUSE_SECONDS = (0.1, 0.4)
_FROZEN_SECONDS = (0.8, 2.4)
"""About as long as the lease of a relay, and less than its transaction."""
_LEASE_SECONDS = 1.0
_PAUSED_SECONDS = 0.5
"""Between fencing and reading the position: no order of the two may rest on haste."""
_LATE_SECONDS = (0.2, 4.0)
_WRITE_SECONDS = 0.05
_ZOMBIE_SECONDS = 0.5
_LEADER_SHARE = 0.6
"""Of the kills and freezes; the others harm whoever it is."""
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

    async def fought(self, faults: int = FAULTS) -> Fought:
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
                pause_seconds=_PAUSED_SECONDS,
            )
            await make_topics(self.bootstrap_servers, **{topic: PARTITIONS, parameters.marker_topic: 1})
            await self._fight(parameters, kafka, postgres, faults)
            met = len(kafka.ledger.met) + len(postgres.ledger.met)
        seen = await self._published(topic)
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
        try:
            await asyncio.gather(*(relay.start() for relay in self._relays))
            enough = asyncio.Event()
            writing = asyncio.create_task(self._write(parameters.topics[0], enough))
            for _ in range(faults):
                await asyncio.sleep(chance.uniform(*_PAUSE_SECONDS))
                if chance.random() < 0.5:
                    await self._harm(chance)
                else:
                    kind = chance.choice(OF_KAFKA + OF_POSTGRES)
                    fault = Fault(kind=kind, action=chance.choice(list(Action)), seconds=chance.uniform(*_LATE_SECONDS))
                    (of_postgres if kind in OF_POSTGRES else of_kafka).arm(fault)
                    self._faults.append(str(fault))
            with suppress(TimeoutError):
                await until(_all_met(of_kafka, of_postgres), within_seconds=_MEET_SECONDS, every_seconds=0.1)
            enough.set()
            await writing
            for proxy in (kafka, postgres):
                proxy.ledger.follow(Listed())
            for relay in self._relays:
                relay.signal(signal.SIGCONT)
            await self._until_empty()
            await asyncio.sleep(_ZOMBIE_SECONDS)  # zombies that woke up late would publish now
        finally:
            for relay in self._relays:
                await relay.kill()

    async def _harm(self, chance: random.Random) -> None:
        relay = chance.choice(self._relays)
        if chance.random() < _LEADER_SHARE:
            leader = await self._leader()
            relay = next((each for each in self._relays if each.name == leader), relay)
        assert relay.running, "a relay ended by itself"
        if chance.random() < 0.5:
            self._faults.append("kill")
            await relay.kill()
            await relay.start()
        else:
            self._faults.append("freeze")
            relay.signal(signal.SIGSTOP)
            asyncio.get_running_loop().call_later(chance.uniform(*_FROZEN_SECONDS), relay.signal, signal.SIGCONT)

    async def _leader(self) -> str | None:
        """The name of the relay that leads, or was the last one to do so."""
        async with connected(self.dsn) as connection:
            return str(await connection.fetchval("SELECT leader FROM relay"))

    async def _write(self, topic: str, enough: asyncio.Event) -> None:
        async with connected(self.dsn) as connection:
            while not enough.is_set():
                numbers = list(range(self.rows, self.rows + _AT_ONCE_ROWS))
                await connection.execute(_ADD, topic, numbers)
                self.rows += len(numbers)
                await asyncio.sleep(_WRITE_SECONDS)

    async def _until_empty(self) -> None:
        async with connected(self.dsn) as connection:
            await until(
                lambda: connection.fetchval("SELECT count(*) = 0 FROM outbox"),
                within_seconds=_EMPTY_SECONDS,
                every_seconds=0.1,
            )

    async def _published(self, topic: str) -> Counter[int]:
        async with TopicReader((topic,), bootstrap_servers=self.bootstrap_servers) as reader:
            return Counter(int(record.value or b"") for record in await reader.read_to_end())


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
