"""Spans of intake: one for each part of a batch that is stored, linked to the traces of its requests."""

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Tracer

from consumer.adapters.tracing.spans import MESSAGING, span
from consumer.domain.events import Cancellation, Request
from consumer.flows.inbox import Batch, Inbox, StoredBatch


class TracedInbox:
    """An `Inbox` whose batches are traced. Positions alone are not: they are stored four times a second."""

    def __init__(self, inbox: Inbox, tracer: Tracer) -> None:
        self._inbox = inbox
        self._tracer = tracer

    async def store(self, batch: Batch) -> StoredBatch:
        if not batch.arrivals:
            return await self._inbox.store(batch)
        arrivals = [decoded.arrival for decoded in batch.arrivals]
        topics = {arrival.origin.topic for arrival in arrivals}
        attributes = {
            **MESSAGING,
            "messaging.operation.type": "process",
            "messaging.operation.name": "store",
            "messaging.batch.message_count": len(arrivals),
            "messaging.destination.name": min(topics) if len(topics) == 1 else None,
        }
        traces = (arrival.trace for arrival in arrivals if isinstance(arrival, Request | Cancellation))
        with span(
            self._tracer, "store batch", SpanKind.CONSUMER, attributes, parent=Context(), links=traces
        ) as current:
            stored = await self._inbox.store(batch)
            for outcome, records in stored.outcomes.items():
                current.set_attribute(f"escalation.records.{outcome}", records)
            return stored

    async def probe(self) -> None:
        await self._inbox.probe()
