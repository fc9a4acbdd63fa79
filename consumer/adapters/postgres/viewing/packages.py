"""Reads packages, without and with their texts."""

from datetime import datetime
from uuid import UUID

from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.viewing import rows
from consumer.adapters.postgres.viewing.look import Looker
from consumer.flows.viewing.filters import PackageFilter
from consumer.flows.viewing.packages import NoteView, PackageView
from consumer.flows.viewing.pages import PAGE_ROWS, RowPage, page_key, page_of, read_page_key
from consumer.flows.viewing.ports import MOST_CANDIDATES

_queries = Queries("viewing_packages")
_KEY = (datetime, str)
_DIGITS = 32


class PackageTables(Looker):
    """Implements the port `flows.viewing.ports.PackageViews`."""

    async def packages(
        self, wanted: PackageFilter, *, after: str | None = None, limit: int = PAGE_ROWS
    ) -> RowPage[PackageView]:
        made_at, package_id = read_page_key(after, _KEY)
        async with self._look() as connection:
            found = await connection.fetch(
                _queries.newest,
                wanted.tenant,
                wanted.session,
                wanted.request,
                wanted.status,
                wanted.cause,
                wanted.since,
                wanted.until,
                None if wanted.ticket is None else wanted.ticket.ticket_id,
                None if wanted.ticket is None else wanted.ticket.systems,
                made_at,
                package_id,
                limit + 1,
            )
            is_empty = not found and not await connection.fetchval(_queries.any_package)
        return page_of([rows.package_view(row) for row in found], limit, _key, store_is_empty=is_empty)

    async def package_ids(self, beginning: str) -> tuple[UUID, ...]:
        digits = beginning.replace("-", "").lower()
        if not digits or len(digits) > _DIGITS or set(digits) - set("0123456789abcdef"):
            return ()
        first, last = (UUID(digits.ljust(_DIGITS, filler)) for filler in "0f")
        async with self._look() as connection:
            found = await connection.fetch(_queries.ids_between, first, last, MOST_CANDIDATES)
        return tuple(row["package_id"] for row in found)

    async def note(self, package_id: UUID) -> NoteView | None:
        async with self._look() as connection:
            event = await connection.fetchval(_queries.event, package_id)
            found = await connection.fetch(_queries.revisions_of_note, package_id)
        if event is None:
            return None
        revisions = tuple(rows.package_view(row) for row in found)
        package = next(view for view in revisions if view.package_id == package_id)
        return NoteView(package=package, event=event, revisions=revisions)


def _key(view: PackageView) -> str:
    return page_key((view.created_at, str(view.package_id)))
