"""Reads refused records."""

from datetime import datetime

from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.viewing import rows
from consumer.adapters.postgres.viewing.look import Looker
from consumer.domain.events import Origin
from consumer.flows.viewing.dead_letters import DeadLetterView
from consumer.flows.viewing.filters import DeadLetterFilter
from consumer.flows.viewing.pages import PAGE_ROWS, RowPage, page_key, page_of, read_page_key

_queries = Queries("viewing_dead_letters")
_KEY = (datetime, str, int, int, int)


class DeadLetterTables(Looker):
    """Implements the port `flows.viewing.ports.DeadLetterViews`."""

    async def dead_letters(
        self, wanted: DeadLetterFilter, *, after: str | None = None, limit: int = PAGE_ROWS
    ) -> RowPage[DeadLetterView]:
        async with self._look() as connection:
            found = await connection.fetch(
                _queries.newest,
                wanted.reason,
                wanted.topic,
                wanted.tenant,
                wanted.session,
                wanted.request,
                wanted.since,
                wanted.until,
                *read_page_key(after, _KEY),
                limit + 1,
            )
            is_empty = not found and not await connection.fetchval(_queries.any_dead_letter)
        return page_of([rows.dead_letter_view(row) for row in found], limit, _key, store_is_empty=is_empty)

    async def dead_letter(self, origin: Origin) -> DeadLetterView | None:
        async with self._look() as connection:
            row = await connection.fetchrow(_queries.at_place, *origin[:3])
        return None if row is None else rows.dead_letter_view(row)


def _key(view: DeadLetterView) -> str:
    return page_key((view.failed_at, *view.origin))
