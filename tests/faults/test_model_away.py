"""The model goes away and comes back: a fallback before the deadline, then the model's draft in its place."""

import threading
import time
from typing import Any

import pytest

from tests.support import model_server
from tests.support.model_server import Menu
from tests.support.stage import Event, Stage, Story

OVERLOADED = 529


@pytest.mark.long
@pytest.mark.failure(20)
@pytest.mark.promise(8)
async def test_an_outage_gives_fallbacks_at_once_and_upgrades_when_it_is_over(stage: Stage) -> None:
    stage.model.always(model_server.error(OVERLOADED))
    service = await stage.running()
    stories = [Story(f"s-{number}") for number in range(12)]
    await stage.send(*(event for story in stories for event in _escalated(story, deadline_seconds=30)))
    fallbacks = await stage.published(12)
    assert {event["status"] for event in fallbacks} == {"fallback"}
    assert all("model_unavailable" in event["warnings"] for event in fallbacks)
    assert (await service.prompt_readiness()).status == 200
    stage.model.always(None)
    events = await stage.published(24)
    upgrades = [event for event in events if event["cause"] == "upgrade"]
    assert {(event["status"], event["revision"]) for event in upgrades} == {("ready", 2)}
    assert len(upgrades) == len(stories)
    await stage.settled()
    await stage.verdict()


@pytest.mark.long
@pytest.mark.failure(20)
async def test_while_the_model_is_away_it_is_asked_at_most_once_per_interval_by_all(stage: Stage) -> None:
    stage.model.always(model_server.error(OVERLOADED))
    await stage.running(model_probe_seconds="1", model_concurrency="8")
    await stage.running(model_probe_seconds="1", model_concurrency="8")
    stories = [Story(f"s-{number}") for number in range(60)]
    started = time.monotonic()
    await stage.send(*(event for story in stories for event in _escalated(story, deadline_seconds=60)))
    await stage.published(60)
    began, seconds = stage.model.calls, time.monotonic() - started
    assert began <= 2 * 8 * 2 + seconds + 1, "an outage was not noticed: more than a call and a retry for each place"
    await stage.model.called(began + 6)
    probes = [request.at for request in stage.model.requests][began:]
    # A busy machine delays probes claimed in time: together they keep all intervals but one.
    assert probes[-1] - probes[0] >= len(probes) - 2


@pytest.mark.failure(52)
async def test_an_api_that_refuses_every_call_is_an_outage_and_all_is_upgraded_when_it_takes_them(stage: Stage) -> None:
    stage.model.always(model_server.error(400))
    service = await stage.running()
    stories = [Story(f"s-{number}") for number in range(12)]
    await stage.send(*(event for story in stories for event in _escalated(story, deadline_seconds=30)))
    assert {event["status"] for event in await stage.published(12)} == {"fallback"}
    readiness = await service.prompt_readiness()
    assert readiness.status == 200
    assert "refuses one prompt after another" in readiness.stuck["model"]
    assert await stage.drafts() == 0, "a refused prompt stands in the ledger"
    await service.kill()
    service.start()
    await service.wait_ready()
    stage.model.always(None)
    upgrades = [event for event in await stage.published(24) if event["cause"] == "upgrade"]
    assert [(event["status"], event["revision"]) for event in upgrades] == [("ready", 2)] * 12
    await stage.settled()
    await stage.verdict()


@pytest.mark.failure(21)
async def test_a_model_that_hangs_does_not_keep_a_package_beyond_its_deadline(stage: Stage) -> None:
    gate = threading.Event()
    stage.model.always(Menu(stage.model).held(gate))
    await stage.running()
    story = Story()
    await stage.send(*_escalated(story, deadline_seconds=8))
    (first,) = await stage.published(1)
    (stored,) = await stage.query("SELECT deadline_at, first_done_at FROM requests")
    assert first["status"] == "fallback"
    assert stored["first_done_at"] < stored["deadline_at"]
    gate.set()
    _, upgrade = await stage.published(2)
    assert (upgrade["cause"], upgrade["status"]) == ("upgrade", "ready")
    await stage.settled()
    await stage.verdict()
    assert stage.model.calls == 1, "the late answer was thrown away and paid for again"


def _escalated(story: Story, **request: Any) -> list[Event]:
    return [story.opened(f"Case of {story.session_id}"), story.fact(), story.fix(), story.request(**request)]
