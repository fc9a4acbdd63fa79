"""Connections to PostgreSQL, directly or through a pooler that shares its connections (PgBouncer in transaction mode).

Neither needs startup parameters. Directly, a session is bounded in time once, and statements are prepared by name.
Behind a pooler two transactions of one client may run in two sessions: statements are unnamed there, each runs in a
transaction, which is bounded by itself, and no lock, setting or LISTEN outlives it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from asyncpg.transaction import Transaction

STATEMENT_TIMEOUT_SECONDS = 5.0  # a stuck statement must not hold a loop; migrations run without it
IDLE_IN_TRANSACTION_SECONDS = 10
CONNECT_SECONDS = 2.0
NAMED_STATEMENTS = 100  # asyncpg's own number

if TYPE_CHECKING:
    _Connection = asyncpg.Connection[asyncpg.Record]  # generic in the stubs only, not at run time
else:
    _Connection = asyncpg.Connection


Dsn = str | Callable[[], str | None]
"""The URL of the database, or what gives it as it is now: its password may be replaced at any time."""


class StoreConnection(_Connection):
    """A connection whose statements and idle transactions are bounded in time, wherever the pooler runs them."""

    behind_pooler: bool = True
    bounds: str = ""
    """Statements that bound a session (SET) or, behind a pooler, a transaction (SET LOCAL)."""

    def transaction(
        self,
        *,
        isolation: Literal["read_committed", "read_uncommitted", "serializable", "repeatable_read"] | None = None,
        readonly: bool = False,
        deferrable: bool = False,
    ) -> Transaction:
        return _BoundedTransaction(self, isolation, readonly, deferrable)

    async def execute(self, query: str, *args: object, **options: Any) -> str:
        if not args:  # as it is: BEGIN, say, or what must not run in a transaction
            return await super().execute(query, **options)
        async with self._bounded():
            return await super().execute(query, *args, **options)

    async def fetch(self, *args: Any, **options: Any) -> Any:
        async with self._bounded():
            return await super().fetch(*args, **options)

    async def fetchrow(self, *args: Any, **options: Any) -> Any:
        async with self._bounded():
            return await super().fetchrow(*args, **options)

    async def fetchval(self, *args: Any, **options: Any) -> Any:
        async with self._bounded():
            return await super().fetchval(*args, **options)

    def get_reset_query(self) -> str:
        """Nothing: a RESET would undo the bounds, and would run in another client's session behind a pooler."""
        return ""

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        if not self.behind_pooler or not self.bounds or self.is_in_transaction():
            yield
            return
        async with self.transaction():
            yield

    async def reaches_its_session(self) -> bool:
        """Whether the process that PostgreSQL announced at the start runs the statements; a pooler announces another.

        COPY is the query with an answer that needs no prepared statement.
        """
        answer = bytearray()

        async def collect(piece: bytes) -> None:
            answer.extend(piece)

        await self.copy_from_query("SELECT pg_backend_pid()", output=collect)
        return int(answer) == self.get_server_pid()


class _BoundedTransaction(Transaction):
    def __init__(self, connection: StoreConnection, *how: Any) -> None:
        super().__init__(connection, *how)
        self._bounds_of = connection

    async def start(self) -> None:
        connection = self._bounds_of
        outermost = not connection.is_in_transaction()
        await super().start()
        if outermost and connection.behind_pooler and connection.bounds:
            await connection.execute(connection.bounds)


class Connector:
    """Makes connections to one database. It notices a pooler by itself, unless it is told of it by `pooled`."""

    def __init__(
        self,
        dsn: Dsn,
        *,
        name: str,
        pooled: bool,
        statement_seconds: float = STATEMENT_TIMEOUT_SECONDS,
        idle_seconds: float = IDLE_IN_TRANSACTION_SECONDS,
    ) -> None:
        """`name` is the application name that PostgreSQL shows.

        Statements and idle transactions end after so many seconds; 0 leaves them unbounded.
        """
        self._given = dsn
        self._seen = self._dsn = dsn if isinstance(dsn, str) else dsn() or ""
        self._name = name
        self._pooled = pooled
        self._direct = False  # until it is seen: what a pooler needs works without one, too
        self._bounds = (("statement_timeout", statement_seconds), ("idle_in_transaction_session_timeout", idle_seconds))
        # The server ends a statement first, unless the network is dead.
        self._command_seconds = statement_seconds + 1 if statement_seconds else None

    async def connect(self, *_: object, **options: Any) -> StoreConnection:
        """A connection to a writable node. `options` are asyncpg's own. Raises asyncpg's errors."""
        while True:
            connection = await self._open(options)
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    direct = not self._pooled and await connection.reaches_its_session()
                    if direct == self._direct:
                        await self._bound(connection, direct=direct)
                        return connection
            except BaseException:
                connection.terminate()
                raise
            connection.terminate()
            self._direct = direct

    async def _open(self, options: dict[str, Any]) -> StoreConnection:
        given = options | {
            "connection_class": StoreConnection,
            "timeout": CONNECT_SECONDS,
            "command_timeout": self._command_seconds,
            "statement_cache_size": NAMED_STATEMENTS if self._direct else 0,
            "target_session_attrs": SessionAttribute.read_write,  # a read-only node, after a failover, is no use
            "server_settings": {"application_name": self._name},  # the one that poolers take
        }
        self._renew()
        try:
            connection: StoreConnection = await asyncpg.connect(self._dsn, **given)
        except (TimeoutError, asyncio.CancelledError):
            self._dsn = _first_host_last(self._dsn)  # hazard: else a host that is silent hides the others for ever
            raise
        return connection

    def _renew(self) -> None:
        """A URL that was replaced counts from now on. Certificates of its query are read by each connection."""
        if not isinstance(self._given, str) and (now := self._given() or "") != self._seen:
            self._seen = self._dsn = now

    async def _bound(self, connection: StoreConnection, *, direct: bool) -> None:
        word = "SET" if direct else "SET LOCAL"
        connection.behind_pooler = not direct
        connection.bounds = "; ".join(f"{word} {name} = '{seconds:g}s'" for name, seconds in self._bounds)
        if direct:
            await connection.execute(connection.bounds)


def _first_host_last(dsn: str) -> str:
    """The URL with its hosts in another order. asyncpg tries them one after the other, all within one time limit."""
    parts = urlsplit(dsn)
    user, at, hosts = parts.netloc.rpartition("@")
    first, comma, others = hosts.partition(",")
    return parts._replace(netloc=f"{user}{at}{others},{first}").geturl() if comma else dsn
