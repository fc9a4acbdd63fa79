"""The SDK of OpenTelemetry: samples spans and sends them away, in a thread of its own.

Only this file loads the SDK, which is there with the extra `traces`. Whatever becomes of spans, nothing waits for them.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Mapping, Sequence

import requests
import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer

FLUSH_SECONDS = 1.5
"""How long the end of the process waits for the last spans."""
TELL_AGAIN_SECONDS = 60.0
"""A collector that takes no spans is told once in this time."""

log = structlog.stdlib.get_logger("escalation.traces")


class OtlpTraces:
    """Sends spans by OTLP over HTTP, as the standard variables in the environment say. They must have been checked."""

    def __init__(self, *, proxy: str | None, trusted: str | None, resource: Mapping[str, str]) -> None:
        """`trusted`: a file or folder of certificate authorities. `resource` is what the environment does not name.

        Nothing else of the environment counts: neither its proxies, nor a .netrc.
        """
        # What the library logs quotes answers of whoever listens at the address; `_ToldExporter` says enough.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        session = requests.Session()
        session.trust_env = False
        session.proxies = {} if proxy is None else {"http": proxy, "https": proxy}
        self._provider = TracerProvider(
            resource=Resource(dict(resource)).merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(certificate_file=trusted, session=session)
        self._provider.add_span_processor(BatchSpanProcessor(_ToldExporter(exporter)))

    @property
    def tracer(self) -> Tracer:
        return self._provider.get_tracer("escalation-consumer")

    async def close(self) -> None:
        """Sends what is left, for FLUSH_SECONDS at most.

        Hazard: a call to a collector that hangs cannot be cut off. It is left to a daemon thread, which dies with the
        process; a thread of the event loop's pool would be waited for.
        """
        closing = threading.Thread(target=self._provider.shutdown, name="traces-close", daemon=True)
        closing.start()
        until = time.monotonic() + FLUSH_SECONDS
        while closing.is_alive() and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # the thread may outlive this loop, so it cannot wake it


class _ToldExporter(SpanExporter):
    """An exporter whose failures are told seldom, in one line each."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._failed_at: float | None = None
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            return result
        self._lost += len(spans)
        if self._failed_at is None or time.monotonic() - self._failed_at >= TELL_AGAIN_SECONDS:
            self._failed_at = time.monotonic()
            log.warning(
                "The collector does not take spans; they are dropped.", event_name="spans_lost", spans=self._lost
            )
            self._lost = 0
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
