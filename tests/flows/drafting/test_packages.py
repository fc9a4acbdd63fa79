"""Packages: what they hold, what they are built from, and their cost."""

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from consumer.domain.events import RequestKey
from consumer.domain.reader import versions
from consumer.flows.drafting.worker import CLOCK_LOOK_SECONDS
from consumer.flows.operation.meters import Meter
from tests.flows.drafting.steps import a_session, packages, quiet, request
from tests.support import answers, build, model_server
from tests.support.model_server import Menu, ModelServer
from tests.support.replicas import MODEL, Replicas
from tests.support.tables import Tables
from tests.support.waiting import until


async def test_a_request_becomes_a_package_with_one_call(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    async with replicas.start():
        (event,) = await packages(tables)
    assert model.calls == 1
    assert (event["type"], event["status"], event["cause"]) == ("package_ready", "ready", "request")
    assert (event["revision"], event["supersedes"], event["from_cache"], event["warnings"]) == (1, None, False, [])
    assert event["state_version"] == 2
    assert event["target_ticket_ref"] == "CW #48213"
    provenance = event["provenance"]
    assert (provenance["attempts"], provenance["event_count"], provenance["model"]) == (1, 2, MODEL)
    assert provenance["prompt_version"] == versions.PROMPTS
    assert provenance["usage"]["input_tokens"] > 0
    assert event["markdown"].startswith("## Problem\n\nAn issue was reported")
    row = await tables.request()
    assert (row["state"], row["due_at"], row["lease_token"], row["upgrade_wanted"]) == ("done", None, None, False)


async def test_what_is_sent_holds_the_records_and_no_actor(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request(reason="VIP customer")
    async with replicas.start():
        await packages(tables)
    assert model.holds("The mailbox opens in the browser.")
    assert model.holds("VIP customer")
    assert not model.holds("technician-4711")
    assert not model.holds("fact-1")


@pytest.mark.failure(25)
@pytest.mark.promise(4)
async def test_twenty_requests_of_one_session_on_two_replicas_cost_one_call(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    model.always(Menu(model).slow(0.3))
    for number in range(20):
        await tables.add_request(request(f"r{number}"))
    async with replicas.start(places=10), replicas.start(places=10):
        events = await packages(tables, 20)
    assert model.calls == 1
    assert {event["status"] for event in events} == {"ready"}
    assert sorted(event["from_cache"] for event in events) == [False] + [True] * 19
    assert len({event["content_sha256"] for event in events}) == 1


async def test_markdown_from_a_gateway_is_taken(replicas: Replicas, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(lambda received: model.message(received, answers.five_sections(received)))
    async with replicas.start():
        (event,) = await packages(tables)
    assert (event["status"], model.calls) == ("ready", 1)


async def test_without_a_key_rules_draft_and_nothing_is_waited_for(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    for number in range(30):
        await tables.add_request(request(f"r{number}"))
    async with replicas.start(key=False):
        events = await packages(tables, 30)
    assert model.calls == 0
    assert {(event["status"], event["provenance"]["model"], event["provenance"]["attempts"]) for event in events} == {
        ("fallback", None, 0)
    }
    assert {tuple(event["warnings"]) for event in events} == {()}
    assert await tables.database.fetchval("SELECT count(*) FROM requests WHERE upgrade_wanted") == 0


async def test_priorities_order_the_models_work(replicas: Replicas, tables: Tables, model: ModelServer) -> None:
    for number, priority in enumerate([4, 2, 3, 1]):
        key = RequestKey("default", f"s{number}", "r")
        await tables.add_events(build.in_order(build.opened(title=f"P{priority}")), key.session)
        await tables.add_request(key, priority=priority, rank=priority)
    async with replicas.start(places=1):
        await packages(tables, 4)
    titles = [answers.records(received)[0]["title"] for received in model.requests]
    assert titles == ["P1", "P2", "P3", "P4"]


async def test_a_session_nobody_heard_of_is_waited_for_and_then_not_found(replicas: Replicas, tables: Tables) -> None:
    await tables.add_request(half_deadline_at=1.0)
    async with replicas.start():
        (event,) = await packages(tables)
    assert (event["type"], event["reason"]) == ("package_failed", "session_not_found")
    row = await tables.request()
    assert row["state"] == "failed"
    assert row["ended_at"] >= row["half_deadline_at"]


@pytest.mark.failure(49)
async def test_a_clock_that_begins_during_the_call_is_kept(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    model.always(model_server.hang())
    await tables.add_request(half_deadline_at=None, deadline_at=None, backlog='{"session-state-changed/0": 9}')
    async with replicas.start():
        await model.called()
        await tables.change_request(backlog=None, half_deadline_at=3.0, deadline_at=6.0)  # the backlog was read
        (event,) = await packages(tables)
        row = await tables.request()
        assert event["status"] == "fallback"
        assert row["first_done_at"] <= row["deadline_at"]
        assert model.calls == 1


async def test_a_clock_that_stands_while_the_model_answers_costs_no_second_call(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    model.always(Menu(model).slow(2 * CLOCK_LOOK_SECONDS))
    await tables.add_request(half_deadline_at=None, deadline_at=None, backlog='{"session-state-changed/0": 9}')
    with capture_logs() as lines:
        async with replicas.start():
            (event,) = await packages(tables)
    assert (event["status"], model.calls) == ("ready", 1)
    assert [line for line in lines if line["log_level"] == "error"] == []


@pytest.mark.promise(5)
async def test_a_version_that_does_not_arrive_by_half_the_deadline_is_said_to_be_missing(
    replicas: Replicas, tables: Tables
) -> None:
    await a_session(tables)
    await tables.add_request(requested_state_version=9, half_deadline_at=1.0)
    async with replicas.start():
        (event,) = await packages(tables)
    row = await tables.request()
    assert row["first_done_at"] >= row["half_deadline_at"]
    assert event["warnings"] == ["state_behind_request"]
    assert (event["state_version"], event["requested_state_version"]) == (2, 9)


@pytest.mark.promise(5)
async def test_a_package_is_at_least_as_new_as_asked(replicas: Replicas, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request(requested_state_version=9)
    async with replicas.start():
        await quiet(tables, 0, seconds=0.3)
        await tables.add_events([build.fact("Late.", fact_id="late", version=11)])
        await tables.change_request(due_at=0.0)  # as intake does
        (event,) = await packages(tables)
    assert (event["state_version"], event["warnings"]) == (11, [])
    assert "Late." in event["markdown"]


async def test_a_missed_deadline_is_counted_once_per_request(replicas: Replicas, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request(deadline_at=-1.0)
    async with replicas.start() as replica:
        await packages(tables)

        async def counted() -> bool:
            return replica.meters.counts.get((Meter.MISSED_DEADLINES, "")) == 1

        await until(counted)
        await asyncio.sleep(1)
        assert await counted()


@pytest.mark.usefixtures("model")
async def test_a_place_that_becomes_free_is_taken_at_once_where_work_waits(replicas: Replicas, tables: Tables) -> None:
    await a_session(tables)
    for number in range(8):
        await tables.add_request(request(f"r{number}"))
    began = time.monotonic()
    async with replicas.start(places=1, hint=asyncio.Event()):
        await packages(tables, 8)
    assert time.monotonic() - began < 4.0, "seven polls take longer than 5 s"
