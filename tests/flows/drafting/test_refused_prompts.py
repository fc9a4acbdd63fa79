"""Prompts that the API refuses: one that is at fault itself, and an API that refuses them all."""

import asyncio
import threading
from itertools import pairwise
from typing import Any

import pytest

from consumer.domain.events import RequestKey
from consumer.domain.writing.ledger import Declined, DraftKey
from consumer.flows.drafting.calls.accounting import Accounts, Payer, Purpose
from consumer.flows.drafting.ports import Claim, Doubted, Doubts, DraftLedger, Suspect
from schemas.packages import Usage
from tests.flows.drafting.steps import Events, named, packages, quiet
from tests.support import build, model_server
from tests.support.model_server import Behaviour, Menu, ModelServer, Received, Reply
from tests.support.replicas import Replicas
from tests.support.tables import Tables
from tests.support.waiting import until

POISON = "Poison of session"


def refusing_poison(model: ModelServer) -> Behaviour:
    refuse = model_server.error(400)

    def behave(received: Received) -> Reply:
        return refuse(received) if POISON in received.user_text else model.answer(received)

    return behave


async def asked(tables: Tables, name: str, *, poison: bool = False) -> RequestKey:
    """A session of its own with a request on it."""
    key = RequestKey("default", name, "r")
    title = f"{POISON} {name}" if poison else f"Case of {name}"
    await tables.add_events(build.in_order(build.opened(title=title)), key.session)
    await tables.add_request(key)
    return key


async def outages(tables: Tables, count: int) -> None:
    async def so_many() -> bool:
        return await tables.count("model_outage") == count

    await until(so_many)


async def in_ledger(tables: Tables, **states: int) -> None:
    """Waits until the ledger has so many rows of these states, and no others."""
    seen: dict[str, int] = {}

    async def so_many() -> bool:
        nonlocal seen
        rows = await tables.database.fetch("SELECT state, count(*) AS rows FROM drafts GROUP BY 1")
        seen = {row["state"]: row["rows"] for row in rows}
        return seen == states

    try:
        await until(so_many)
    except TimeoutError:
        raise AssertionError(f"{seen}, not {states}") from None


def of_session(events: Events, name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["session_id"] == name]


@pytest.mark.failure(52)
async def test_three_different_prompts_refused_in_a_row_are_an_outage_and_none_is_in_the_ledger(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    model.always(model_server.error(400))
    async with replicas.start(places=1) as first, replicas.start(places=1) as second:
        for number in range(3):
            await asked(tables, f"s{number}")
        fallbacks = await packages(tables, 3)
        await outages(tables, 1)
        for replica in (first, second):
            assert "refuses one prompt after another" in (await named(replica.health, "model")).reason
        await in_ledger(tables)
        await asked(tables, "s3")
        fallbacks = await packages(tables, 4)
        assert {event["status"] for event in fallbacks} == {"fallback"}
        model.always(None)
        events = await packages(tables, 8)
        await quiet(tables, 8)
    assert {(event["status"], event["cause"]) for event in events[4:]} == {("ready", "upgrade")}
    await in_ledger(tables, drafted=4)
    assert (await tables.count("model_doubts"), await tables.count("model_outage")) == (0, 0)


async def test_the_outage_outlives_a_restart_and_so_do_the_doubts_before_it(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    model.always(model_server.error(400))
    for number in range(3):
        await asked(tables, f"s{number}")
        async with replicas.start():
            await packages(tables, number + 1)
    await outages(tables, 1)
    await in_ledger(tables)
    model.always(None)
    async with replicas.start():
        events = await packages(tables, 6)
    assert {event["status"] for event in events[3:]} == {"ready"}
    await in_ledger(tables, drafted=3)


async def test_one_refused_prompt_among_good_ones_is_declined_alone_and_asked_once(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    model.always(refusing_poison(model))
    async with replicas.start(places=2):
        await asked(tables, "bad", poison=True)
        (bad,) = await packages(tables, 1)
        assert (bad["status"], bad["warnings"]) == ("fallback", ["model_refused"])
        assert (await tables.request(RequestKey("default", "bad", "r")))["upgrade_wanted"], (
            "perhaps it was not at fault"
        )
        await quiet(tables, 1)
        for number in range(4):
            await asked(tables, f"good{number}")
        events = await packages(tables, 5)
        await in_ledger(tables, drafted=4, refused=1)

        async def given_up() -> bool:
            row = await tables.request(RequestKey("default", "bad", "r"))
            return not row["upgrade_wanted"] and row["due_at"] is None

        await until(given_up)
        await quiet(tables, 5)
    assert {event["status"] for event in events[1:]} == {"ready"}
    assert sum(POISON in request.user_text for request in model.requests) == 1, "a declined prompt is not asked again"
    assert await tables.count("model_outage") == 0


async def test_many_refused_prompts_are_no_outage_where_answers_come_between(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    model.always(refusing_poison(model))
    async with replicas.start(places=1) as replica:
        for number in range(8):
            await asked(tables, f"s{number}", poison=number % 2 == 0)
            await packages(tables, number + 1)
        await asked(tables, "last")
        await packages(tables, 9)
        await in_ledger(tables, drafted=5, refused=4)
        assert "model" not in {stuck.what for stuck in replica.health.stuck()}
    assert await tables.count("model_outage") == 0


async def test_a_probe_that_is_refused_for_what_it_holds_does_not_keep_the_outage(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    model.always(model_server.error(400))
    for number in range(2):
        await asked(tables, f"bad{number}", poison=True)
    async with replicas.start(places=1):
        await packages(tables, 2)
        await asked(tables, "good")
        await packages(tables, 3)
        await outages(tables, 1)
        model.always(refusing_poison(model))
        await outages(tables, 0)
        events = await packages(tables, 4)
        assert of_session(events, "good")[1]["status"] == "ready"

        async def asked_again() -> bool:
            return await tables.count("model_doubts") == 2

        await until(asked_again)
        await asked(tables, "later")
        await packages(tables, 5)
        await in_ledger(tables, drafted=2, refused=2)
        await quiet(tables, 5)
    assert await tables.count("model_doubts") == 0


async def test_while_the_api_refuses_everything_it_is_probed_once_per_interval_each_time_by_another(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    model.always(model_server.error(400))
    for number in range(4):
        await asked(tables, f"s{number}")
    async with replicas.start(places=1) as _, replicas.start(places=1) as _:
        await packages(tables, 4)
        await outages(tables, 1)
        began = model.calls
        await model.called(began + 8)
    probes = model.requests[began : began + 8]
    assert probes[-1].at - probes[0].at >= 0.5 * (len(probes) - 2)
    prompts = [request.records for request in probes]
    # A turn passes over a request whose lease is just being given back; so not every four are four different ones.
    assert all(first != second for first, second in pairwise(prompts))
    assert len(set(prompts)) == 4


async def test_an_answer_to_an_older_call_does_not_put_a_refused_prompt_into_the_ledger(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    """The account may have run empty while the call was under way."""
    gate = threading.Event()
    model.script(Menu(model).held(gate))
    async with replicas.start(places=8):
        await asked(tables, "under-way")
        await model.called(1)
        model.always(model_server.error(400))
        await asked(tables, "refused")
        await packages(tables, 1)
        gate.set()
        await packages(tables, 2)
        await in_ledger(tables, drafted=1)
        assert await tables.count("model_doubts") == 1
        model.always(None)
        await asked(tables, "next")
        await packages(tables, 3)
        await in_ledger(tables, drafted=2, refused=1)


# the port itself

KEYS = [DraftKey("default", f"s{number}", "a" * 64, "p1", "m1") for number in range(4)]


async def claimed(ledger: DraftLedger, key: DraftKey) -> Claim:
    claim = await ledger.claim_draft(key, drafted_for="r/1", force=False)
    assert isinstance(claim, Claim), claim
    return claim


async def refused(doubts: Doubts, claim: Claim) -> Suspect:
    return await doubts.refused(claim, ("model_refused",), drafted_for="r/1", reason="no")


async def call(accounts: Accounts, purpose: Purpose = Purpose.DRAFT) -> int:
    """The number of a call that has begun."""
    return await accounts.open(Payer(KEYS[0].session, "r/1"), purpose, "claude-x", held_usd=0.0)


async def answered(accounts: Accounts, call_id: int) -> None:
    await accounts.settle(call_id, "claude-x", Usage(), usd=None)


async def test_of_refusals_at_the_same_moment_the_third_begins_the_outage(replicas: Replicas, tables: Tables) -> None:
    async with replicas.start(key=False) as replica:
        ledger, doubts = replica.stores.ledger, replica.stores.doubts
        for _ in range(10):
            claims = [await claimed(ledger, key) for key in KEYS]
            seen = await asyncio.gather(*(refused(doubts, claim) for claim in claims))
            assert sorted(seen) == [Suspect.API, Suspect.API, Suspect.PROMPT, Suspect.PROMPT]
            assert await tables.count("model_doubts") == 0
            await replica.stores.outages.end_outage()
            await tables.execute("DELETE FROM drafts")


async def test_an_answer_of_any_age_ends_the_row(replicas: Replicas, tables: Tables) -> None:
    async with replicas.start(key=False) as replica:
        ledger, doubts, accounts = replica.stores.ledger, replica.stores.doubts, replica.stores.accounts
        begun = [await call(accounts) for _ in range(3)]
        seen = []
        for key, earlier in zip(KEYS[:3], begun, strict=True):
            seen.append(await refused(doubts, await claimed(ledger, key)))
            await answered(accounts, earlier)
        assert seen == [Suspect.PROMPT] * 3
        assert await tables.count("drafts") == 0


async def test_the_same_prompt_refused_again_is_not_a_second_one(replicas: Replicas, tables: Tables) -> None:
    async with replicas.start(key=False) as replica:
        ledger, doubts, accounts = replica.stores.ledger, replica.stores.doubts, replica.stores.accounts
        claim = await claimed(ledger, KEYS[0])
        assert [await refused(doubts, claim) for _ in range(4)] == [Suspect.PROMPT] * 4
        assert isinstance(await ledger.claim_draft(KEYS[0], drafted_for="other/1", force=True), Doubted)
        await answered(accounts, await call(accounts, Purpose.CHECK))
        assert await tables.count("model_doubts") == 1, "the second reader's answer says nothing of the drafter"
        await answered(accounts, await call(accounts))
        assert await ledger.find_draft(KEYS[0]) == Declined(warnings=("model_refused",))
