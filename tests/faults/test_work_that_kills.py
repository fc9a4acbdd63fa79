"""Sessions that end the process that drafts them: they end themselves, and their neighbours are drafted."""

import asyncio
import time

import pytest

from consumer.domain.request.work import MOST_LOSSES
from tests.faults.test_stores import sessions
from tests.support.model_server import Menu
from tests.support.service import ServiceProcess
from tests.support.stage import Event, Stage, Story
from tests.support.waiting import LONG_ENOUGH_SECONDS

NEIGHBOURS = 12
FROZEN_SECONDS = 4.0
"""An orchestrator that asks /livez takes longer; a test has no need to."""
ENDED_SECONDS = 4 * LONG_ENOUGH_SECONDS


@pytest.mark.parametrize(
    "how", ["kill", pytest.param("crash", marks=pytest.mark.long), pytest.param("spin", marks=pytest.mark.long)]
)
@pytest.mark.failure(50)
async def test_a_session_that_kills_ends_after_four_deaths_and_its_neighbours_are_drafted(
    stage: Stage, how: str
) -> None:
    deaths = await drafted_by_the_dying(stage, how, ["sick"])
    assert deaths == MOST_LOSSES


@pytest.mark.long
@pytest.mark.failure(50)
async def test_of_two_sessions_that_kill_each_ends_and_no_neighbour_does(stage: Stage) -> None:
    assert await drafted_by_the_dying(stage, "kill", ["sick", "sick-too"]) <= 2 * MOST_LOSSES


async def drafted_by_the_dying(stage: Stage, how: str, sick: list[str]) -> int:
    """Starts the service again whenever it has died, until all is done. Returns how often that was."""
    stage.model.always(Menu(stage.model).slow(0.8))
    service = stage.service_of(stage.environment(), ("tests.support.deadly", how, ",".join(sick)))
    service.start()
    await service.wait_ready()
    names = [*sick, *(f"s-{number}" for number in range(NEIGHBOURS))]
    await stage.send(*(event for name in names for event in _escalated(Story(name))))
    deaths, until = 0, time.monotonic() + ENDED_SECONDS
    # All of them first: between the other order's two questions all could be stored, and none of them done.
    while not await _all(stage, names) or await stage.query(
        "SELECT FROM requests WHERE state = 'open' OR due_at < now()"
    ):
        assert time.monotonic() < until, await stage.query("SELECT session_id, state, attempts, cause FROM requests")
        if not service.running or await _stands_still(service):
            await service.kill()
            deaths += 1
            service.start()
        await asyncio.sleep(0.2)
    await stage.settled()
    await stage.verdict()
    rows = await stage.query(
        "SELECT r.session_id, r.failure, p.status FROM requests AS r LEFT JOIN packages AS p"
        " ON p.package_id = r.last_package_id"
    )
    assert {row["session_id"] for row in rows if row["failure"] == "unprocessable"} == set(sick)
    assert [row["status"] for row in rows if row["failure"] is None] == ["ready"] * NEIGHBOURS
    for event in await stage.published(len(names)):
        if event["session_id"] in sick:
            assert event["detail"].startswith("Every process that drafted this session ended")
            assert event["psa_ticket"]["ticket_id"] == "4711"
    return deaths


async def _all(stage: Stage, names: list[str]) -> bool:
    (row,) = await stage.query("SELECT count(*) AS requests FROM requests")
    return bool(row["requests"] == len(names))


async def _stands_still(service: ServiceProcess) -> bool:
    """Whether a process that has begun has not answered for FROZEN_SECONDS."""
    if not service.serves:
        return False
    began = time.monotonic()
    while time.monotonic() - began < FROZEN_SECONDS:
        if not service.running or await service.get("/livez") is not None:
            return False
    return True


def _escalated(story: Story) -> list[Event]:
    ticket = {"system": "connectwise", "ticket_id": "4711"}
    return [story.opened(f"Case of {story.session_id}", psa_ticket=ticket), story.fact(), story.request()]


@pytest.mark.failure(60)
async def test_texts_of_what_many_secrets_begin_with_hold_nobody_up(stage: Stage) -> None:
    """Two hundred passwords of as many lengths; then megabytes that could begin with each of them everywhere."""
    await stage.running()
    story = Story("slow")
    names = [f"p{number}" for number in range(200)]
    script = story.event(
        "session.script_generated.v1",
        {
            "generation_id": "g",
            "template": {
                "name": "Reset all",
                "parameters_schema": {"parameters": [{"key": name, "field_type": "password"} for name in names]},
            },
            "parameters_used": {name: "aaaaaa" + "b" * number for number, name in enumerate(names, 1)},
        },
    )
    await stage.send(story.opened(), script, *(story.fact("a" * 900_000) for _ in range(3)), story.request())
    began = time.monotonic()
    await stage.send(*sessions(10, "neighbour"))
    await stage.published(10, within_seconds=30)
    assert time.monotonic() - began < 20
    await stage.settled()
    await stage.verdict()
