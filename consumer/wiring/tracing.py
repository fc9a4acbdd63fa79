"""What is traced: the ports that get spans around their calls, or stay as they are."""

import contextlib
import importlib.util
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog

from consumer import trace_variables
from consumer.flows.drafting.model import Model
from consumer.flows.drafting.ports import DraftingStores
from consumer.flows.drafting.tracing import NoTracing, Tracing
from consumer.flows.inbox import Inbox
from consumer.flows.relay.ports import Broker
from consumer.settings import Settings
from schemas.topics import Topics

if TYPE_CHECKING:
    from consumer.adapters.tracing.provider import OtlpTraces

log = structlog.stdlib.get_logger("escalation.traces")


class Traces:
    """Nothing is traced: every port stays what it is."""

    drafting: Tracing = NoTracing()

    def inbox(self, inbox: Inbox) -> Inbox:
        return inbox

    def model(self, model: Model) -> Model:
        return model

    def drafting_stores(self, stores: DraftingStores) -> DraftingStores:
        return stores

    def broker(self, broker: Broker) -> Broker:
        return broker


UNTRACED = Traces()


class TracedPorts(Traces):
    """Every port on the way of a request gets spans, which are sent away."""

    def __init__(self, settings: Settings, traces: "OtlpTraces") -> None:
        from consumer.adapters.tracing.drafting import DraftingSpans

        self._settings = settings
        self._tracer = traces.tracer
        self.drafting = DraftingSpans(self._tracer, Topics(settings.topic_prefix))

    def inbox(self, inbox: Inbox) -> Inbox:
        from consumer.adapters.tracing.records import TracedInbox

        return TracedInbox(inbox, self._tracer)

    def model(self, model: Model) -> Model:
        from consumer.adapters.tracing.calls import TracedModel

        access = self._settings.model_access
        if access is None:
            return model
        return TracedModel(model, self._tracer, access, reader_name=self._settings.check_model)

    def drafting_stores(self, stores: DraftingStores) -> DraftingStores:
        from consumer.adapters.tracing.endings import TracedEndings

        return replace(stores, endings=TracedEndings(stores.endings, self._tracer))

    def broker(self, broker: Broker) -> Broker:
        from consumer.adapters.tracing.publishing import TracedBroker

        return TracedBroker(broker, self._tracer)


@contextlib.asynccontextmanager
async def open_traces(settings: Settings, variables: Mapping[str, str]) -> AsyncIterator[Traces]:
    """Yields what the variables of OpenTelemetry ask for; nothing is traced where they are wrong. Never raises.

    Nothing of OpenTelemetry is loaded where no traces are wanted.
    """
    if not _can_trace(variables):
        yield UNTRACED
        return
    from consumer.adapters.tracing.provider import OtlpTraces

    address = trace_variables.endpoint(variables)
    given = {
        "service.name": "escalation-consumer",
        "service.version": version("escalation-consumer"),
        **({"service.instance.id": settings.instance_id} if settings.instance_id else {}),
    }
    traces = OtlpTraces(proxy=settings.proxy_to(address), trusted=_trusted(settings, variables), resource=given)
    log.info("Spans are sent to a collector.", event_name="traces_on")
    try:
        yield TracedPorts(settings, traces)
    finally:
        await traces.close()


def _can_trace(variables: Mapping[str, str]) -> bool:
    if not trace_variables.wanted(variables):
        return False
    if wrong := trace_variables.wrong(variables):
        log.warning("Variables of OpenTelemetry are wrong: nothing is traced.", event_name="traces_off", wrong=wrong)
        return False
    if importlib.util.find_spec("opentelemetry.sdk") is None or importlib.util.find_spec("requests") is None:
        log.warning(
            "Variables of OpenTelemetry ask for traces, which need the extra `traces`: nothing is traced.",
            event_name="traces_off",
            install="escalation-consumer[traces]",
        )
        return False
    return True


def _trusted(settings: Settings, variables: Mapping[str, str]) -> str | None:
    """The certificate authorities to trust: those of the standard variables, else those of every other connection.

    None leaves it to the library, which then has the file of OTEL_EXPORTER_OTLP_CERTIFICATE.
    """
    if any("OTLP" in name and name.endswith("_CERTIFICATE") and "CLIENT" not in name for name in variables):
        return None
    return settings.ssl_cert_file or settings.ssl_cert_dir or _of_the_system()


def _of_the_system() -> str | None:
    """Hazard: the library would trust the list that it brings along, and none that the machine's owner has added."""
    import ssl

    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath
