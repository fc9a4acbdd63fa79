"""Clocks are wrong by an hour, or jump: no lease is taken early, nothing is paid for twice, answers come in time."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.test_stores import answers, sessions
from tests.support.clocks import WrongClock
from tests.support.service import ServiceProcess
from tests.support.stage import Stage

HOUR = 3600
ANSWER_SECONDS = 4.0
"""Of the model: two leases long."""
IN_TIME_SECONDS = 30.0


async def with_clock(stage: Stage, clock: WrongClock) -> ServiceProcess:
    service = stage.service_of(stage.environment() | clock.variables)
    service.start()
    await service.wait_ready()
    return service


@pytest.fixture
def slow_model(stage: Stage) -> None:
    stage.model.always(lambda received: replace(stage.model.answer(received), delay_seconds=ANSWER_SECONDS))


async def most_attempts(stage: Stage, *, seconds: float) -> int:
    """How often one piece of work was taken, at most. It is counted when it is taken, and forgotten when it is done."""
    most = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        (row,) = await stage.query("SELECT coalesce(max(attempts), 0) AS attempts FROM requests")
        most = max(most, row["attempts"])
        await asyncio.sleep(0.1)
    return most


@pytest.mark.long
@pytest.mark.usefixtures("slow_model")
@pytest.mark.failure(6)
async def test_replicas_an_hour_apart_take_no_lease_early_and_answer_in_time(stage: Stage, tmp_path: Path) -> None:
    for name, seconds in (("ahead", HOUR), ("behind", -HOUR)):
        await with_clock(stage, WrongClock(tmp_path / name, seconds=seconds))
    sent_at = time.monotonic()
    watching = asyncio.create_task(most_attempts(stage, seconds=2 * ANSWER_SECONDS))
    await stage.send(*sessions(12, "skewed"))
    outcomes = await stage.published(12)
    assert time.monotonic() - sent_at < IN_TIME_SECONDS
    assert {outcome["status"] for outcome in outcomes} == {"ready"}
    await stage.settled()
    await stage.verdict()
    assert stage.model.calls == await stage.drafts() == 12
    assert await watching == 1


@pytest.mark.long
@pytest.mark.usefixtures("slow_model")
@pytest.mark.failure(37)
async def test_a_clock_that_jumps_while_work_is_under_way_changes_nothing(stage: Stage, tmp_path: Path) -> None:
    clock = WrongClock(tmp_path / "jumping", seconds=0)
    service = await with_clock(stage, clock)
    await stage.running()
    await stage.send(*sessions(12, "jumped"))
    await stage.model.called(2)
    for seconds in (HOUR, -HOUR, 0):
        clock.jump(seconds)
        await asyncio.sleep(1.5)
        await answers(service, 200)
    packages = await stage.published(12, within_seconds=IN_TIME_SECONDS)
    await stage.settled()
    await stage.verdict()
    assert stage.model.calls == await stage.drafts() == 12
    drafted = [datetime.fromisoformat(package["provenance"]["drafted_at"]) for package in packages]
    assert all(abs(datetime.now(UTC) - at) < timedelta(seconds=IN_TIME_SECONDS) for at in drafted)


async def test_the_wrong_clock_is_what_the_process_sees(stage: Stage, tmp_path: Path) -> None:
    service = await with_clock(stage, WrongClock(tmp_path / "ahead", seconds=HOUR * 24 * 400))
    year = (datetime.now(UTC) + timedelta(days=400)).year
    assert f'"timestamp": "{year}-' in service.logged
