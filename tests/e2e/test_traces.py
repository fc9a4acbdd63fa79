"""Traces: a request is followed from its producer to the published event; spans hold no content, cost nothing."""

import json
import time
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer

from tests.support.collector import Collector
from tests.support.service import ServiceProcess
from tests.support.stage import Stage, Story
from tests.support.waiting import until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PRODUCER = "00f067aa0ba902b7"
UNSAMPLED = "5bf92f3577b34da6a3ce929d0e0e4736"
PASSWORD = "Kf7-vault-Winter!49"
CONTENT = ("The mailbox opens in the browser", "Outlook asks for a password", "they still use it", "Recreate the mail")
"""Of the records, and of what is asked of the model."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as started:
        yield started


async def running(stage: Stage, collector: Collector | None, **variables: str) -> ServiceProcess:
    address = {} if collector is None else {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    service = stage.service_of(stage.environment() | {"OTEL_BSP_SCHEDULE_DELAY": "50"} | address | variables)
    service.start()
    await service.wait_ready()
    return service


async def escalate(stage: Stage, story: Story, *headers: tuple[str, bytes]) -> None:
    """A session with a password in it, and a request with these headers."""
    schema = {"parameters": [{"key": "pass", "field_type": "password"}]}
    template = {"name": "Reset the account", "slug": "reset", "parameters_schema": schema}
    script = {"generation_id": "g1", "template": template, "parameters_used": {"pass": PASSWORD}}
    await stage.send(
        story.opened(intake_text=f"the user mailed me {PASSWORD} yesterday"),
        story.event("session.script_generated.v1", script),
        story.fact(),
        story.fix(),
    )
    asked = story.request(reason=f"they still use it: {PASSWORD}", state_version=4)
    await stage.send_raw((stage.topics.requests, story.session_id.encode(), json.dumps(asked).encode(), headers))


async def published_headers(stage: Stage) -> dict[str, dict[str, str]]:
    """Of each package's event, by its session."""
    consumer = AIOKafkaConsumer(
        stage.topics.ready,
        bootstrap_servers=stage.bootstrap_servers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        batches = await consumer.getmany(timeout_ms=10_000)
    finally:
        await consumer.stop()
    return {
        str(record.key.decode()): {name: value.decode() for name, value in record.headers}
        for records in batches.values()
        for record in records
    }


@pytest.mark.timeout(240)
async def test_a_request_is_one_trace_from_its_producer_to_the_published_event(
    stage: Stage, collector: Collector
) -> None:
    service = await running(
        stage,
        collector,
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
        OTEL_EXPORTER_OTLP_HEADERS=f"authorization={PASSWORD}",
    )
    story, unsampled, alone = Story(tenant_id="acme"), Story(), Story()
    await escalate(stage, story, ("traceparent", f"00-{TRACE}-{PRODUCER}-01".encode()), ("tracestate", b"vendor=7"))
    await escalate(stage, unsampled, ("traceparent", f"00-{UNSAMPLED}-{PRODUCER}-00".encode()))
    await escalate(stage, alone)
    await stage.published(3)
    assert (await service.terminate()).code == 0

    ours = {span.span_id: span for span in collector.spans if span.trace_id == TRACE}
    (created,) = (span for span in ours.values() if span.name.startswith("create "))
    attempt = ours[created.parent_id]  # an earlier one may have waited for the session's state
    assert attempt.name == f"draft {stage.topics.requests}"
    assert (attempt.parent_id, attempt.kind) == (PRODUCER, "CONSUMER")
    assert attempt.attributes["escalation.tenant_id"] == "acme"
    assert attempt.attributes["escalation.session_id"] == story.session_id
    steps = {span.name.partition(" ")[0]: span for span in ours.values() if span.parent_id == attempt.span_id}
    assert steps.keys() == {"build", "chat", "create"}
    (sent,) = (span for span in ours.values() if span.name.startswith("send "))
    assert (sent.parent_id, sent.kind) == (created.span_id, "CLIENT")
    assert sent.attributes["messaging.destination.name"] == stage.topics.ready
    assert sent.attributes["messaging.message.id"] == created.attributes["escalation.package_id"]

    stored = [span for span in collector.named("store ") if (TRACE, PRODUCER) in span.links]
    assert [(span.parent_id, span.kind) for span in stored] == [("", "CONSUMER")], "linked across the inbox"

    calls = [span for span in ours.values() if span.name.startswith("chat ")]
    assert {span.attributes["escalation.purpose"] for span in calls} == {"draft", "check"}
    for call in calls:
        assert call.attributes["gen_ai.provider.name"] == "anthropic"
        assert call.attributes["gen_ai.usage.input_tokens"] > 0
        assert call.attributes["gen_ai.usage.output_tokens"] > 0
        assert call.attributes["gen_ai.response.finish_reasons"] == ["complete"]

    headers = await published_headers(stage)
    assert headers[story.session_id]["traceparent"] == f"00-{TRACE}-{created.span_id}-01"
    assert headers[story.session_id]["tracestate"] == "vendor=7"
    assert headers[unsampled.session_id]["traceparent"].split("-")[1::2] == [UNSAMPLED, "00"]
    assert UNSAMPLED not in {span.trace_id for span in collector.spans}, "the producer decides what is sampled"
    assert headers[alone.session_id]["traceparent"].split("-")[1] in {span.trace_id for span in collector.spans}

    assert {span.resource["service.name"] for span in collector.spans} == {"escalation-consumer"}
    assert {span.resource["deployment.environment.name"] for span in collector.spans} == {"test"}
    everything = b"".join(collector.bodies)
    assert not any("traceparent" in request.headers for request in stage.model.requests), "the model hears of no trace"
    assert [word for word in (PASSWORD, *CONTENT) if word.encode() in everything] == []
    assert PASSWORD not in service.logged
    assert f'"trace_id": "{TRACE}"' in service.logged, "a line leads to its trace"


async def test_without_an_address_nothing_is_traced_and_the_trace_is_passed_on_as_it_came(
    stage: Stage, collector: Collector
) -> None:
    service = await running(stage, None, OTEL_SERVICE_NAME="named", OTEL_PYTHON_CONTEXT="nobody-knows")
    story = Story()
    parent = f"00-{TRACE}-{PRODUCER}-01"
    await escalate(stage, story, ("traceparent", parent.encode()))
    await stage.published(1)
    assert (await published_headers(stage))[story.session_id]["traceparent"] == parent
    assert (collector.requests, "escalation.traces" in service.logged) == (0, False)


@pytest.mark.parametrize("hangs", [True, False], ids=["hangs", "is away"])
async def test_a_collector_that_takes_nothing_costs_nothing(stage: Stage, collector: Collector, hangs: bool) -> None:
    collector.hangs = hangs
    away = {} if hangs else {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    service = await running(stage, collector, OTEL_EXPORTER_OTLP_TIMEOUT="600" if hangs else "0.2", **away)
    began = time.monotonic()
    for _ in range(3):
        await escalate(stage, Story())
    await stage.published(3)
    assert time.monotonic() - began < 30

    async def tried() -> bool:
        return collector.requests > 0 if hangs else "spans_lost" in service.logged

    await until(tried)
    ended = await service.terminate()
    assert (ended.code, ended.seconds < 10) == (0, True)
    assert service.logged.count("spans_lost") <= 1
    lines = [json.loads(line) for line in service.logged.splitlines()]
    bad = [line for line in lines if line["level"] == "error" or line["event"] == "library"]
    assert bad == [], str(bad)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        ({"OTEL_TRACES_SAMPLER": "sometimes"}, "OTEL_TRACES_SAMPLER"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "OTEL_BSP_MAX_QUEUE_SIZE"),
    ],
)
async def test_what_is_wrong_is_named_and_stops_nothing(
    stage: Stage, collector: Collector, wrong: dict[str, str], named: str
) -> None:
    service = await running(stage, collector, **wrong)
    lines = [json.loads(line) for line in service.logged.splitlines()]
    (line,) = (line for line in lines if line["event"] == "traces_off")
    assert (line["level"], list(line["wrong"])) == ("warning", [named])
    assert collector.requests == 0
