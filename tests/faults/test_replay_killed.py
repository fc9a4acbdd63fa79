"""Planned replays as processes: what they cost when nothing happens, and when they are killed ten times on the way."""

import json
import random
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
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
"""What has to come forward before each kill: calls begun at the model, leases taken, drafts kept, revisions made."""
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
"""So that kills meet transactions as they meet calls."""

Plan = dict[str, Any]


@pytest.fixture
async def plan(stage: Stage, tmp_path: Path) -> AsyncIterator[Plan]:
    """Of packages that an older prompt made. A service without a key publishes, and leaves the calls to others."""
    stories = [Story(f"s-{number}") for number in range(SESSIONS)]
    with ForkedCommand(stage.environment(), tmp_path / "first.log", "run") as first:
        await first.start()
        await stage.send(*(one.opened(f"Case of {one.session_id}") for one in stories))
        await stage.send(*(one.request() for one in stories))
        await stage.settled()
    for table in ("drafts", "packages"):
        await stage.query(f"UPDATE {table} SET prompt_version = 'older'")
    await stage.forget_cached_drafts()
    stage.model.forget()
    planning = ForkedCommand(stage.environment(), tmp_path / "plan.log", "replay", "plan", "--json")
    with ForkedCommand(stage.environment(keyed=False), tmp_path / "publishing.log", "run") as publishing, planning:
        await publishing.start()
        found: Plan = json.loads(await planning.finished())
        assert (found["changed"], found["model_calls"], stage.model.calls) == (SESSIONS, SESSIONS, 0)
        yield found


@pytest.fixture
async def apply(stage: Stage, plan: Plan, tmp_path: Path) -> AsyncIterator[ForkedCommand]:
    environment = stage.environment(model_concurrency=str(CALLS_AT_ONCE))
    options = (plan["replay_id"], "--publish", "--json")
    with ForkedCommand(environment, tmp_path / "apply.log", "replay", "apply", *options) as made:
        yield made


@pytest.fixture
async def database_of(stage: Stage) -> AsyncIterator[Database]:
    async with connected(stage.dsn) as found:
        yield found


async def test_a_replay_that_nobody_disturbs_makes_the_calls_it_foretold_at_the_price_it_foretold(
    stage: Stage, plan: Plan, apply: ForkedCommand
) -> None:
    report = json.loads(await apply.finished())
    assert_it_adds_up(report, calls=SESSIONS)
    await assert_each_revision_is_told_once(stage, plan)
    assert stage.model.calls == plan["model_calls"]
    paid = Usage(**stage.model.reported)
    price = price_of(plan["model"])
    assert price is not None
    assert report["usage"] == paid.model_dump()
    assert report["spent_usd"] == pytest.approx(price.of(paid))
    assert plan["price_usd"] == pytest.approx(report["spent_usd"], rel=0.02)
    # It was planned by what earlier calls took: each foretold one is rounded up to whole tokens.
    assert 0 <= plan["usage"]["input_tokens"] - paid.input_tokens <= SESSIONS
    assert 0 <= plan["usage"]["output_tokens"] - paid.output_tokens <= SESSIONS


@pytest.mark.timeout(240)
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
    # By drafts: on a machine that stands still for seconds a call of one may be retried, killed or not.
    begun = Counter(session_of(call) for call in {call.boundary: call for call in stage.model.requests}.values())
    assert begun <= Counter({f"s-{number}": 1 for number in range(SESSIONS)}) + repeatable
    assert begun.total() <= plan["model_calls"] + repeatable.total()
    assert repeatable, "no kill met a call: the test proves nothing"


def taking_its_time(stage: Stage, seed: int) -> Callable[[Received], Reply]:
    """Answers late enough to be met under way, each after another time."""
    chance = random.Random(seed)

    def answer(received: Received) -> Reply:
        return Menu(stage.model).slow(chance.uniform(0.1, 0.4))(received)

    return answer


async def further(
    stage: Stage, database: Database, moment: str, chance: random.Random, left: int
) -> Callable[[], Awaitable[bool]]:
    """Whether some more has come forward than now, so little that something remains for the kills that are left."""

    async def standing() -> int:
        return stage.model.calls if moment == "begun" else int(await database.fetchval(COUNTS[moment]))

    remaining = SESSIONS - int(await database.fetchval(COUNTS["kept"]))
    wanted = await standing() + chance.randint(1, max(1, (remaining - 1) // left))

    async def reached() -> bool:
        return await standing() >= wanted

    return reached


def session_of(call: Received) -> str:
    found = re.search(r"Case of (s-\d+)", call.user_text)
    assert found is not None
    return found[1]


def assert_it_adds_up(report: dict[str, Any], *, calls: int) -> None:
    """It tells of the drafts that are kept, whatever was lost on the way."""
    ended = {"revised": SESSIONS, "drafted": 0, "unchanged": 0, "failed": 0, "dropped": 0}
    expected = {**ended, "state": "done", "planned": 0, "released": 0, "calls": calls, "limited": False}
    assert {name: report[name] for name in expected} == expected


async def assert_each_revision_is_told_once(stage: Stage, plan: Plan) -> None:
    """By the tables, and by the topic for a reader of what is committed."""
    await stage.settled()
    written = await stage.verdict()
    wanted = {(f"s-{number}", revision): 1 for number in range(SESSIONS) for revision in (1, 2)}
    assert Counter((row["session_id"], row["revision"]) for row in written.tables["packages"]) == wanted
    told = written.packages()
    assert Counter((one["session_id"], one["revision"]) for one in told) == wanted
    assert {str(row["package_id"]) for row in written.tables["packages"]} == {one["package_id"] for one in told}
    second = {(one["cause"], one["replay_id"], one["status"]) for one in told if one["revision"] == 2}
    assert second == {("replay", plan["replay_id"], "ready")}
