"""Spans of drafting: an attempt at a piece of work, in the trace of its request, and the building of its bundle."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import structlog
from opentelemetry.trace import SpanKind, Tracer

from consumer.adapters.tracing.spans import MESSAGING, context_of, span
from consumer.domain.request.work import Work
from schemas.topics import Topics


class DraftingSpans:
    """Implements the port `flows.drafting.tracing.Tracing`.

    An attempt is a child of what the request came with, not linked to it: one message is processed, and whoever follows
    a request sees all of its revisions in one trace.
    """

    def __init__(self, tracer: Tracer, topics: Topics) -> None:
        self._tracer = tracer
        self._topics = topics

    @contextmanager
    def _attempt(self, work: Work) -> Iterator[None]:
        topic = self._topics.requests
        attributes = {
            **MESSAGING,
            "messaging.operation.type": "process",
            "messaging.operation.name": "draft",
            "messaging.destination.name": topic,
            "escalation.tenant_id": work.key.tenant_id,
            "escalation.session_id": work.key.session_id,
            "escalation.request_id": work.key.request_id,
            "escalation.revision": work.next_revision,
            "escalation.cause": work.cause.value,
            "escalation.attempt": work.attempts,
            "escalation.since_request_seconds": round(work.age_seconds, 3),
        }
        parent = context_of(work.trace)
        with span(self._tracer, f"draft {topic}", SpanKind.CONSUMER, attributes, parent=parent) as current:
            structlog.contextvars.bind_contextvars(trace_id=f"{current.get_span_context().trace_id:032x}")
            yield

    def attempt(self, work: Work) -> AbstractContextManager[None]:
        return self._attempt(work)

    @contextmanager
    def _building(self) -> Iterator[None]:
        with span(self._tracer, "build bundle", SpanKind.INTERNAL, {}):
            yield

    def building(self) -> AbstractContextManager[None]:
        return self._building()
