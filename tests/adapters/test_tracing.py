"""Spans hold no message of an error, go the way they are told, and hold nothing up."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from consumer.adapters.tracing.provider import FLUSH_SECONDS, OtlpTraces
from consumer.adapters.tracing.publishing import TracedPublisher
from consumer.adapters.tracing.spans import MOST_LINKS, context_of, headers_carrying, links_to, span
from consumer.domain.events import TraceContext
from consumer.flows.relay.ports import BrokerAway, Delivery, OutboxRow, Publisher
from tests.support.collector import Collector

SECRET = "Kf7-vault-Winter!49"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@dataclass
class Spans:
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def __post_init__(self) -> None:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = provider.get_tracer("tests")


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as started:
        yield started


def test_of_an_error_a_span_keeps_its_type_alone(spans: Spans) -> None:
    def fall() -> None:
        with span(spans.tracer, "a step", SpanKind.INTERNAL, {"a": 1, "b": None}):
            raise ValueError(f"cannot read {SECRET}")

    with pytest.raises(ValueError, match="cannot read"):
        fall()
    (ended,) = spans.exporter.get_finished_spans()
    assert ended.attributes == {"a": 1, "error.type": "ValueError"}
    assert (ended.status.is_ok, ended.status.description, ended.events) == (False, None, ())
    assert SECRET not in ended.to_json()


@pytest.mark.parametrize("parent", [None, "", f"00-{'0' * 32}-00f067aa0ba902b7-01", "00-short-1-01"])
def test_a_trace_context_that_says_nothing_begins_a_trace(spans: Spans, parent: str | None) -> None:
    trace = TraceContext(traceparent=parent)
    with span(spans.tracer, "around it", SpanKind.INTERNAL, {}):
        with span(spans.tracer, "a step", SpanKind.INTERNAL, {}, parent=context_of(trace), links=[trace]) as current:
            assert current.get_span_context().is_valid
        (ended,) = spans.exporter.get_finished_spans()
    assert (ended.parent, ended.links) == (None, ())


def test_the_headers_carry_the_span_and_keep_the_state_of_its_trace(spans: Spans) -> None:
    parent = context_of(TraceContext(traceparent=PARENT, tracestate="vendor=7,other=1"))
    with span(spans.tracer, "a step", SpanKind.PRODUCER, {}, parent=parent) as current:
        context = current.get_span_context()
        headers = headers_carrying(context, (("event_type", "e"), ("traceparent", PARENT), ("tracestate", "old=1")))
    assert headers == (
        ("event_type", "e"),
        ("traceparent", f"00-{TRACE}-{context.span_id:016x}-01"),
        ("tracestate", "vendor=7,other=1"),
    )


def test_of_a_flood_of_requests_only_so_many_are_looked_at() -> None:
    traces = iter([TraceContext(), *[TraceContext(traceparent=PARENT)] * 1000])
    assert len(links_to(traces)) == MOST_LINKS
    assert len(list(traces)) == 1000 - MOST_LINKS


def rows(count: int, *headers: tuple[str, str]) -> Sequence[OutboxRow]:
    return [OutboxRow(id=n, position=n, topic="t", key=None, headers=headers, value=b"") for n in range(count)]


class Refusing:
    async def publish(self, _rows: Sequence[OutboxRow], _position: int) -> dict[int, Delivery]:
        raise BrokerAway(f"away with {SECRET}")


class Taking:
    async def publish(self, published: Sequence[OutboxRow], _position: int) -> dict[int, Delivery]:
        return {row.id: Delivery(0, row.id) for row in published}


async def test_a_transaction_that_fails_is_one_span_however_many_events_it_held(spans: Spans) -> None:
    publisher = TracedPublisher(cast(Publisher, Refusing()), spans.tracer)
    for _ in range(3):
        with pytest.raises(BrokerAway):
            await publisher.publish(rows(500, ("traceparent", PARENT)), 500)
    ended = spans.exporter.get_finished_spans()
    assert [(each.name, each.parent, len(each.links)) for each in ended] == [("send batch", None, MOST_LINKS)] * 3
    assert (ended[0].attributes or {})["error.type"] == "BrokerAway"
    assert SECRET not in ended[0].to_json()


async def test_what_carries_no_trace_gets_no_span(spans: Spans) -> None:
    publisher = TracedPublisher(cast(Publisher, Taking()), spans.tracer)
    deliveries = await publisher.publish([*rows(3, ("dlq.offset", "7")), *rows(1, ("traceparent", PARENT))], 4)
    assert deliveries[2] == Delivery(0, 2)
    assert [each.name for each in spans.exporter.get_finished_spans()] == ["send t"]


def sends(**changes: Any) -> OtlpTraces:
    return OtlpTraces(**{"proxy": None, "trusted": None, "resource": {"service.name": "tests"}} | changes)


async def test_the_last_spans_are_sent_at_the_end(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "named")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("no_proxy")
    traces = sends()
    traces.tracer.start_span("last").end()
    await traces.close()
    assert [(each.name, each.resource["service.name"]) for each in collector.spans] == [("last", "named")]


async def test_spans_go_through_the_proxy_that_is_named(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid:4318")
    traces = sends(proxy=collector.url)
    traces.tracer.start_span("by the proxy").end()
    await traces.close()
    assert [each.name for each in collector.spans] == ["by the proxy"]


async def test_a_collector_that_hangs_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "4")
    collector.hangs = True
    traces = sends()
    traces.tracer.start_span("last").end()
    began = time.monotonic()
    await traces.close()
    assert time.monotonic() - began < FLUSH_SECONDS + 1
    assert collector.requests == 1
