"""The contents of a store, to compare with another store's: all but times, leases and open work."""

from collections.abc import Collection
from typing import Any

from tests.support.databases import connected

COLUMNS = {
    "session_events": "tenant_id, session_id, version, arrival, event_id, type, occurred_at, actor, data, utc_offset",
    "sessions": "tenant_id, session_id, newest_version, event_count, has_secrets, last_ticket,"
    " erased_at IS NULL AS is_here, trimmed_at IS NULL AS is_whole",
    "session_secrets": "tenant_id, session_id, identity, kind, forms",
    "requests": "tenant_id, session_id, request_id, state, requested_state_version, reason, priority, revision,"
    " last_package_id, revisions_by_change, upgrade_wanted, failure",
    "packages": "package_id, request_id, revision, state_version, arrivals, status, cause, replay_id, bundle_sha256,"
    " content_sha256, prompt_version, model, ticket, event::jsonb - 'title' AS event",
    "drafts": "tenant_id, session_id, bundle_sha256, prompt_version, model, state, answer",
    "dead_letters": 'topic, partition, "offset", tenant_id, session_id, reason, error, excerpt',
}

Contents = dict[str, list[dict[str, Any]]]


async def contents(dsn: str, *, without: Collection[str] = ()) -> Contents:
    """The rows of every table, in order."""
    async with connected(dsn) as connection:
        return {
            name: [dict(row) for row in await connection.fetch(f"SELECT {columns} FROM {name} ORDER BY 1, 2, 3")]
            for name, columns in COLUMNS.items()
            if name not in without
        }
