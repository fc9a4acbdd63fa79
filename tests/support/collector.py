"""A collector of OpenTelemetry on loopback: it reads OTLP over HTTP as the published protocol says."""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.support.loopback import LoopbackServer


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedSpan:
    """A span as it came over the wire. Ids are hexadecimal; those of a span without a parent are empty."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: Mapping[str, Any]
    links: tuple[tuple[str, str], ...]
    """Trace id and span id of each."""
    failed: bool
    resource: Mapping[str, Any]


class Collector(LoopbackServer):
    """Keeps every span and every request's bytes."""

    name = "collector"
    cancels_handlers = True

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[CollectedSpan] = []
        self.bodies: list[bytes] = []
        self.requests = 0
        self.hangs = False

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_post("/v1/traces", self._take)
        return application

    def named(self, beginning: str) -> list[CollectedSpan]:
        return [span for span in self.spans if span.name.startswith(beginning)]

    async def _take(self, request: web.Request) -> web.Response:
        self.requests += 1
        if self.hangs:
            await asyncio.sleep(3600)
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        self.bodies.append(body)
        said = ExportTraceServiceRequest.FromString(body)
        for resource in said.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        CollectedSpan(
                            name=span.name,
                            kind=span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                            trace_id=span.trace_id.hex(),
                            span_id=span.span_id.hex(),
                            parent_id=span.parent_span_id.hex(),
                            attributes=_plain(span.attributes),
                            links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                            failed=span.status.code == span.status.STATUS_CODE_ERROR,
                            resource=_plain(resource.resource.attributes),
                        )
                    )
        return web.Response(body=b"", content_type="application/x-protobuf")


def _plain(attributes: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(part) for part in value.array_value.values]
    return None if kind is None else getattr(value, kind)
