"""A store is rebuilt from the topics while the old one serves, then takes over."""

import json
from typing import Any

import pytest

from consumer.adapters.postgres.core.pool import closing_pool
from consumer.adapters.postgres.operation.proofs import Proofs
from consumer.domain.package import proof
from consumer.domain.package.proof import ProofResult
from consumer.wiring.jobs.rebuilds import rebuild_store
from tests.support.contents import contents
from tests.support.databases import connected
from tests.support.service import command
from tests.support.stage import Stage, Story, settings_of
from tests.support.waiting import until

PASSWORD = "Kf7-vault-Winter!49"
KEY = "a key that both stores have"
TO_DO = (
    "SELECT (SELECT count(*) FROM outbox)"
    " + (SELECT count(*) FROM requests WHERE leased_until IS NOT NULL OR due_at < now() + interval '5 seconds')"
    " + (SELECT 1 - count(*) FROM session_events WHERE data LIKE '%after the first pass%')"
)


async def count(dsn: str, sql: str) -> int:
    async with connected(dsn) as connection:
        number: int = await connection.fetchval(sql)
        return number


@pytest.mark.timeout(240)
async def test_a_store_is_rebuilt_beside_the_one_that_serves_and_then_takes_over(
    stage: Stage, empty_database: str
) -> None:
    old = await stage.running(revise_after_seconds="0.2", redaction_key=KEY)
    story, gone, erased = Story("goes-on"), Story("cancelled"), Story("erased", tenant_id="acme")
    open_yet, waiting = Story("erased-while-open"), Story("waiting")
    schema = {"parameters": [{"key": "pass", "field_type": "password"}]}
    script = {"generation_id": "g", "template": {"name": "Reset", "parameters_schema": schema}}
    await stage.send(
        story.opened(psa_ticket={"system": "connectwise", "ticket_id": "7"}),
        story.fact(f"Logging on with {PASSWORD} works."),
        story.event("session.script_generated.v1", {**script, "parameters_used": {"pass": PASSWORD}}),
        story.request(state_version=3, reason=f"They still use {PASSWORD}"),
        gone.opened(),
        gone.request(state_version=1),
        erased.opened(),
        erased.request(state_version=1),
        open_yet.opened(),
        open_yet.request(state_version=9),
    )
    await stage.published(3)
    rival = story.fact("It comes second.") | {"id": "a rival", "stateversion": 1}
    await stage.send(rival, gone.cancel(), erased.event("session.erased.v1"), open_yet.event("session.erased.v1"))
    await stage.send(story.fact("It is late, and below.", fact_id="late") | {"stateversion": 40}, story.fix())
    await stage.send(waiting.opened(), waiting.request(state_version=2, deadline_seconds=3600))
    await stage.published(7)

    async def quiet() -> bool:
        """All is read and done but the request that waits for its state."""
        return "committed" not in await stage.oracle.unsettled() and not await count(stage.dsn, TO_DO)

    there = {**stage.environment(revise_after_seconds="0.2", redaction_key=KEY), "DATABASE_URL": empty_database}
    beside = await rebuild_store(settings_of(there), progress=lambda _: None)
    assert beside.serving
    assert beside.outcomes >= 7
    await stage.send(story.fact("Known after the first pass.", fact_id="between"))
    await until(quiet, within_seconds=60)
    published = await stage.published(8)
    assert (await old.terminate()).code == 0
    calls = stage.model.calls

    done = command(there, "rebuild", "--json")
    assert done.code == 0, done.output + done.errors
    assert json.loads(done.output) | {"requests": 0, "outcomes": 0} == {
        "events": 1,
        "requests": 0,
        "outcomes": 0,
        "presumed_answered": 0,
        "lost": {},
        "ready_to_serve": True,
    }
    before, after = [await contents(dsn, without={"drafts"}) for dsn in (stage.dsn, empty_database)]
    for name in before:
        assert after[name] == before[name], name
    assert [row["state"] for row in after["requests"] if row["session_id"] == "waiting"] == ["open"]
    async with closing_pool(empty_database, name="test", max_size=1) as pool:
        evidence = [await Proofs(pool).evidence(row["package_id"]) for row in after["packages"]]
    assert {proof.prove(piece).verdict for piece in evidence if piece is not None} == {ProofResult.VERIFIED}
    assert stage.model.calls == calls
    assert await count(empty_database, "SELECT count(*) FROM outbox") == 0
    assert in_any_order(await stage.published(8)) == in_any_order(published)

    await stage.running(revise_after_seconds="0.2", redaction_key=KEY, dsn=empty_database)
    await stage.send(story.fact("The new store hears this.", fact_id="after"), waiting.fact())
    events = await stage.published(len(published) + 2)
    packages = {event["package_id"]: event for event in events if event["type"] == "escalation.package_ready.v1"}
    revisions = sorted(package["revision"] for package in packages.values() if package["session_id"] == "goes-on")
    assert revisions == list(range(1, len(revisions) + 1)), "a revision is missing or was given twice"
    newest = next(package for package in packages.values() if package["revision"] == revisions[-1])
    assert newest["supersedes"] in packages
    assert [package["state_version"] for package in packages.values() if package["session_id"] == "waiting"] == [2]


def in_any_order(events: list[dict[str, Any]]) -> list[str]:
    """Partitions are read in no certain order."""
    return sorted(json.dumps(event, sort_keys=True) for event in events)
