"""A replay whose process is killed on the way: it goes on where it was, and pays and publishes nothing twice."""

import asyncio
import json
import secrets
from pathlib import Path

import pytest

from tests.support.model_server import Menu
from tests.support.service import ServiceProcess
from tests.support.stage import Stage, Story
from tests.support.waiting import until

SESSIONS = 40
KILLS = 3
AT_ONCE = 4


async def filled(stage: Stage) -> None:
    """Packages that an older prompt made."""
    stories = [Story(f"s-{number}") for number in range(SESSIONS)]
    await stage.running()
    await stage.send(*(one.opened(f"Case of {one.session_id}") for one in stories))
    await stage.send(*(one.request() for one in stories))
    await stage.settled()
    for table in ("drafts", "packages"):
        await stage.query(f"UPDATE {table} SET prompt_version = 'older'")
    await stage.forget_cached_drafts()


@pytest.mark.timeout(240)  # a dozen starts of processes, each seconds on a busy machine
async def test_a_replay_that_is_killed_several_times_pays_for_little_twice_and_publishes_each_revision_once(
    stage: Stage, tmp_path: Path
) -> None:
    await filled(stage)
    before = stage.model.calls
    planned = await stage.command("replay", "plan", "--json")
    assert planned.code == 0, planned.errors
    plan = json.loads(planned.output)
    assert plan["model_calls"] == SESSIONS
    stage.model.always(Menu(stage.model).slow(0.3))
    apply = ServiceProcess(
        stage.environment(model_concurrency=str(AT_ONCE)),
        tmp_path / "apply.log",
        *("replay", "apply", plan["replay_id"], "--publish", "--at-once", str(AT_ONCE), "--json"),
    )
    try:
        for number in range(1, KILLS + 1):
            apply.start()
            wanted = before + number * SESSIONS // (KILLS + 2)
            await until(lambda: _at_least(stage, wanted), within_seconds=60)  # noqa: B023 - awaited at once
            await asyncio.sleep(secrets.randbelow(100) / 1000)
            await apply.kill()
        apply.start()
        assert await apply.finished(within_seconds=90) == 0, apply.logged
    finally:
        apply.discard()
    await stage.settled()
    written = await stage.verdict()
    second = [one for one in written.packages() if one["revision"] == 2]
    assert {(one["cause"], one["replay_id"]) for one in second} == {("replay", plan["replay_id"])}
    assert len(second) == SESSIONS
    assert len(written.packages()) == 2 * SESSIONS
    calls = stage.model.calls - before
    assert SESSIONS <= calls <= SESSIONS + KILLS * AT_ONCE, f"{calls} calls for {SESSIONS} drafts"
    report = json.loads(apply.logged[apply.logged.rindex('{\n  "replay_id"') :])
    assert {name: report[name] for name in ("state", "revised", "planned", "released")} == {
        "state": "done",
        "revised": SESSIONS,
        "planned": 0,
        "released": 0,
    }


async def _at_least(stage: Stage, calls: int) -> bool:
    return stage.model.calls >= calls
