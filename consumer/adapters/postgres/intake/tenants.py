"""Stores the policies of a batch: of each tenant the newest, by the time at which it was set.

Runs inside the inbox's transaction.
"""

from collections.abc import Sequence

from consumer.adapters.postgres.core.pool import Connection
from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.events import PolicyChange

_queries = Queries("tenants")


async def store_policies(connection: Connection, changes: Sequence[PolicyChange]) -> int:
    """Stores what is newer than what is stored. Returns how many of the changes count from now on."""
    if not changes:
        return 0
    newest = {
        change.tenant_id: change for change in sorted(changes, key=lambda change: (change.set_at, change.event_id))
    }
    rows = [
        (
            tenant_id,
            change.event_id,
            change.set_at,
            change.policy.model.value,
            change.policy.language,
            change.policy.monthly_budget_usd,
            change.policy.note_footer,
        )
        for tenant_id, change in sorted(newest.items())
    ]
    return len(await connection.fetch(_queries.put_policies, *columns(rows, 7)))
