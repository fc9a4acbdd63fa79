"""PostgreSQL's errors, mapped in one place: which of them mean "again later"."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from consumer.adapters.postgres.core.pool import ACQUIRE_TIMEOUT_SECONDS, Connection, Pool
from consumer.errors import Transient

AWAY: tuple[type[Exception], ...] = (
    OSError,  # refused, reset; includes TimeoutError: no answer in time
    asyncpg.InterfaceError,  # the connection or the pool was closed under us
    asyncpg.InternalClientError,  # no writable node; a connection that broke in the middle of an answer
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,  # shutting down, starting up, or a statement that took too long
    asyncpg.exceptions.InsufficientResourcesError,  # too many connections, disk full, out of memory
    asyncpg.exceptions.TransactionRollbackError,  # deadlock
    asyncpg.exceptions.InvalidTransactionStateError,  # a read-only node after a failover; idle for too long
    asyncpg.exceptions.ObjectNotInPrerequisiteStateError,  # a lock was not to be had
    asyncpg.exceptions.PostgresSystemError,
    asyncpg.exceptions.InvalidAuthorizationSpecificationError,  # the role is changed while the service runs
    asyncpg.exceptions.InvalidCatalogNameError,  # the database is not there yet
    asyncpg.exceptions.UndefinedTableError,  # nor its tables
    asyncpg.exceptions.UndefinedColumnError,
)


class NotPrepared(Transient):
    """The database is not prepared for this release; `escalation-consumer prepare` does that."""


@asynccontextmanager
async def reachable(pool: Pool) -> AsyncIterator[None]:
    """Turns the errors of a database that is away into Transient; others (our own mistakes) pass."""
    try:
        yield
    except asyncpg.exceptions.ReadOnlySQLTransactionError as error:
        await pool.expire_connections()  # hazard: the pool would keep its connections to the old primary for ever
        raise Transient(f"PostgreSQL: {describe_error(error)}") from error
    except (asyncpg.exceptions.UndefinedTableError, asyncpg.exceptions.UndefinedColumnError) as error:
        raise NotPrepared from error
    except AWAY as error:
        raise Transient(f"PostgreSQL: {describe_error(error)}") from error


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """A transaction on a connection of the pool. Raises Transient while the database is away."""
    async with (
        reachable(pool),
        pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS) as connection,
        connection.transaction(),
    ):
        yield connection


def describe_error(error: BaseException) -> str:
    """One line for people. PostgreSQL's messages quote names, not values; `detail`, which may, is left out."""
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
