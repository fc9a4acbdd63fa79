"""Reads the tables for the start, the watch, `prepare`, and commands that show them."""

import secrets
from collections.abc import Mapping

from consumer.adapters.postgres.core import from_rows, rights
from consumer.adapters.postgres.core.faults import NotPrepared, StoreFault, missing_grant, reachable
from consumer.adapters.postgres.core.migrate import known_migrations
from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.domain.events import SessionEvent, SessionKey
from consumer.errors import Transient
from consumer.flows.operation.watch import Backlog
from schemas.dead_letters import RefusalReason

_queries = Queries("store_reader")
_KEY_BYTES = 32
MOST_GRANTS = 4
"""So many single grants are named. Who lacks more was granted nothing, and is told the one statement for all tables."""

TableRow = Mapping[str, object]
"""A row for people, by column."""


class StoreReader:
    """Only `make_redaction_key` writes. Every method raises Transient while the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def probe(self) -> None:
        """Raises NotPrepared when a migration of this release is missing."""
        applied = {row["number"] for row in await self._fetch(_queries.prepared)}
        if not applied.issuperset(known_migrations()):
            raise NotPrepared

    async def entitled(self) -> None:
        """Raises StoreFault, with what to run, when the role lacks a right that the service needs."""
        lacking = await self._fetch(_queries.lacking, *rights.needed_pairs(), list(rights.SEQUENCES))
        if not lacking:
            return
        role = (await self._fetch(_queries.role))[0]["role"]
        advice = "; ".join(f"GRANT {row['verbs']} ON {row['named']} TO {role}" for row in lacking)
        if len(lacking) > MOST_GRANTS:
            advice = str(await missing_grant(self._pool)).removeprefix("as an administrator run: ")
        raise StoreFault(
            f"PostgreSQL: the role lacks rights on {len(lacking)} tables; as an administrator run: {advice}"
        )

    async def whole(self) -> None:
        """Raises Transient while a rebuild is unfinished: half a store must not serve."""
        if await self._fetch(_queries.rebuilding):
            raise Transient("this store is being rebuilt: stop the old service, then run `escalation-consumer rebuild`")

    async def backlog(self) -> Backlog:
        (row,) = await self._fetch(_queries.backlog)
        reasons = await self._fetch(_queries.dead_letters_kept, list(RefusalReason))
        kept = {str(row["reason"]): row["rows"] for row in reasons}
        return Backlog(**dict(row), dead_letters=kept)  # type: ignore[arg-type]  # a test shows that the columns fit

    async def redaction_key(self) -> bytes:
        """The stored key. Raises NotPrepared when there is none."""
        rows = await self._fetch(_queries.redaction_key)
        if not rows:
            raise NotPrepared
        value = rows[0]["value"]
        assert isinstance(value, bytes)  # noqa: S101 - the column's type
        return value

    async def make_redaction_key(self) -> None:
        """Makes a random key unless one is stored. May be repeated, and run by several processes at once."""
        if await self._fetch(_queries.redaction_key):
            return  # who only looks whether all is prepared needs no right to store a key
        async with reachable(self._pool):
            await self._pool.execute(_queries.make_redaction_key, secrets.token_bytes(_KEY_BYTES))

    async def sessions(
        self, *, tenant: str | None = None, session: str | None = None, limit: int = 50
    ) -> list[TableRow]:
        """The most recently changed first."""
        return await self._fetch(_queries.sessions, tenant, session, limit)

    async def events(self, key: SessionKey) -> list[SessionEvent]:
        """The accepted events of a session with their actors, in version order."""
        async with reachable(self._pool):
            rows = await self._pool.fetch(_queries.events, *key)
        return [from_rows.event(key, row)._replace(actor=row["actor"]) for row in rows]

    async def requests(
        self,
        *,
        tenant: str | None = None,
        session: str | None = None,
        request: str | None = None,
        state: str | None = None,
        limit: int = 50,
    ) -> list[TableRow]:
        """The newest first."""
        return await self._fetch(_queries.requests, tenant, session, request, state, limit)

    async def outbox(self, *, limit: int = 50) -> list[TableRow]:
        """The records that wait to be published, the oldest first."""
        return await self._fetch(_queries.outbox, limit)

    async def relays(self) -> list[TableRow]:
        """The leases of relays, by name."""
        return await self._fetch(_queries.relays)

    async def _fetch(self, query: str, *arguments: object) -> list[TableRow]:
        async with reachable(self._pool):
            rows = await self._pool.fetch(query, *arguments)
        return [dict(row.items()) for row in rows]
