"""The model is away, or slow: fallbacks in time, and their upgrades."""

import asyncio
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from consumer.domain.events import RequestKey
from consumer.domain.request.work import Work
from consumer.flows.drafting import loop as drafting
from consumer.flows.drafting.calls import pace
from consumer.flows.drafting.model import ModelAway
from consumer.flows.drafting.ports import DraftingStores, Waiting
from tests.flows.drafting.steps import a_session, named, packages, quiet, request
from tests.support import build, model_server
from tests.support.model_server import Menu, ModelServer
from tests.support.replicas import Changed, Replicas
from tests.support.tables import Tables
from tests.support.waiting import until


@pytest.mark.parametrize(
    ("asked", "least", "most"), [(None, 0.05, 0.1), (0.0, 0.0, 0.05), (7.0, 7.0, 7.05), (3600.0, 60.0, 60.0)]
)
def test_a_retry_comes_when_it_was_asked_for_within_a_minute(asked: float | None, least: float, most: float) -> None:
    fault = ModelAway("later", retry_after_seconds=asked)
    assert least <= pace.retry_in_seconds(fault) <= most


async def test_a_call_that_fails_twice_begins_an_outage_and_its_fallbacks_are_upgraded_after_it(
    replicas: Replicas, tables: Tables, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafting, "WAKE_SECONDS", 1000)  # a replica that succeeds wakes the others
    probes: list[datetime] = []

    def noting(stores: DraftingStores) -> DraftingStores:
        async def claim_probe() -> Work | None:
            work = await stores.queue.claim_probe()
            if work is not None:
                probes.append(work.taken_at)
            return work

        return replace(stores, queue=Changed(stores.queue, claim_probe=claim_probe))

    await a_session(tables)
    await tables.add_request()
    model.always(model_server.error(529))
    async with replicas.start(change=noting) as first, replicas.start(change=noting) as second:
        (event,) = await packages(tables)
        assert (event["status"], event["warnings"]) == ("fallback", ["model_unavailable"])
        assert event["provenance"]["attempts"] == 2
        for replica in (first, second):  # also the replica without a call
            await named(replica.health, "model")
        for number in range(5):
            await tables.add_request(request(f"r{number}"))
        await packages(tables, 6)

        async def probed_often() -> bool:
            return len(probes) >= 3

        await until(probed_often)
        calls = model.calls
        assert calls <= 2 + len(probes), "nobody calls but the probe"
        assert min(later - earlier for earlier, later in pairwise(probes)) >= timedelta(seconds=0.5)
        model.always(None)
        events = await packages(tables, 12)
        await quiet(tables, 12)
    assert await tables.count("model_outage") == 0
    upgrades = events[6:]
    assert {(upgrade["status"], upgrade["cause"], upgrade["revision"]) for upgrade in upgrades} == {
        ("ready", "upgrade", 2)
    }
    by_request = {fallback["request_id"]: fallback["package_id"] for fallback in events[:6]}
    assert all(upgrade["supersedes"] == by_request[upgrade["request_id"]] for upgrade in upgrades)
    assert len(model.calls_by_prompt()) == 1
    assert await tables.database.fetchval("SELECT count(*) FROM requests WHERE upgrade_wanted") == 0
    assert await tables.database.fetchval("SELECT sum(revisions_by_change) FROM requests") == 0


@pytest.mark.failure(20)
async def test_an_outage_that_another_replica_has_just_begun_holds_back_the_call(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    def meanwhile(stores: DraftingStores) -> DraftingStores:
        async def claim_draft(*given: Any, **named: Any) -> Any:
            await stores.outages.begin_outage("another replica's", probe_in_seconds=60.0)
            return await stores.ledger.claim_draft(*given, **named)

        return replace(stores, ledger=Changed(stores.ledger, claim_draft=claim_draft))

    await a_session(tables)
    await tables.add_request()
    async with replicas.start(change=meanwhile):
        (event,) = await packages(tables)
    assert (event["status"], event["warnings"], model.calls) == ("fallback", ["model_unavailable"], 0)


async def test_a_look_that_is_older_than_the_outage_does_not_say_that_the_model_is_well(
    replicas: Replicas, tables: Tables, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "RETRY_SECONDS", (0.5, 0.5))
    go_on = asyncio.Event()

    def dawdling(stores: DraftingStores) -> DraftingStores:
        async def waiting(limit: int, *, reach_seconds: float) -> Waiting:
            return replace(await stores.queue.waiting(limit, reach_seconds=reach_seconds), urgent=True)

        async def claim_urgent(limit: int, *, reach_seconds: float) -> list[Work]:
            if model.calls:
                await go_on.wait()  # after its look at the outage, which begins meanwhile
            return await stores.queue.claim_urgent(limit, reach_seconds=reach_seconds)

        return replace(stores, queue=Changed(stores.queue, waiting=waiting, claim_urgent=claim_urgent))

    await a_session(tables)
    await tables.add_request()
    model.always(model_server.error(529))
    async with replicas.start(change=dawdling) as replica:
        await packages(tables)
        first = await named(replica.health, "model")
        seen_at = time.monotonic()
        go_on.set()

        await model.called(3)
        since = time.monotonic() - seen_at
        assert (await named(replica.health, "model")).seconds >= first.seconds + since


@pytest.mark.parametrize("status", [401, 403, 404, "spend"])
@pytest.mark.failure(23)
async def test_a_locked_model_is_away_after_one_call(
    replicas: Replicas, tables: Tables, model: ModelServer, status: int | str
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(model_server.spend_limit() if isinstance(status, str) else model_server.error(status))
    async with replicas.start(probe_seconds=30):
        (event,) = await packages(tables)
        await quiet(tables, 1)
    assert (model.calls, event["status"], event["provenance"]["attempts"]) == (1, "fallback", 1)
    assert (await tables.request())["upgrade_wanted"]


async def test_a_probe_that_dies_does_not_end_the_outage_or_lose_the_upgrade(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(model_server.error(500))
    async with replicas.start():
        await packages(tables)
    model.always(model_server.hang())
    async with replicas.start(drain_seconds=1.6):
        await model.called(model.calls + 1)
    assert await tables.count("model_outage") == 1
    model.always(None)
    async with replicas.start():
        events = await packages(tables, 2)
    assert events[1]["cause"] == "upgrade"


async def test_known_drafts_are_used_while_the_model_is_away(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    async with replicas.start(probe_seconds=30) as replica:
        await packages(tables)
        await replica.stores.outages.begin_outage("gone", probe_in_seconds=30)
        await tables.add_request(request("second"))
        events = await packages(tables, 2)
    assert (events[1]["status"], events[1]["from_cache"], model.calls) == ("ready", True, 1)


@pytest.mark.promise(8)
async def test_a_deadline_beats_a_slow_model_and_its_answer_becomes_the_upgrade(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    gate = threading.Event()
    model.always(Menu(model).held(gate))
    async with replicas.start(margin_seconds=3.0):
        await tables.add_request(deadline_at=6.0)
        await model.called()
        (fallback,) = await packages(tables)
        row = await tables.request()
        assert row["first_done_at"] < row["deadline_at"]
        assert (fallback["status"], fallback["warnings"]) == ("fallback", ["model_unavailable"])
        gate.set()
        upgrade = (await packages(tables, 2))[1]
    assert model.calls == 1
    assert (upgrade["status"], upgrade["cause"], upgrade["from_cache"]) == ("ready", "upgrade", False)
    assert upgrade["supersedes"] == fallback["package_id"]


@pytest.mark.promise(8)
async def test_a_fallback_never_queues_behind_the_model(replicas: Replicas, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request(priority=1)
    gate = threading.Event()
    model.always(Menu(model).held(gate))
    async with replicas.start(places=1, margin_seconds=3.0):
        await model.called()
        other = RequestKey("default", "other", "r")
        await tables.add_events(build.in_order(build.opened(title="Other")), other.session)
        await tables.add_request(other, deadline_at=5.0)
        (event,) = await packages(tables)
        row = await tables.request(other)
        assert row["first_done_at"] < row["deadline_at"]
        assert (event["session_id"], event["status"]) == ("other", "fallback")
        gate.set()
        events = await packages(tables, 3)
    assert sorted((event["cause"], event["status"]) for event in events) == [
        ("request", "fallback"),
        ("request", "ready"),
        ("upgrade", "ready"),
    ]
