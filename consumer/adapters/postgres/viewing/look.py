"""One look at the tables: a READ ONLY transaction whose statements are bounded, each planned for its parameters."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from consumer.adapters.postgres.core.faults import transaction
from consumer.adapters.postgres.core.pool import Connection, Pool
from consumer.adapters.postgres.core.sql import Queries
from consumer.errors import Permanent, Transient

STATEMENT_SECONDS = 3.0
"""A look that takes longer is not worth the store's time: it is to be narrowed by a filter."""

_queries = Queries("viewing_now")


class Looker:
    """Looks at one snapshot each.

    Every look raises Transient while the database is away, or when a statement takes too long; Permanent for a value
    that no column can hold, such as a text with U+0000.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def _look(self) -> AsyncIterator[Connection]:
        try:
            async with transaction(self._pool, isolation="repeatable_read", readonly=True) as connection:
                await connection.fetch(_queries.bound, f"{STATEMENT_SECONDS * 1000:.0f}")
                yield connection
        except asyncpg.DataError as error:
            raise Permanent(f"This cannot be looked for: {error}") from error
        except Transient as error:
            if isinstance(error.__cause__, asyncpg.QueryCanceledError):
                raise Transient(
                    f"PostgreSQL has not answered within {STATEMENT_SECONDS:.0f} s: narrow the look by a filter, "
                    "such as a tenant or a time"
                ) from error
            raise


def after_all(beginning: str) -> str:
    """A text that comes after all that begin with `beginning`, in the order of bytes."""
    return beginning + "\U0010ffff"
