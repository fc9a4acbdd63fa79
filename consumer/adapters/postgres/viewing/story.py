"""Reads all that belongs to one request."""

from consumer.adapters.postgres.core.sql import Queries
from consumer.adapters.postgres.viewing import rows
from consumer.adapters.postgres.viewing.look import Looker
from consumer.adapters.postgres.viewing.requests import views_of
from consumer.domain.events import RequestKey
from consumer.domain.package.package import note_key
from consumer.flows.viewing.story import RefusedRequest, RequestStory
from consumer.flows.viewing.timeline import told

NEWEST_EVENTS = 20
MOST_ROWS_EACH = 200
"""Calls, drafts, dead letters and so on that one story holds."""

_requests = Queries("viewing_requests")
_packages = Queries("viewing_packages")
_dead_letters = Queries("viewing_dead_letters")


class StoryTables(Looker):
    """Implements the rest of the port `flows.viewing.ports.RequestViews`."""

    async def request_story(self, key: RequestKey) -> RequestStory | None:
        async with self._look() as connection:
            views = await views_of(connection, await connection.fetch(_requests.one_request, *key))
            if not views:
                return None
            events = await connection.fetch(_requests.newest_events, *key.session, NEWEST_EVENTS)
            calls = await connection.fetch(_requests.calls, *key, MOST_ROWS_EACH)
            ledger = await connection.fetch(_requests.ledger, *key, MOST_ROWS_EACH)
            revisions = await connection.fetch(_packages.revisions, *key)
            waiting = await connection.fetch(_requests.waiting_events, *key.session, note_key(key), MOST_ROWS_EACH)
            feedback = await connection.fetch(_requests.feedback, *key, MOST_ROWS_EACH)
            refused = await connection.fetch(_dead_letters.of_request, key.request_id, *key.session, MOST_ROWS_EACH)
        return told(
            RequestStory(
                request=views[0],
                newest_events=tuple(rows.session_record(row) for row in reversed(events)),
                calls=tuple(rows.call_view(row) for row in calls),
                ledger=tuple(rows.ledger_view(row) for row in ledger),
                revisions=tuple(rows.package_view(row) for row in revisions),
                waiting_events=tuple(rows.waiting_event(row) for row in waiting),
                feedback=tuple(rows.feedback_view(row) for row in feedback),
                dead_letters=tuple(rows.dead_letter_view(row) for row in refused),
            )
        )

    async def refused_request(self, request_id: str, *, tenant: str | None = None) -> RefusedRequest | None:
        async with self._look() as connection:
            found = await connection.fetch(_dead_letters.of_request, request_id, tenant, None, MOST_ROWS_EACH)
        if not found:
            return None
        return RefusedRequest(request_id=request_id, dead_letters=tuple(rows.dead_letter_view(row) for row in found))
