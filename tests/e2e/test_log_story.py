"""The log tells the story: what a start, a package and a refused record look like to who reads it."""

import json
from typing import Any

from consumer.log_events import LOG_EVENTS
from tests.support.service import ServiceProcess
from tests.support.stage import Stage, Story

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PASSWORD = "Kf7-vault-Winter!49"


def lines_of(service: ServiceProcess) -> list[dict[str, Any]]:
    """Every line is one JSON object, which begins with its sentence and has a name of the closed set."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in service.logged.splitlines()]
    for line in lines:
        assert list(line)[:4] == ["message", "level", "timestamp", "event"], line
        assert line["event"] in LOG_EVENTS, line
    return lines


def lines_named(lines: list[dict[str, Any]], *events: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] in events]


async def test_the_lines_of_a_package_a_refusal_and_an_end_stand_in_order(stage: Stage) -> None:
    service = await stage.running(revise_after_seconds="0.2")
    assert {line["level"] for line in lines_of(service)} == {"info"}, "a normal start warns of nothing"
    story, gone = Story(tenant_id="acme"), Story()
    await stage.send(story.opened(intake_text=f"They use {PASSWORD}."), story.fact(), story.fix())
    request = json.dumps(story.request("r/1", state_version=3)).encode()
    parent = f"00-{TRACE}-00f067aa0ba902b7-01".encode()
    await stage.send_raw((stage.topics.requests, story.session_id.encode(), request, (("traceparent", parent),)))
    await stage.published(1)
    refused = json.dumps({**story.fact(PASSWORD), "data": {"fact_id": "f", "source_type": PASSWORD}}).encode()
    (origin,) = await stage.send_poison((stage.topics.sessions, story.session_id.encode(), refused, ()))
    await stage.send(gone.opened(), gone.request(), gone.cancel())
    await stage.published(2)
    await stage.settled()
    assert (await service.terminate()).code == 0

    lines = lines_of(service)
    assert {line["level"] for line in lines if line["event"] != "record_refused"} == {"info"}
    order = ["started", "relay_leads", "package_published", "record_refused", "end_published", "signal", "ending"]
    assert [line["event"] for line in lines_named(lines, *order, "ended")] == [*order, "ended"]

    (published,) = lines_named(lines, "package_published")
    assert {**published, "message": "", "timestamp": "", "seconds": 0, "package": ""} == {
        "message": "",
        "level": "info",
        "timestamp": "",
        "event": "package_published",
        "logger": "escalation.relay",
        "tenant": "acme",
        "session": story.session_id,
        "request": "r/1",
        "package": "",
        "revision": 1,
        "status": "ready",
        "cause": "request",
        "topic": stage.topics.ready,
        "partition": published["partition"],
        "offset": published["offset"],
        "seconds": 0,
        "trace_id": TRACE,
    }
    assert await stage.end_offset(stage.topics.ready, published["partition"]) > published["offset"] >= 0
    assert 0 <= published["seconds"] < 30

    (refusal,) = lines_named(lines, "record_refused")
    assert (refusal["topic"], refusal["partition"], refusal["offset"]) == (
        origin.topic,
        origin.partition,
        origin.offset,
    )
    assert (refusal["level"], refusal["reason"], refusal["session"]) == ("warning", "invalid", story.session_id)
    assert "text" in refusal["error"], "the field is named"
    (ended,) = lines_named(lines, "end_published")
    assert (ended["session"], ended["type"]) == (gone.session_id, "escalation.package_withdrawn.v1")
    assert PASSWORD not in service.logged
