"""Reads refused records."""

from datetime import datetime

from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.viewing import rows
from consumer.adapters.postgres.viewing.look import Looker
from consumer.adapters.postgres.viewing.tickets import sessions_of_ticket
from consumer.domain.events import Origin
from consumer.flows.viewing.dead_letters import DeadLetterView, LetterCount
from consumer.flows.viewing.filters import DeadLetterFilter, LetterTrait
from consumer.flows.viewing.pages import PAGE_ROWS, RowPage, page_key, page_of, read_page_key
from consumer.flows.viewing.ports import MOST_COUNTED

_queries = Queries("viewing_dead_letters")
_KEY = (datetime, str, int, int, int)


class DeadLetterTables(Looker):
    """Implements the port `flows.viewing.ports.DeadLetterViews`."""

    async def dead_letters(
        self, wanted: DeadLetterFilter, *, after: str | None = None, limit: int = PAGE_ROWS
    ) -> RowPage[DeadLetterView]:
        async with self._look() as connection:
            fetched = await connection.fetch(
                _queries.newest,
                *await _restrictions(connection, wanted),
                *read_page_key(after, _KEY),
                limit + 1,
            )
            is_empty = not fetched and not await connection.fetchval(_queries.any_dead_letter)
        return page_of([rows.dead_letter_view(row) for row in fetched], limit, _key, store_is_empty=is_empty)

    async def dead_letter_counts(self, wanted: DeadLetterFilter, by: LetterTrait) -> tuple[LetterCount, ...]:
        async with self._look() as connection:
            restrictions = await _restrictions(connection, wanted)
            fetched = await connection.fetch(_queries.counts, *restrictions, by, MOST_COUNTED)
        return tuple(LetterCount(**dict(row)) for row in fetched)

    async def dead_letter(self, origin: Origin) -> DeadLetterView | None:
        async with self._look() as connection:
            row = await connection.fetchrow(_queries.at_place, *origin[:3])
        return None if row is None else rows.dead_letter_view(row)


async def _restrictions(connection: Connection, wanted: DeadLetterFilter) -> tuple[object, ...]:
    return (
        wanted.reason,
        wanted.topic,
        wanted.tenant,
        wanted.session,
        wanted.request,
        wanted.since,
        wanted.until,
        *await sessions_of_ticket(connection, wanted.ticket),
    )


def _key(view: DeadLetterView) -> str:
    return page_key((view.failed_at, *view.origin))
