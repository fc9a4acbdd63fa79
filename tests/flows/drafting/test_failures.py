"""Work that fails: what is the session's own fault ends its request, what is the service's ends nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from consumer.domain.events import RequestKey, SessionKey
from consumer.domain.request.work import Work
from consumer.domain.session import session
from consumer.errors import Transient
from consumer.flows.drafting import failures
from consumer.flows.drafting import loop as drafting
from consumer.flows.drafting.ports import DraftingStores
from tests.flows.drafting.steps import a_session, named, packages, quiet
from tests.support import build
from tests.support.replicas import Changed, Replicas
from tests.support.tables import KEY, Tables

Falls = Callable[[SessionKey], bool]
FAULTS: dict[str, Falls] = {
    "every session": lambda _: True,
    "every session but the sample": lambda key: key.session_id.startswith("s"),
}


async def five_sessions(tables: Tables) -> None:
    for number in range(5):
        key = RequestKey("default", f"s{number}", "r")
        await tables.add_events(build.in_order(build.opened(), build.fact()), key.session)
        await tables.add_request(key)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What of `FAULTS` is in force; folding then fails."""
    in_force: set[str] = set()
    fold = session.fold

    def falls(key: SessionKey, events: Any) -> Any:
        if any(FAULTS[name](key) for name in in_force):
            raise RuntimeError("no")
        return fold(key, events)

    monkeypatch.setattr(session, "fold", falls)
    return in_force


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.failure(51)
@pytest.mark.promise(11)
async def test_a_release_that_can_draft_nothing_ends_nothing(
    replicas: Replicas, tables: Tables, faults: set[str], fault: str
) -> None:
    faults.add(fault)
    await five_sessions(tables)
    async with replicas.start() as replica:
        stuck = await named(replica.health, "drafting")
        await quiet(tables, 0, seconds=1.5)  # many tries
        assert "RuntimeError for every session" in (await named(replica.health, "drafting")).reason, stuck
    assert await tables.database.fetchval("SELECT count(*) FROM requests WHERE state = 'open'") == 5
    faults.clear()
    async with replicas.start() as mended:
        events = await packages(tables, 10)
        assert not [stuck for stuck in mended.health.stuck() if stuck.what == "drafting"]
    last = {event["session_id"]: event["status"] for event in events}
    assert set(last.values()) == {"ready"}, "what was tried in vain is drafted by rules first"


@pytest.mark.failure(16)
async def test_a_session_that_cannot_be_drafted_ends_though_no_other_comes(
    replicas: Replicas, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = session.fold

    def falls(key: SessionKey, events: Any) -> Any:
        if key == KEY.session:
            raise RuntimeError("no")
        return fold(key, events)

    monkeypatch.setattr(session, "fold", falls)
    await a_session(tables)
    await tables.add_request()
    async with replicas.start():
        (event,) = await packages(tables)
    assert (event["reason"], event["detail"]) == ("unprocessable", failures.FAILED_DETAIL)
    assert event["psa_ticket"]["ticket_id"] == build.TICKET["ticket_id"]


async def test_an_await_that_never_returns_ends_with_its_lease(
    replicas: Replicas, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafting, "LONGEST_WORK_SECONDS", 1.0)

    def hanging(stores: DraftingStores) -> DraftingStores:
        async def history(key: SessionKey) -> Any:
            if key.session_id == "hangs":
                await asyncio.Event().wait()
            return await stores.queue.history(key)

        return replace(stores, queue=Changed(stores.queue, history=history))

    hangs = RequestKey("default", "hangs", "r")
    await tables.add_events(build.in_order(build.opened()), hangs.session)
    await tables.add_request(hangs, priority=1)
    await a_session(tables)
    await tables.add_request()
    async with replicas.start(places=1, attempt_seconds=0.2, change=hanging):
        by_session = {event["session_id"]: event for event in await packages(tables, 2)}
    assert by_session["session-1"]["type"] == "package_ready"
    assert by_session["hangs"]["reason"] == "unprocessable"


async def test_a_database_that_goes_away_again_and_again_makes_nobody_suspect(
    replicas: Replicas, tables: Tables
) -> None:
    """Neither the work nor its lease can be finished, so each time the lease runs out."""
    left = 2 * drafting.RULES_PLACES

    def away(stores: DraftingStores) -> DraftingStores:
        def fails() -> None:
            nonlocal left
            left -= 1
            if left >= 0:
                raise Transient

        async def history(key: SessionKey) -> Any:
            fails()
            return await stores.queue.history(key)

        async def release(work: Work, *, in_seconds: float, counted: bool) -> None:
            fails()
            await stores.queue.release(work, in_seconds=in_seconds, counted=counted)

        return replace(stores, queue=Changed(stores.queue, history=history, release=release))

    await a_session(tables)
    await tables.add_request()
    async with replicas.start(change=away, lease_seconds=1.0):
        (event,) = await packages(tables)
    assert event["status"] == "ready"
