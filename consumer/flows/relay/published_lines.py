"""A line for each event that was published; none for dead letters, which intake has told."""

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

import structlog

from consumer.flows.relay.ports import Delivery, OutboxRow

_READY = "escalation.package_ready.v1"

log = structlog.stdlib.get_logger("escalation.relay")


def tell_published(rows: Sequence[OutboxRow], deliveries: Mapping[int, Delivery]) -> None:
    """Tells these rows, which are committed. `deliveries` are their places, by row id, as far as they are known."""
    for row in rows:
        headers = dict(row.headers)
        if (kind := headers.get("event_type")) is None:
            continue
        place = deliveries.get(row.id)
        event_log = log.bind(
            tenant=headers.get("tenant_id"),
            session=headers.get("session_id"),
            request=unquote(headers.get("note_key", "").rpartition("/")[2]),
            package=headers.get("event_id"),
            revision=int(headers["revision"]) if "revision" in headers else None,
            status=headers.get("status"),
            cause=headers.get("cause"),
            topic=row.topic,
            partition=None if place is None else place.partition,
            offset=None if place is None else place.offset,
            seconds=round(row.waited_seconds, 3),
            trace_id=headers["traceparent"][3:35] if "traceparent" in headers else None,
        )
        if kind == _READY:
            event_log.info("A package was published.", event_name="package_published")
        else:
            event_log.info("The end of a request was published.", event_name="end_published", type=kind)
