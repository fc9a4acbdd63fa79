"""The checks of PostgreSQL: the server, the tables and rights, the clock. None of them writes."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from consumer.adapters.postgres.core.faults import StoreFault, reachable
from consumer.adapters.postgres.core.migrate import known_migrations
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.operation.store_reader import StoreReader
from consumer.errors import Transient
from consumer.flows.operation.checkup import CannotLook, Finding, broken, doubtful, sound

POSTGRES = "PostgreSQL"
LEAST_VERSION = 15
CLOCK_SECONDS = 5.0
"""Beyond it times in logs and in packages cannot be compared; signed calls of a cloud fail at five minutes."""

_queries = Queries("checkup")
_store = Queries("store_reader")


class PostgresCheck:
    """Whether the server is reachable and usable."""

    name = POSTGRES
    after: str | None = None

    def __init__(self, pool: Pool, *, where: str) -> None:
        """`where` is the address without user and password."""
        self._pool = pool
        self._where = where

    async def findings(self) -> Sequence[Finding]:
        try:
            async with reachable(self._pool):
                server = await self._pool.fetchrow(_queries.server)
        except Transient as error:
            raise CannotLook(
                f"{self._where}: {str(error).removeprefix('PostgreSQL: ')}",
                "is it up, and are host, user, password and database of DATABASE_URL right?",
            ) from error
        assert server is not None  # noqa: S101 - the query has one row
        tls = f"with {server['tls']}" if server["tls"] else "without TLS"
        said = f"{server['version'].split()[0]} at {self._where}, {tls}, as {server['role']}"
        findings = [*_usable(server["number"], server["encoding"])]
        return findings or [sound(said)]


def _usable(number: int, encoding: str) -> Iterator[Finding]:
    if number // 10_000 < LEAST_VERSION:
        yield broken(f"PostgreSQL {number // 10_000} is too old", f"upgrade to {LEAST_VERSION} or newer")
    if encoding != "UTF8":
        yield broken(f"the database's encoding is {encoding}", "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'")


class TablesCheck:
    """Whether the tables are those of this release, the role may use them, and there is a redaction key."""

    name = "tables"
    after = POSTGRES

    def __init__(self, pool: Pool, *, has_key: bool) -> None:
        """`has_key` says that the settings hold a redaction key."""
        self._pool = pool
        self._reader = StoreReader(pool)
        self._has_key = has_key

    async def findings(self) -> Sequence[Finding]:
        async with reachable(self._pool):
            prepared = await self._pool.fetchval(_queries.is_prepared)
            applied = {row["number"] for row in await self._pool.fetch(_store.prepared)} if prepared else set()
        if missing := sorted(known_migrations() - applied):
            named = ", ".join(f"{number:04}" for number in missing[:5])
            return [broken(f"{len(missing)} migrations are not applied: {named}", "run `escalation-consumer prepare`")]
        findings = [sound(f"all {len(applied)} migrations are applied")]
        if later := len(applied - known_migrations()):
            findings = [doubtful(f"{later} migrations are of a later release", "run the release that made them")]
        return [*findings, *await self._usable()]

    async def _usable(self) -> list[Finding]:
        findings = []
        try:
            await self._reader.entitled()
            findings.append(sound("the role may use them"))
        except StoreFault as error:
            findings.append(broken(str(error)))
        try:
            await self._reader.whole()
        except Transient as error:
            findings.append(broken(str(error)))
        findings.append(await self._key())
        return findings

    async def _key(self) -> Finding:
        if self._has_key:
            return sound("the redaction key is that of the settings")
        try:
            await self._reader.redaction_key()
        except Transient:
            return broken(
                "there is no redaction key", "run `escalation-consumer prepare`, or set ESCALATION_REDACTION_KEY"
            )
        return sound("the redaction key is stored in the database")


class ClockCheck:
    """Whether this machine and PostgreSQL agree on the time. Kafka's brokers tell theirs to nobody."""

    name = "clock"
    after = POSTGRES

    def __init__(self, pool: Pool, *, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now

    async def findings(self) -> Sequence[Finding]:
        async with reachable(self._pool):
            await self._pool.fetchval(_queries.clock)  # connects, which takes longer than to ask
            before = self._now()
            there = await self._pool.fetchval(_queries.clock)
            here = before + (self._now() - before) / 2
        apart = (here - there).total_seconds()
        said = f"this machine is {abs(apart):.1f} s {'ahead of' if apart > 0 else 'behind'} PostgreSQL"
        if abs(apart) > CLOCK_SECONDS:
            return [doubtful(said, "let both keep the time by NTP")]
        return [sound(said)]
