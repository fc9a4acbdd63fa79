"""Planned replays as processes: their cost undisturbed, and when they are killed ten times."""

import json
import random
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from consumer.domain.cost.prices import price_of
from schemas.packages import Usage
from tests.support.databases import Database, connected
from tests.support.forked import ForkedCommand
from tests.support.model_server import Menu, Received, Reply
from tests.support.stage import Stage, Story

SESSIONS = 40
CALLS_AT_ONCE = 4
MOMENTS = ["begun"] * 4 + ["taken", "kept", "revised"] * 2
"""What has to grow before each kill: calls begun at the model, leases taken, drafts kept, revisions made."""
KEPT = "SELECT session_id, attempts FROM drafts WHERE state = 'drafted' AND prompt_version <> 'older'"
COUNTS = {
    "taken": "SELECT last_value FROM lease_tokens",
    "kept": f"SELECT count(*) FROM ({KEPT}) AS kept",
    "revised": "SELECT count(*) FROM packages WHERE revision = 2",
}
SLOW_WRITES = """
    CREATE FUNCTION take_a_while() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END';
    CREATE TRIGGER slow AFTER INSERT ON packages FOR EACH ROW EXECUTE FUNCTION take_a_while();
    CREATE TRIGGER slow AFTER UPDATE OF answer ON drafts FOR EACH ROW EXECUTE FUNCTION take_a_while()
"""
"""Makes kills hit transactions as well as calls."""

Plan = dict[str, Any]


@pytest.fixture
async def plan(stage: Stage, tmp_path: Path) -> AsyncIterator[Plan]:
    """A plan for packages of an older prompt. A service without a key publishes; others make the calls."""
    stories = [Story(f"s-{number}") for number in range(SESSIONS)]
    with ForkedCommand(stage.environment(), tmp_path / "first.log", "run") as first:
        await first.start()
        await stage.send(*(story.opened(f"Case of {story.session_id}") for story in stories))
        await stage.send(*(story.request() for story in stories))
        await stage.settled()
    for table in ("drafts", "packages"):
        await stage.query(f"UPDATE {table} SET prompt_version = 'older'")
    await stage.forget_cached_drafts()
    stage.model.forget()
    planning = ForkedCommand(stage.environment(), tmp_path / "plan.log", "replay", "plan", "--json")
    with ForkedCommand(stage.environment(keyed=False), tmp_path / "publishing.log", "run") as publishing, planning:
        await publishing.start()
        planned: Plan = json.loads(await planning.finished())
        assert (planned["changed"], planned["model_calls"], stage.model.calls) == (SESSIONS, SESSIONS, 0)
        yield planned


@pytest.fixture
async def apply(stage: Stage, plan: Plan, tmp_path: Path) -> AsyncIterator[ForkedCommand]:
    environment = stage.environment(model_concurrency=str(CALLS_AT_ONCE))
    options = (plan["replay_id"], "--publish", "--json")
    with ForkedCommand(environment, tmp_path / "apply.log", "replay", "apply", *options) as made:
        yield made


@pytest.fixture
async def database_of(stage: Stage) -> AsyncIterator[Database]:
    async with connected(stage.dsn) as connection:
        yield connection


async def test_a_replay_that_nobody_disturbs_makes_the_calls_it_foretold_at_the_price_it_foretold(
    stage: Stage, plan: Plan, apply: ForkedCommand
) -> None:
    report = json.loads(await apply.finished())
    assert_it_adds_up(report, calls=SESSIONS)
    await assert_each_revision_is_told_once(stage, plan)
    assert stage.model.calls == plan["model_calls"]
    paid = Usage(**stage.model.reported_by_drafter)
    price = price_of(plan["model"], at=datetime.now(UTC))
    assert price is not None
    assert report["usage"] == paid.model_dump()
    assert report["spent_usd"] == pytest.approx(price.of(paid))
    assert plan["price_usd"] == pytest.approx(report["spent_usd"], rel=0.02)
    # The plan uses what earlier calls took, and rounds each call up to whole tokens.
    assert 0 <= plan["usage"]["input_tokens"] - paid.input_tokens <= SESSIONS
    assert 0 <= plan["usage"]["output_tokens"] - paid.output_tokens <= SESSIONS


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.failure(2, 33)
async def test_killed_ten_times_a_replay_repeats_at_most_the_calls_in_flight_and_publishes_each_revision_once(
    stage: Stage, plan: Plan, apply: ForkedCommand, database_of: Database
) -> None:
    seed = secrets.randbelow(10_000)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    chance = random.Random(seed)
    stage.model.always(taking_its_time(stage, seed))
    await database_of.execute(SLOW_WRITES)
    repeatable: Counter[str] = Counter()
    for left, moment in zip(range(len(MOMENTS), 0, -1), chance.sample(MOMENTS, len(MOMENTS)), strict=True):
        calls_before = stage.model.calls
        await apply.killed_at(await further(stage, database_of, moment, chance, left), stage.dsn)
        kept = {row["session_id"] for row in await database_of.fetch(KEPT)}
        in_flight = {session_of(call) for call in stage.model.requests[calls_before:]} - kept
        print(f"{moment}: {len(in_flight)} calls in flight, {len(kept)} drafts kept")  # noqa: T201 - as above
        assert len(in_flight) <= CALLS_AT_ONCE
        repeatable.update(in_flight)
    report = json.loads(await apply.finished())
    assert_it_adds_up(report, calls=await database_of.fetchval(f"SELECT sum(attempts) FROM ({KEPT}) AS kept"))
    await assert_each_revision_is_told_once(stage, plan)
    # Counted by draft: a machine that stands still for seconds may retry a draft's call without a kill.
    begun = Counter(session_of(call) for call in {call.boundary: call for call in stage.model.requests}.values())
    assert begun <= Counter({f"s-{number}": 1 for number in range(SESSIONS)}) + repeatable
    assert begun.total() <= plan["model_calls"] + repeatable.total()
    assert repeatable, "no kill met a call: the test proves nothing"


def taking_its_time(stage: Stage, seed: int) -> Callable[[Received], Reply]:
    """Answers after a random delay, so that kills meet calls."""
    chance = random.Random(seed)

    def answer(received: Received) -> Reply:
        return Menu(stage.model).slow(chance.uniform(0.1, 0.4))(received)

    return answer


async def further(
    stage: Stage, database: Database, moment: str, chance: random.Random, left: int
) -> Callable[[], Awaitable[bool]]:
    """Reached after some further progress, small enough to leave work for the remaining kills."""

    async def standing() -> int:
        return stage.model.calls if moment == "begun" else int(await database.fetchval(COUNTS[moment]))

    remaining = SESSIONS - int(await database.fetchval(COUNTS["kept"]))
    wanted = await standing() + chance.randint(1, max(1, (remaining - 1) // left))

    async def reached() -> bool:
        return await standing() >= wanted

    return reached


def session_of(call: Received) -> str:
    match = re.search(r"Case of (s-\d+)", call.user_text)
    assert match is not None
    return match[1]


def assert_it_adds_up(report: dict[str, Any], *, calls: int) -> None:
    """The report counts the kept drafts, whatever was lost on the way."""
    ended = {"revised": SESSIONS, "drafted": 0, "unchanged": 0, "failed": 0, "dropped": 0}
    expected = {**ended, "state": "done", "planned": 0, "released": 0, "calls": calls, "limited": False}
    assert {name: report[name] for name in expected} == expected


async def assert_each_revision_is_told_once(stage: Stage, plan: Plan) -> None:
    """Checks the tables and the topic as read with `read_committed`."""
    await stage.settled()
    written = await stage.verdict()
    wanted = {(f"s-{number}", revision): 1 for number in range(SESSIONS) for revision in (1, 2)}
    assert Counter((row["session_id"], row["revision"]) for row in written.tables["packages"]) == wanted
    packages = written.packages()
    assert Counter((package["session_id"], package["revision"]) for package in packages) == wanted
    assert {str(row["package_id"]) for row in written.tables["packages"]} == {
        package["package_id"] for package in packages
    }
    second = {
        (package["cause"], package["replay_id"], package["status"]) for package in packages if package["revision"] == 2
    }
    assert second == {("replay", plan["replay_id"], "ready")}
