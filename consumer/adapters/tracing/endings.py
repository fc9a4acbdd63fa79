"""Spans of the final transactions that put an event into the outbox. The event carries the span's context on."""

from dataclasses import replace

from opentelemetry.trace import Span, SpanKind, Tracer

from consumer.adapters.tracing.spans import MESSAGING, headers_carrying, span
from consumer.domain.cost.usage import NOTHING_SPENT, Spent
from consumer.domain.package.package import Package, Publication
from consumer.domain.request.work import Replayed, Work
from consumer.domain.session.history import Basis
from consumer.flows.drafting.ports import Endings, FinishResult
from schemas.packages import FailureReason


class TracedEndings:
    """`Endings` that are traced. What a reader of the event does goes on with the trace of its request."""

    def __init__(self, endings: Endings, tracer: Tracer) -> None:
        self._endings = endings
        self._tracer = tracer

    async def finish_ready(
        self,
        work: Work,
        package: Package,
        basis: Basis,
        *,
        draft_model: str | None,
        upgrade_in_seconds: float | None,
        spent: Spent = NOTHING_SPENT,
    ) -> FinishResult:
        ready, publication = package.ready, package.publication
        attributes = {
            **_creating(publication),
            "escalation.package_id": str(ready.package_id),
            "escalation.revision": ready.revision,
            "escalation.cause": ready.cause.value,
            "escalation.status": ready.status.value,
        }
        with span(self._tracer, f"create {publication.topic}", SpanKind.PRODUCER, attributes) as current:
            result = await self._endings.finish_ready(
                work,
                replace(package, publication=_carrying(current, publication)),
                basis,
                draft_model=draft_model,
                upgrade_in_seconds=upgrade_in_seconds,
                spent=spent,
            )
            current.set_attribute("escalation.result", result.value)
            return result

    async def finish_unchanged(
        self,
        work: Work,
        basis: Basis | None,
        *,
        upgrade_in_seconds: float | None,
        untold: bool = False,
        replayed: Replayed = Replayed.UNCHANGED,
        spent: Spent = NOTHING_SPENT,
    ) -> FinishResult:
        return await self._endings.finish_unchanged(
            work, basis, upgrade_in_seconds=upgrade_in_seconds, untold=untold, replayed=replayed, spent=spent
        )

    async def finish_failed(self, work: Work, publication: Publication, reason: FailureReason) -> FinishResult:
        attributes = {**_creating(publication), "escalation.status": "failed", "escalation.reason": reason.value}
        with span(self._tracer, f"create {publication.topic}", SpanKind.PRODUCER, attributes) as current:
            result = await self._endings.finish_failed(work, _carrying(current, publication), reason)
            current.set_attribute("escalation.result", result.value)
            return result


def _creating(publication: Publication) -> dict[str, str]:
    return {
        **MESSAGING,
        "messaging.operation.type": "create",
        "messaging.operation.name": "create",
        "messaging.destination.name": publication.topic,
    }


def _carrying(current: Span, publication: Publication) -> Publication:
    return replace(publication, headers=headers_carrying(current.get_span_context(), publication.headers))
