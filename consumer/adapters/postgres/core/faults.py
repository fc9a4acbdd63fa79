"""PostgreSQL's errors, mapped in one place, by whose fault they are.

An error of the data passes: it is the fault of what is stored. Every other error would meet sound data too. It becomes
Transient: the caller pauses, says so, and tries again.
"""

import contextlib
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
"""The database does not answer, or not now."""
ERRORS: tuple[type[Exception], ...] = (*AWAY, asyncpg.PostgresError)
"""All that PostgreSQL and the way to it raise."""

_DATA_CLASSES = (
    asyncpg.DataError,  # SQLSTATE class 22
    asyncpg.exceptions.ProgramLimitExceededError,  # class 54, such as an index row that would be too long
)

_GRANT = """
SELECT current_schema() IS NULL AS unseen,
       format('GRANT USAGE ON SCHEMA %1$I TO %2$I; '
              'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %1$I TO %2$I; '
              'GRANT USAGE ON ALL SEQUENCES IN SCHEMA %1$I TO %2$I',
              coalesce(current_schema(), 'public'), current_user) AS statement
"""
_GRANTS = (
    "the role needs CONNECT on the database, USAGE of the schema, and SELECT, INSERT, UPDATE, DELETE on its tables"
)


class NotPrepared(Transient):
    """The database is not prepared for this release; `escalation-consumer prepare` does that."""


class StoreFault(Transient):
    """PostgreSQL refuses what it must take: its schema, its rights or code of others in it has to be mended."""


def is_of_the_data(error: BaseException) -> bool:
    """Whether the error is the fault of the values that were sent; asyncpg finds some of these before it sends them."""
    of_the_client = isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)
    return of_the_client or isinstance(error, _DATA_CLASSES)


@asynccontextmanager
async def reachable(pool: Pool) -> AsyncIterator[None]:
    """Errors of the data pass.

    Raises NotPrepared for a missing table or column, Transient while the database is away, and StoreFault for every
    other error of PostgreSQL.
    """
    try:
        yield
    except asyncpg.exceptions.ReadOnlySQLTransactionError as error:
        await pool.expire_connections()  # hazard: else the pool keeps its connections to the old primary for ever
        raise Transient(f"PostgreSQL: {describe_error(error)}") from error
    except (asyncpg.exceptions.UndefinedTableError, asyncpg.exceptions.UndefinedColumnError) as error:
        if (grant := await missing_grant(pool, only_unseen=True)) is not None:
            raise StoreFault(f"PostgreSQL: {name_error(error)}; {grant}") from error
        raise NotPrepared from error
    except asyncpg.exceptions.InsufficientPrivilegeError as error:
        raise StoreFault(f"PostgreSQL: {name_error(error)}; {await missing_grant(pool) or _GRANTS}") from error
    except ERRORS as error:
        if is_of_the_data(error):
            raise
        if isinstance(error, AWAY):
            raise Transient(f"PostgreSQL: {describe_error(error)}") from error
        if isinstance(error, asyncpg.exceptions.InvalidCachedStatementError):
            await pool.expire_connections()  # a table was altered: new connections plan anew
        raise StoreFault(f"PostgreSQL: {name_error(error)}; {_advice(error)}") from error


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


async def missing_grant(pool: Pool, *, only_unseen: bool = False) -> str | None:
    """What to run so that the role may do the service's work; None when that cannot be found out.

    With `only_unseen` None also when the role sees the schema of the tables: another error than a missing right.
    """
    with contextlib.suppress(*ERRORS):
        row = await pool.fetchrow(_GRANT)
        if row is not None and (row["unseen"] or not only_unseen):
            return f"as an administrator run: {row['statement']}"
    return None


def _advice(error: Exception) -> str:
    match error:
        case asyncpg.exceptions.DuplicatePreparedStatementError() | asyncpg.exceptions.InvalidSQLStatementNameError():
            return "a pooler stands before PostgreSQL: set ESCALATION_DATABASE_POOLER=transaction"
        case asyncpg.exceptions.IntegrityConstraintViolationError():
            return "a constraint of the database stands in the way that is not this release's"
        case _:
            return "PostgreSQL's log says more; it is tried again"


def name_error(error: BaseException) -> str:
    """The error's name, SQLSTATE, table and constraint. Its message is left out: code of others may quote values."""
    places = (
        getattr(error, "sqlstate", None),
        getattr(error, "table_name", None),
        getattr(error, "constraint_name", None),
    )
    return " ".join((type(error).__name__, *(place for place in places if place)))


def describe_error(error: BaseException) -> str:
    """One line for people. PostgreSQL's messages quote names, not values. `detail` may quote values and is left out."""
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
