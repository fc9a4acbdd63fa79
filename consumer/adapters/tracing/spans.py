"""How a span begins and ends, and how a W3C trace context is read and written."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from consumer.domain.events import TraceContext

Value = str | int | float | bool | list[str]
MESSAGING = {"messaging.system": "kafka"}
MOST_LINKS = 128
"""The most that a span keeps by the SDK's own limit."""

_W3C = TraceContextTextMapPropagator()


@contextmanager
def span(
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, Value | None],
    *,
    parent: Context | None = None,
    links: Iterable[TraceContext] = (),
) -> Iterator[Span]:
    """The current span of the block. Without `parent` it goes on with the span around it.

    Hazard: the library would note an error's message and traceback, and both may quote what is processed.
    """
    with tracer.start_as_current_span(
        name,
        context=parent,
        kind=kind,
        attributes=given(attributes),
        links=links_to(links),
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except BaseException as error:
            fail(current, error)
            raise


def fail(current: Span, error: BaseException) -> None:
    """Marks the span as failed, by the error's type alone."""
    current.set_attribute("error.type", type(error).__name__)
    current.set_status(Status(StatusCode.ERROR))


def given(attributes: Mapping[str, Value | None]) -> dict[str, Value]:
    """Those that have a value."""
    return {name: value for name, value in attributes.items() if value is not None}


def links_to(traces: Iterable[TraceContext]) -> list[Link]:
    """Links to the first MOST_LINKS of these contexts; no more are looked at, for a batch may hold thousands."""
    first = islice((trace for trace in traces if trace.traceparent), MOST_LINKS)
    contexts = (get_current_span(context_of(trace)).get_span_context() for trace in first)
    return [Link(context) for context in contexts if context.is_valid]


def context_of(trace: TraceContext) -> Context:
    """The context that a span is a child of; without a valid one in `trace` its span begins a trace of its own."""
    carrier = {"traceparent": trace.traceparent, "tracestate": trace.tracestate}
    return _W3C.extract({name: value for name, value in carrier.items() if value is not None})


def headers_carrying(context: SpanContext, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The headers, with this span's context in the place of any that was there."""
    others = tuple((name, value) for name, value in headers if name not in _W3C.fields)
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    state = context.trace_state.to_header()
    return (*others, ("traceparent", parent), *((("tracestate", state),) if state else ()))
