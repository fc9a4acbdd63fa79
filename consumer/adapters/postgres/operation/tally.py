"""Counts of the tables' rows, for the demo to show."""

from dataclasses import dataclass

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.core.sql import Queries

_queries = Queries("tally")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Numbers of rows, all at one moment."""

    events: int = 0
    sessions: int = 0
    requests: int = 0
    open: int = 0
    due: int = 0
    """Requests with work to do now or later; a revision that waits until its session is quiet counts too."""
    packages: int = 0
    dead_letters: int = 0
    outbox: int = 0


async def tally(pool: Pool) -> Tally:
    """Counts whole tables, which is too slow for a loop on a large store. Raises PostgreSQL's errors as they are."""
    row = await pool.fetchrow(_queries.tally)
    return Tally(**dict(row)) if row else Tally()
