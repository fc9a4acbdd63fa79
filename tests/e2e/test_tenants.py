"""Two tenants with opposite policies, from the command that sets a policy to the feedback on the packages."""

import json
from typing import Any

import pytest

from tests.support.stage import Stage, Story
from tests.support.waiting import until
from tests.support.wire import feedback_on

SECRET_PLACE = "Zephyr-Quartz-9"


def ask(tenant: str, name: str, text: str) -> list[dict[str, Any]]:
    story = Story(name, tenant_id=tenant)
    return [story.opened(), story.fact(text), story.fix(), story.request()]


def feedback(package: dict[str, Any], outcome: str, **data: Any) -> str:
    said = feedback_on(package, outcome, time="2026-03-02T10:00:00Z", **data)
    return json.dumps({"topic": "escalation-package-feedback", "key": package["session_id"], "value": said})


async def shown(stage: Stage, *arguments: str) -> Any:
    done = await stage.command(*arguments, "--json")
    assert done.code == 0, done.errors
    return json.loads(done.output)


async def policies_hold(stage: Stage, count: int) -> None:
    async def stored() -> bool:
        (row,) = await stage.query("SELECT count(*) AS policies FROM tenant_policies")
        return bool(row["policies"] >= count)

    await until(stored)


@pytest.mark.promise(12)
async def test_under_load_two_replicas_keep_opposite_policies_and_a_budget(stage: Stage) -> None:
    for _ in range(2):
        await stage.running(check_model="none")
    off = await shown(stage, "tenant", "set", "quiet", "--model", "off", "--footer", "Rate {package_id}")
    assert off["sent"] is True
    assert (await stage.command("tenant", "set", "thrifty", "--budget", "0.02")).code == 0
    assert (await stage.command("tenant", "set", "loud", "--language", "de-AT")).code == 0
    await policies_hold(stage, 3)
    events = [
        event
        for number in range(25)
        for tenant in ("quiet", "thrifty", "loud")
        for event in ask(tenant, f"{tenant}-{number}", f"{SECRET_PLACE if tenant == 'quiet' else 'Basalt'} {number}")
    ]
    await stage.send(*events)
    await stage.settled()
    packages = (await stage.verdict()).packages()
    by_tenant: dict[str, list[dict[str, Any]]] = {}
    for package in packages:
        by_tenant.setdefault(package["tenant_id"], []).append(package)
    assert {(package["status"], *package["warnings"]) for package in by_tenant["quiet"]} == {
        ("fallback", "model_disabled")
    }
    assert all(package["footer"] == f"Rate {package['package_id']}" for package in by_tenant["quiet"])
    assert {(package["status"], package["language"]) for package in by_tenant["loud"]} == {("ready", "de")}
    assert all("## Empfohlene nächste Schritte" in package["markdown"] for package in by_tenant["loud"])
    assert {package["language"] for package in by_tenant["quiet"] + by_tenant["thrifty"]} == {"en"}
    assert all(SECRET_PLACE.encode() not in request.raw for request in (*stage.model.requests, *stage.model.checks))
    spend = {row["tenant_id"]: row for row in await shown(stage, "spend")}
    dearest = max(row["usd"] for row in await shown(stage, "spend", "--dearest"))
    assert 0 < spend["thrifty"]["usd"] <= 0.02 + 16 * dearest
    assert {warning for package in by_tenant["thrifty"] for warning in package["warnings"]} == {"budget_exhausted"}
    assert "quiet" not in spend
    policy = await shown(stage, "tenant", "show", "quiet")
    assert (policy["model"], policy["language"], policy["spent_usd"]) == ("off", "en", 0)


async def test_feedback_is_counted_by_what_became_of_each_package(stage: Stage) -> None:
    await stage.running(keyed=False)
    for number in range(3):
        await stage.send(*ask("acme", f"s{number}", "Ping works."))
    first, second, third = await stage.published(3)
    lines = [
        feedback(first, "posted", note_id="1"),
        feedback(first, "accepted"),
        feedback(second, "edited", edited_sections=["next_steps"], comment="The third step names the old server."),
        feedback(third, "rejected", reason="Too late."),
        feedback(first, "accepted"),
        feedback({**first, "package_id": "unheard-of"}, "rejected"),
    ]
    await stage.load("\n".join(lines))
    counted: list[dict[str, Any]] = []

    async def arrived() -> bool:
        nonlocal counted
        counted = await shown(stage, "feedback", "summary", "--by", "tenant")
        return len(counted) == 2

    await until(arrived)
    acme, unknown = counted
    numbers = {name: acme[name] for name in ("packages", "accepted", "edited", "rejected", "silent", "taken_as_is")}
    assert numbers == {
        "packages": 3, "accepted": 1, "edited": 1, "rejected": 1, "silent": 0, "taken_as_is": "33% of 3",
    }  # fmt: skip
    assert (unknown["value"], unknown["packages"]) == ("unknown", 1)
    listed = await shown(stage, "feedback", "list", "--outcome", "edited")
    assert [row["comment"] for row in listed] == ["The third step names the old server."]


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--language", "tlh", "language"),
        ("--budget", "-1", "monthly_budget_usd"),
        ("--footer", "x" * 301, "note_footer"),
    ],
)
async def test_a_policy_that_would_be_refused_is_refused_before_it_is_sent(
    stage: Stage, option: str, value: str, reason: str
) -> None:
    done = await stage.command("tenant", "set", "acme", option, value)
    assert done.code == 1
    assert reason in done.errors
    assert await stage.end_offset(stage.topics.policies) == 0
