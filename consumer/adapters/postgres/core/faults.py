"""PostgreSQL's errors, mapped in one place: the errors of a database that is away become Transient."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import asyncpg

from consumer.adapters.postgres.core.pool import ACQUIRE_TIMEOUT_SECONDS, Connection, Pool
from consumer.errors import Transient

AWAY: tuple[type[Exception], ...] = (
    OSError,  # the connection was refused or reset; includes TimeoutError: no answer in time
    asyncpg.InterfaceError,  # the connection or the pool was closed during use
    asyncpg.InternalClientError,  # no writable node, or a connection that broke in the middle of an answer
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,  # a shutdown, a start, or a statement that took too long
    asyncpg.exceptions.InsufficientResourcesError,  # too many connections, disk full, out of memory
    asyncpg.exceptions.TransactionRollbackError,  # deadlock
    asyncpg.exceptions.InvalidTransactionStateError,  # a read-only node after a failover, or idle for too long
    asyncpg.exceptions.ObjectNotInPrerequisiteStateError,  # a lock was not available
    asyncpg.exceptions.PostgresSystemError,
    asyncpg.exceptions.InvalidAuthorizationSpecificationError,  # the role is changed while the service runs
    asyncpg.exceptions.InvalidCatalogNameError,  # the database does not exist yet
    asyncpg.exceptions.UndefinedTableError,  # its tables do not exist yet
    asyncpg.exceptions.UndefinedColumnError,
)


class NotPrepared(Transient):
    """The database is not prepared for this release; `escalation-consumer prepare` does that."""


@asynccontextmanager
async def reachable(pool: Pool) -> AsyncIterator[None]:
    """Raises Transient for the errors in AWAY, NotPrepared for a missing table or column. Other errors pass."""
    try:
        yield
    except asyncpg.exceptions.ReadOnlySQLTransactionError as error:
        await pool.expire_connections()  # hazard: else the pool keeps its connections to the old primary for ever
        raise Transient(f"PostgreSQL: {describe_error(error)}") from error
    except (asyncpg.exceptions.UndefinedTableError, asyncpg.exceptions.UndefinedColumnError) as error:
        raise NotPrepared from error
    except AWAY as error:
        raise Transient(f"PostgreSQL: {describe_error(error)}") from error


@asynccontextmanager
async def transaction(
    pool: Pool, *, isolation: Literal["repeatable_read"] | None = None, readonly: bool = False
) -> AsyncIterator[Connection]:
    """A transaction on a connection of the pool. Raises as `reachable` does.

    With `isolation="repeatable_read"` all its statements see the same moment.
    """
    async with (
        reachable(pool),
        pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection,
        connection.transaction(isolation=isolation, readonly=readonly),
    ):
        yield connection


def describe_error(error: BaseException) -> str:
    """One line for people. PostgreSQL's messages quote names, not values. `detail` may quote values and is left out."""
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
