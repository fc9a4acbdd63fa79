"""What each role of the database may do: no more than its queries need.

`prepare` runs as the owner of the tables. Everything else runs as the service; what only looks may run as the reader.
A test plans every query under these rights, and takes each right away to see that a query needs it.
deploy/postgres/grants.sql is made of this table.
"""

from collections.abc import Mapping

OWNER_ROLE, SERVICE_ROLE, READER_ROLE = "escalation_owner", "escalation_service", "escalation_reader"

_LOOK = ("SELECT",)
_NO_DELETE = (*_LOOK, "INSERT", "UPDATE")
_ALL = (*_NO_DELETE, "DELETE")

SERVICE: Mapping[str, tuple[str, ...]] = {
    "cache_evictions": _ALL,
    "catching_up": _ALL,
    "dead_letter_jobs": _ALL,
    "dead_letters": _ALL,
    "drafts": _ALL,
    "intake_positions": _NO_DELETE,
    "model_calls": _ALL,
    "model_days": _NO_DELETE,
    "model_doubts": _ALL,
    "model_outage": _ALL,
    "outbox": _ALL,
    "package_feedback": _ALL,
    "packages": _ALL,
    "rebuild": _NO_DELETE,
    "refusing_topics": _ALL,
    "relay": _NO_DELETE,
    "replay_items": _NO_DELETE,
    "replays": _NO_DELETE,
    "requests": _ALL,
    "schema_migrations": _LOOK,
    "service_keys": _LOOK,
    "session_events": _ALL,
    "session_secrets": ("SELECT", "INSERT", "DELETE"),
    "sessions": _ALL,
    "settled_dead_letters": _ALL,
    "tenant_policies": _NO_DELETE,
}
"""The verbs by table."""
SEQUENCES = ("lease_tokens",)
"""Those that no column owns: the service needs USAGE of them."""
UNREAD: Mapping[str, str] = {"service_keys": "", "session_secrets": "tenant_id, session_id"}
"""What the reader may not read, and the columns of it that it counts by: all else it may."""


def needed_pairs() -> tuple[list[str], list[str]]:
    """Each table with each verb that the service needs, as two columns."""
    pairs = [(table, verb) for table, verbs in SERVICE.items() for verb in verbs]
    return [table for table, _ in pairs], [verb for _, verb in pairs]
