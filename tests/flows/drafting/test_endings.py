"""The end of a request, of a session, of a process, of a database."""

import asyncio
import threading
import time
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.request.work import IN_COMPANY, Work
from consumer.domain.session import session
from consumer.domain.session.history import SessionHistory
from consumer.domain.writing import prompt
from consumer.flows.drafting import lease_keeper
from consumer.flows.drafting.ports import DraftingStores
from consumer.flows.operation.meters import Meter
from tests.flows.drafting.steps import a_session, packages, quiet
from tests.support import build, model_server
from tests.support.model_server import Menu, ModelServer
from tests.support.replicas import Changed, Replicas, stopped
from tests.support.servers import PostgresServer
from tests.support.tables import Tables
from tests.support.waiting import until


@pytest.mark.failure(41)
async def test_a_cancellation_while_drafting_wins(replicas: Replicas, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    gate = threading.Event()
    model.always(Menu(model).held(gate))
    async with replicas.start():
        await model.called()
        await tables.change_request(state="cancelled")
        gate.set()

        async def drafted() -> bool:
            return bool(await tables.database.fetchval("SELECT state = 'drafted' FROM drafts"))

        await until(drafted)
    assert await tables.published() == []
    assert await tables.count("packages") == 0


@pytest.mark.failure(41)
async def test_nothing_of_a_session_that_is_erased_while_drafting_is_kept(
    replicas: Replicas, tables: Tables, model: ModelServer, redis_url: str, topic_prefix: str
) -> None:
    await a_session(tables)
    await tables.add_request()
    gate = threading.Event()
    model.always(Menu(model).held(gate))
    async with replicas.start():
        await model.called()
        async with tables.transaction() as same:  # as intake does
            await same.execute("UPDATE sessions SET erased_at = now()")
            await same.execute("DELETE FROM session_events")
            await same.execute("DELETE FROM drafts")
        gate.set()
        (event,) = await packages(tables)
    assert (event["type"], event["reason"]) == ("package_failed", "session_erased")
    assert len(await tables.published()) == 1
    assert await tables.count("drafts") == await tables.count("packages") == 0
    async with Redis.from_url(redis_url) as redis:
        names = [name async for name in redis.scan_iter(f"{topic_prefix}*")]
        assert {value for name in names for value in await redis.hvals(name)} <= {b""}, "of an admission"


@pytest.mark.failure(4)
async def test_a_zombie_writes_nothing(replicas: Replicas, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    gate = threading.Event()
    model.script(Menu(model).held(gate))
    async with replicas.start(change=stopped, lease_seconds=1.0, drain_seconds=60.0) as zombie:
        await model.called()
        zombie.stop.set()  # takes nothing new, and still has its call under way
        async with replicas.start():
            (event,) = await packages(tables)
            gate.set()
            await zombie.task
    assert event["status"] == "ready"
    assert len(await tables.published()) == 1
    assert model.calls <= 2
    assert await tables.count("drafts") == 1


async def test_a_zombie_calls_no_more(replicas: Replicas, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    menu, gate = Menu(model), threading.Event()
    model.script(lambda received: replace(menu.says("garbage")(received), held_by=gate))
    async with replicas.start(change=stopped, lease_seconds=1.0, drain_seconds=60.0) as zombie:
        await model.called()
        zombie.stop.set()
        async with replicas.start():
            (event,) = await packages(tables)
            gate.set()
            await zombie.task
    assert (event["status"], model.calls) == ("ready", 2), "its answer would have needed a repair"


async def test_a_stop_lets_what_is_under_way_finish(replicas: Replicas, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    gate = threading.Event()
    model.always(Menu(model).held(gate))
    async with replicas.start(drain_seconds=60.0) as replica:
        await model.called()
        replica.stop.set()
        await quiet(tables, 0, seconds=0.2)
        gate.set()
        await replica.task
        assert len(await tables.published()) == 1


async def test_a_stop_hands_back_what_takes_too_long(
    replicas: Replicas, tables: Tables, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_keeper, "RELEASE_SECONDS", 10.0)  # on a busy machine, too
    await a_session(tables)
    await tables.add_request()
    model.script(model_server.hang())
    async with replicas.start(drain_seconds=12.0, lease_seconds=60) as replica:
        await model.called()
        began = time.monotonic()
        await replica.end()
        assert time.monotonic() - began < 12.0
    row = await tables.request()
    assert (row["lease_token"], row["attempts"]) == (None, 0)
    assert row["due_in_seconds"] <= 0
    assert await tables.count("drafts") == 0
    async with replicas.start():
        (event,) = await packages(tables)
    assert event["status"] == "ready"


@pytest.mark.failure(16)
async def test_work_that_always_fails_ends_and_holds_up_nobody(
    replicas: Replicas, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = session.fold

    def falls(key: Any, events: Any) -> Any:
        if key.session_id == "cursed":
            raise RuntimeError("no")
        return fold(key, events)

    monkeypatch.setattr(session, "fold", falls)
    cursed = RequestKey("default", "cursed", "r")
    await tables.add_events(build.in_order(build.opened()), cursed.session)
    await tables.add_request(cursed, priority=1)
    await a_session(tables)
    await tables.add_request()
    async with replicas.start(places=1):
        events = await packages(tables, 2)
    by_session = {event["session_id"]: event for event in events}
    assert by_session["session-1"]["status"] == "ready"
    assert by_session["cursed"]["reason"] == "unprocessable"
    assert (await tables.request(cursed))["attempts"] == IN_COMPANY + 1, "the last time by rules"


async def test_rules_step_in_when_the_way_to_the_model_always_fails(
    replicas: Replicas, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    def falls(*_: object) -> str:
        raise RuntimeError("no")

    monkeypatch.setattr(prompt, "user_turn", falls)
    await a_session(tables)
    await tables.add_request()
    async with replicas.start():
        (event,) = await packages(tables)
    assert event["status"] == "fallback"


@pytest.mark.kills_servers
@pytest.mark.failure(2, 26)
async def test_a_database_that_is_killed_under_way_costs_no_call_and_no_package(
    replicas: Replicas, tables: Tables, model: ModelServer, postgres_server: PostgresServer, database: str
) -> None:
    await a_session(tables)
    for number in range(4):
        key = RequestKey("default", f"s{number}", "r")
        await tables.add_events(build.in_order(build.opened(title=f"Session {number}")), key.session)
        await tables.add_request(key)
    gate = threading.Event()
    model.always(Menu(model).held(gate))
    async with replicas.start() as replica:
        await model.called(4)
        await postgres_server.kill()
        gate.set()

        async def answered() -> bool:
            return replica.meters.counts.get((Meter.MODEL_CALLS, "complete")) == 4

        await until(answered)  # while nobody can store them
        await postgres_server.start()
        async with Tables.of(database) as again:
            events = await packages(again, 4)
    assert {event["status"] for event in events} == {"ready"}
    assert model.calls == 4


@pytest.mark.failure(57)
async def test_work_that_a_library_cancels_is_done_again_and_leases_are_renewed_on(
    replicas: Replicas, tables: Tables
) -> None:
    """The drivers cancel their own futures; nobody has asked the work to end."""
    cancelled = {"history": 1, "renew": 1}
    renewed = asyncio.Event()

    def changed(stores: DraftingStores) -> DraftingStores:
        async def history(key: SessionKey) -> SessionHistory | None:
            if cancelled["history"]:
                cancelled["history"] -= 1
                raise asyncio.CancelledError
            return await stores.queue.history(key)

        async def renew(works: Collection[Work]) -> None:
            if cancelled["renew"]:
                cancelled["renew"] -= 1
                raise asyncio.CancelledError
            await stores.queue.renew(works)
            renewed.set()

        return replace(stores, queue=Changed(stores.queue, history=history, renew=renew))

    await a_session(tables)
    await tables.add_request()
    async with replicas.start(change=changed, places=1, lease_seconds=0.6) as replica:
        (event,) = await packages(tables)
        await asyncio.wait_for(renewed.wait(), 10)
        assert not replica.task.done()
    assert event["type"] == "package_ready"
    assert cancelled == {"history": 0, "renew": 0}
