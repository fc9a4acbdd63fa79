"""What tenants allow: no byte of a tenant without model reaches one, and no budget is overspent."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.session.history import SessionHistory
from consumer.flows.drafting.calls.accounting import Payer, Purpose
from consumer.flows.drafting.model import CallForbidden
from consumer.flows.drafting.ports import DraftingStores
from schemas.packages import Caution
from tests.flows.drafting.steps import packages, quiet
from tests.flows.drafting.test_second_reader import FALSE, finds, says
from tests.support import build
from tests.support.model_server import ModelServer
from tests.support.replicas import Changed, Replicas
from tests.support.tables import Tables
from tests.support.waiting import until

SET = """
    INSERT INTO tenant_policies (tenant_id, event_id, set_at, model, language, monthly_budget_usd, note_footer)
    VALUES ($1, $2, now(), $3, 'en', $4, $5)
    ON CONFLICT (tenant_id) DO UPDATE SET model = excluded.model, monthly_budget_usd = excluded.monthly_budget_usd
"""


async def set_policy(
    tables: Tables, tenant: str, *, model: str = "on", budget: float | None = None, footer: str | None = None
) -> None:
    await tables.execute(SET, tenant, "e1", model, budget, footer)


async def ask(tables: Tables, tenant: str, session: str = "session-1", *, text: str = "Ping works.") -> None:
    key = SessionKey(tenant, session)
    await tables.add_events(build.in_order(build.opened(), build.fact(text)), key)
    await tables.add_request(RequestKey(*key, "r"))


def sent(model: ModelServer) -> str:
    return "\n".join(str(call.body) for call in (*model.requests, *model.checks))


@pytest.mark.promise(12)
async def test_nothing_of_a_tenant_without_model_reaches_one(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await set_policy(tables, "quiet", model="off")
    for number in range(4):
        await ask(tables, "quiet", f"q{number}", text=f"Zephyr-{number}-Quartz hums.")
        await ask(tables, "loud", f"l{number}", text=f"Basalt-{number}-Onyx hums.")
    async with replicas.start(), replicas.start():
        events = {event["session_id"]: event for event in await packages(tables, 8)}
        await quiet(tables, 8)
    assert {(events[f"q{n}"]["status"], *events[f"q{n}"]["warnings"]) for n in range(4)} == {
        ("fallback", "model_disabled")
    }
    assert {events[f"l{n}"]["status"] for n in range(4)} == {"ready"}
    assert "Basalt-3-Onyx" in sent(model)
    assert "Zephyr" not in sent(model)
    assert not await tables.database.fetchval("SELECT bool_or(upgrade_wanted OR due_at IS NOT NULL) FROM requests")


async def test_a_policy_that_comes_after_the_work_was_taken_up_still_holds_back_the_call(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    def switched_off_meanwhile(stores: DraftingStores) -> DraftingStores:
        async def history(key: SessionKey) -> SessionHistory | None:
            await set_policy(tables, "acme", model="off")
            return await stores.queue.history(key)

        return replace(stores, queue=Changed(stores.queue, history=history))

    await ask(tables, "acme")
    async with replicas.start(change=switched_off_meanwhile):
        (event,) = await packages(tables)
        await quiet(tables, 1)
    assert (event["status"], event["warnings"]) == ("fallback", ["model_disabled"])
    assert model.calls == len(model.checks) == 0
    assert await tables.count("model_calls") == 0


async def test_the_second_reader_is_held_back_too_and_the_package_says_unchecked(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await ask(tables, "acme")

    def switched_off_by_the_first_call(stores: DraftingStores) -> DraftingStores:
        async def opened(*arguments: Any, **named: Any) -> int:
            call_id = await stores.accounts.open(*arguments, **named)
            await set_policy(tables, "acme", model="off")
            return call_id

        return replace(stores, accounts=Changed(stores.accounts, open=opened))

    async with replicas.start(change=switched_off_by_the_first_call):
        (event,) = await packages(tables)
    assert (event["status"], event["warnings"]) == ("ready", ["unchecked"])
    assert (model.calls, len(model.checks)) == (1, 0)


@pytest.mark.parametrize("whose", ["tenant", "all"])
@pytest.mark.promise(12)
async def test_two_replicas_overspend_a_budget_by_the_calls_in_flight_at_most(
    replicas: Replicas, tables: Tables, model: ModelServer, whose: str
) -> None:
    places, asked, budget = 2, 60, 0.06
    if whose == "tenant":
        await set_policy(tables, "acme", budget=budget)
    for number in range(asked):
        await ask(tables, "acme", f"s{number}", text=f"Host-{number} answers.")
    bound = None if whose == "tenant" else budget
    async with (
        replicas.start(places=places, check_model=None, monthly_budget_usd=bound),
        replicas.start(places=places, check_model=None, monthly_budget_usd=bound),
    ):
        events = await packages(tables, asked)
    rows = await tables.database.fetch("SELECT usd FROM model_calls")
    total = sum(row["usd"] for row in rows)
    in_flight = 2 * places * max(row["usd"] for row in rows)
    held = 2 * places * 0.012  # by the calls that were under way when the last one was refused
    assert budget - held < total <= budget + in_flight
    assert len([event for event in events if event["status"] == "ready"]) == len(rows) == model.calls
    exhausted = [event["warnings"] for event in events if event["status"] == "fallback"]
    assert exhausted == [["budget_exhausted"]] * (asked - len(rows))
    assert len(rows) < asked
    by_day = await tables.database.fetch("SELECT tenant_id, calls, usd FROM model_days ORDER BY 1")
    assert [(row["tenant_id"], row["calls"]) for row in by_day] == [("", len(rows)), ("acme", len(rows))]
    assert [row["usd"] for row in by_day] == pytest.approx([total, total])


async def test_another_tenants_budget_is_nobodys_else(replicas: Replicas, tables: Tables) -> None:
    await set_policy(tables, "poor", budget=0)
    await ask(tables, "poor")
    await ask(tables, "rich")
    async with replicas.start():
        events = {event["tenant_id"]: event for event in await packages(tables, 2)}
    assert (events["poor"]["status"], events["poor"]["warnings"]) == ("fallback", ["budget_exhausted"])
    assert events["rich"]["status"] == "ready"


async def test_what_each_call_cost_is_known_by_purpose_and_model(replicas: Replicas, tables: Tables) -> None:
    await ask(tables, "acme")
    async with replicas.start():
        (event,) = await packages(tables)
    rows = await tables.database.fetch("SELECT * FROM model_calls ORDER BY call_id")
    assert [(row["purpose"], row["model"], row["drafted_for"], row["provider"]) for row in rows] == [
        ("draft", "claude-sonnet-5-5", "r/1", "anthropic"),
        ("check", "claude-haiku-5-5", "r/1", "anthropic"),
    ]
    assert all(row["usd"] > 0 and row["held_usd"] == 0 for row in rows)
    usage = event["provenance"]["usage"]
    assert {name: sum(row[name] for row in rows) for name in usage} == usage


async def test_a_call_that_a_kill_cut_off_holds_its_part_of_the_budget(replicas: Replicas, tables: Tables) -> None:
    await set_policy(tables, "acme", budget=0.01)
    await tables.execute(
        "INSERT INTO model_calls (tenant_id, session_id, drafted_for, purpose, provider, model, held_usd)"
        " VALUES ('acme', 's', 'r/1', 'draft', 'anthropic', 'm', 0.02)"
    )
    await ask(tables, "acme")
    async with replicas.start():
        (event,) = await packages(tables)
    assert event["warnings"] == ["budget_exhausted"]


@pytest.mark.promise(12)
async def test_a_call_under_way_holds_what_it_may_cost(replicas: Replicas, tables: Tables) -> None:
    await set_policy(tables, "acme", budget=0.01)
    payer = Payer(SessionKey("acme", "s"), "r/1")
    async with replicas.start() as replica:
        accounts = replica.stores.accounts
        await accounts.open(payer, Purpose.DRAFT, "m", held_usd=0.02)
        with pytest.raises(CallForbidden):
            await accounts.open(payer, Purpose.DRAFT, "m", held_usd=0.02)


async def test_a_new_month_begins_with_nothing_spent(replicas: Replicas, tables: Tables) -> None:
    await set_policy(tables, "acme", budget=0.01)
    await tables.execute(
        "INSERT INTO model_days"
        " SELECT 'acme', (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 day')::date, 'anthropic', 'm',"
        " 'draft', 1, 5.0, 1, 1, 1, 1"
    )
    await ask(tables, "acme")
    async with replicas.start():
        (event,) = await packages(tables)
    assert event["status"] == "ready"


async def test_the_footer_stands_beside_the_text_with_its_ids(replicas: Replicas, tables: Tables) -> None:
    await set_policy(tables, "acme", model="off", footer="Rate {package_id} of {request_id} {other}")
    await ask(tables, "acme")
    async with replicas.start():
        (event,) = await packages(tables)
    assert event["footer"] == f"Rate {event['package_id']} of r {{other}}"
    assert "Rate" not in event["markdown"] + event["html"] + event["plain_text"]


async def test_switched_on_again_the_model_drafts_the_next_revision(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await set_policy(tables, "acme", model="off")
    await ask(tables, "acme")
    async with replicas.start():
        await packages(tables)
        await set_policy(tables, "acme", model="on")
        await tables.add_events([build.fact("DNS fails.", fact_id="later", version=9)], SessionKey("acme", "session-1"))
        await tables.change_request(RequestKey("acme", "session-1", "r"), due_at=0.0, cause="state_changed")
        first, second = await packages(tables, 2)
    assert (first["status"], second["status"], second["revision"]) == ("fallback", "ready", 2)
    await until(lambda: asyncio.sleep(0, model.calls == 1))


async def test_a_draft_that_was_paid_for_before_is_not_published_for_a_tenant_without_model(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await ask(tables, "acme")
    async with replicas.start():
        await packages(tables)
        await set_policy(tables, "acme", model="off")
        await tables.add_request(RequestKey("acme", "session-1", "second"))
        first, second = await packages(tables, 2)
    assert (first["status"], second["status"], second["warnings"]) == ("ready", "fallback", ["model_disabled"])
    assert model.calls == 1


async def test_a_repair_that_no_budget_allows_leaves_the_answer_without_what_was_flagged(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    def no_repair(stores: DraftingStores) -> DraftingStores:
        async def opened(payer: Payer, purpose: Purpose, *arguments: Any, **named: Any) -> int:
            if purpose is Purpose.DRAFT and model.calls:
                raise CallForbidden(Caution.BUDGET_EXHAUSTED)
            return await stores.accounts.open(payer, purpose, *arguments, **named)

        return replace(stores, accounts=Changed(stores.accounts, open=opened))

    await ask(tables, "acme")
    model.always(says(model, step=FALSE))
    model.reader(finds(model, FALSE))
    async with replicas.start(change=no_repair):
        (event,) = await packages(tables)
    assert event["status"] == "ready"
    assert Caution.STATEMENTS_REMOVED in event["warnings"]
    assert FALSE not in event["markdown"]
    assert (model.calls, event["provenance"]["attempts"]) == (1, 1)


async def test_what_a_call_cost_counts_once_however_often_it_is_noted(replicas: Replicas, tables: Tables) -> None:
    def noted_twice(stores: DraftingStores) -> DraftingStores:
        async def settle(*arguments: Any, **named: Any) -> None:
            await stores.accounts.settle(*arguments, **named)
            await stores.accounts.settle(*arguments, **named)

        return replace(stores, accounts=Changed(stores.accounts, settle=settle))

    await ask(tables, "acme")
    async with replicas.start(change=noted_twice, check_model=None):
        await packages(tables)
    assert await tables.database.fetchval("SELECT sum(calls) FROM model_days WHERE tenant_id = 'acme'") == 1
