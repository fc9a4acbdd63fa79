"""Spans of the relay: one for each published event, in the trace that the event carries on."""

import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Tracer

from consumer.adapters.tracing.spans import MESSAGING, Value, context_of, fail, given, links_to
from consumer.domain.events import TraceContext
from consumer.flows.relay.ports import Broker, Delivery, Hanging, Identity, OutboxRow, Publisher

_COPIES = {
    "event_id": "messaging.message.id",
    "tenant_id": "escalation.tenant_id",
    "session_id": "escalation.session_id",
    "revision": "escalation.revision",
    "status": "escalation.status",
    "cause": "escalation.cause",
}
"""Headers of a published event, each with the attribute that shows it."""


class TracedBroker:
    """A `Broker` whose publishers are traced."""

    def __init__(self, broker: Broker, tracer: Tracer) -> None:
        self._broker = broker
        self._tracer = tracer

    async def fence(self) -> Publisher:
        return TracedPublisher(await self._broker.fence(), self._tracer)


class TracedPublisher:
    """A `Publisher` whose transactions are traced.

    What is published gets a span an event, once it is committed. A transaction that fails gets one span, however many
    events it held, for it is tried again until it succeeds.
    """

    def __init__(self, publisher: Publisher, tracer: Tracer) -> None:
        self._publisher = publisher
        self._tracer = tracer

    async def publish(self, rows: Sequence[OutboxRow], position: int) -> Mapping[int, Delivery]:
        began = time.time_ns()
        traced = [(row, trace) for row in rows if (trace := _trace_of(row)) is not None]
        try:
            deliveries = await self._publisher.publish(rows, position)
        except Exception as error:
            if traced:
                self._tell_failure(error, [trace for _, trace in traced], events=len(rows), began=began)
            raise
        ended = time.time_ns()
        for row, trace in traced:
            headers = dict(row.headers)
            self._tracer.start_span(
                f"send {row.topic}",
                context=context_of(trace),
                kind=SpanKind.CLIENT,
                start_time=began,
                attributes=given(
                    _sending(row.topic, len(rows)) | {name: headers.get(header) for header, name in _COPIES.items()}
                ),
            ).end(ended)
        return deliveries

    def _tell_failure(self, error: Exception, traces: Sequence[TraceContext], *, events: int, began: int) -> None:
        failed = self._tracer.start_span(
            "send batch",
            context=Context(),
            kind=SpanKind.CLIENT,
            start_time=began,
            attributes=given(_sending(None, events)),
            links=links_to(traces),
        )
        fail(failed, error)
        failed.end()

    async def position(self) -> int | None:
        return await self._publisher.position()

    async def unended(self, topics: Collection[str]) -> frozenset[Hanging]:
        return await self._publisher.unended(topics)

    async def hanging(self, topics: Collection[str]) -> Mapping[str, Sequence[Hanging]]:
        return await self._publisher.hanging(topics)

    async def end(self, hanging: Sequence[Hanging], *, commit: bool) -> None:
        await self._publisher.end(hanging, commit=commit)

    def published_since(self, topics: Collection[str], since: datetime) -> AsyncIterator[Sequence[Identity]]:
        return self._publisher.published_since(topics, since)

    async def discard(self) -> None:
        await self._publisher.discard()


def _trace_of(row: OutboxRow) -> TraceContext | None:
    headers = dict(row.headers)
    parent = headers.get("traceparent")
    return None if parent is None else TraceContext(traceparent=parent, tracestate=headers.get("tracestate"))


def _sending(topic: str | None, events: int) -> dict[str, Value | None]:
    return {
        **MESSAGING,
        "messaging.operation.type": "send",
        "messaging.operation.name": "send",
        "messaging.destination.name": topic,
        "messaging.batch.message_count": events,
    }
