"""Policies and feedback on a real PostgreSQL: which policy counts, and what is kept of feedback."""

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from consumer.adapters.postgres.core.pool import Pool
from tests.adapters.postgres.intake.steps import Store, everything
from tests.support.wire import arrive, change, event

POLICIES, FEEDBACK = "escalation-tenant-policy", "escalation-package-feedback"
SECRET = "brightmeadowlane"
"""Nothing of its looks tells that it is one."""


def policy(event_id: str, minute: int, **data: Any) -> dict[str, Any]:
    time = f"2026-03-02T09:{minute:02}:00Z"
    return event("tenant.policy_set.v1", data, id=event_id, subject="acme", time=time)


def feedback(event_id: str = "f1", **data: Any) -> dict[str, Any]:
    said = {"package_id": "p1", "outcome": "rejected", **data}
    return event("escalation.package_feedback.v1", said, id=event_id)


async def policies(pool: Pool) -> list[tuple[str, str, str, float | None]]:
    rows = await pool.fetch("SELECT tenant_id, model, language, monthly_budget_usd FROM tenant_policies")
    return [tuple(row) for row in rows]


async def test_the_newest_policy_counts_whatever_the_order_and_however_often(pool: Pool, store: Store) -> None:
    events = [
        policy("a", 1, model="off"),
        policy("b", 3, model="on", language="de", monthly_budget_usd=4.5),
        policy("c", 2, monthly_budget_usd=1),
        policy("a2", 3, language="en"),  # at the time of `b`, with a smaller id
    ]
    for seed in range(6):
        shuffled = random.Random(seed).sample([*events, *events], 8)
        for each in shuffled:
            await store(arrive(each, topic=POLICIES, key=b"acme"))
        assert await policies(pool) == [("acme", "on", "de", 4.5)]


async def test_of_one_batch_the_newest_counts_and_null_means_the_default(pool: Pool, store: Store) -> None:
    batch = [policy("b", 3, model=None, language=None, monthly_budget_usd=None), policy("a", 1, model="off")]
    await store(*(arrive(each, topic=POLICIES, key=b"acme", offset=n) for n, each in enumerate(batch)))
    assert await policies(pool) == [("acme", "on", "en", None)]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"model": "maybe"}, "model"),
        ({"language": "tlh"}, "language"),
        ({"language": 7}, "language"),
        ({"monthly_budget_usd": -1}, "monthly_budget_usd"),
        ({"monthly_budget_usd": "40"}, "monthly_budget_usd"),
        ({"monthly_budget_usd": True}, "monthly_budget_usd"),
        ({"note_footer": "x" * 301}, "note_footer"),
        ({"note_footer": "one\ntwo"}, "note_footer"),
    ],
)
async def test_a_policy_that_nobody_can_keep_is_refused_by_its_field(
    pool: Pool, store: Store, data: dict[str, Any], field: str
) -> None:
    await store(arrive(policy("a", 1), topic=POLICIES, key=b"acme"))
    await store(arrive(policy("b", 2, **data), topic=POLICIES, key=b"acme", offset=9))
    assert await policies(pool) == [("acme", "on", "en", None)]
    assert field in await pool.fetchval("SELECT error FROM dead_letters")


async def test_feedback_is_kept_once_for_packages_that_nobody_knows_too(pool: Pool, store: Store) -> None:
    for _ in range(2):
        await store(arrive(feedback(comment="Fine."), topic=FEEDBACK))
        await store(arrive(feedback("f2", outcome="posted", note_id=77), topic=FEEDBACK, offset=8))
    rows = await pool.fetch("SELECT event_id, package_id, outcome, said FROM package_feedback ORDER BY 1")
    assert [(row["event_id"], row["outcome"]) for row in rows] == [("f1", "rejected"), ("f2", "posted")]
    assert json.loads(rows[1]["said"])["note_id"] == "77"
    assert await pool.fetchval("SELECT count(*) FROM sessions") == 0


def _script() -> dict[str, Any]:
    schema = {"parameters": [{"key": "pw", "field_type": "password"}]}
    data = {
        "generation_id": "g",
        "template": {"name": "Map drive", "parameters_schema": schema},
        "parameters_used": {"pw": SECRET},
    }
    return change("session.script_generated.v1", data, version=1)


TELLING = feedback(reason=f"It has {SECRET}", tags=[f"pw {SECRET}"], comment=f"{SECRET} is in it")


@pytest.mark.parametrize("first", ["secret", "feedback", "together"])
async def test_a_secret_of_the_session_leaves_its_feedback(pool: Pool, store: Store, first: str) -> None:
    script, comment = arrive(_script()), arrive(TELLING, topic=FEEDBACK)
    order: Sequence[Sequence[Any]] = {
        "secret": ([script], [comment]), "feedback": ([comment], [script]), "together": ([comment, script],)
    }[first]  # fmt: skip
    for batch in order:
        await store(*batch)
    assert await pool.fetchval("SELECT count(*) FROM package_feedback") == 1
    assert SECRET not in await everything(pool)


async def test_an_erasure_takes_feedback_along_and_later_feedback_is_dropped(pool: Pool, store: Store) -> None:
    await store(arrive(change(version=1)))
    await store(arrive(feedback(comment="It names Mr Kowalczyk."), topic=FEEDBACK))
    await store(arrive(change("session.erased.v1", None, version=2), offset=5))
    await store(arrive(feedback("f2", comment="Kowalczyk again"), topic=FEEDBACK, offset=6))
    assert await pool.fetchval("SELECT count(*) FROM package_feedback") == 0
    assert "Kowalczyk" not in await everything(pool)


async def test_what_looks_like_a_secret_stops_at_the_door_in_tags_too(pool: Pool, store: Store) -> None:
    await store(
        arrive(feedback(tags=["password: Granite-Otter-23!x"], comment="pw=Granite-Otter-24!x"), topic=FEEDBACK)
    )
    said = await pool.fetchval("SELECT said FROM package_feedback")
    assert "Granite" not in said
    assert "password" in said
