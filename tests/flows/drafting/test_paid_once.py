"""One draft is paid for per session, bundle, prompt and model, whatever happens to its worker."""

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from consumer.adapters.postgres.core.sql import Queries, columns
from consumer.domain.bundle import bundle
from consumer.domain.events import RequestKey
from consumer.domain.reader import versions
from consumer.domain.review import gate
from consumer.domain.session import session
from consumer.domain.writing.ledger import DraftKey
from consumer.flows.drafting.drafter import FRESH_SECONDS
from consumer.flows.drafting.ports import Claim, DraftingStores, FinishResult
from tests.support import build
from tests.support.model_server import Menu, ModelServer, error
from tests.support.replicas import MODEL, Changed, Replicas, stopped
from tests.support.servers import PostgresServer
from tests.support.tables import KEY, Tables
from tests.support.waiting import until


@pytest.fixture(autouse=True)
async def _a_session(tables: Tables) -> None:
    await tables.add_events(build.in_order(build.opened(), build.fact()))


async def published(tables: Tables, count: int) -> list[dict[str, Any]]:
    async def enough() -> list[dict[str, Any]] | None:
        events = await tables.published()
        return events if len(events) >= count else None

    events: list[dict[str, Any]] = await until(enough)
    return events


async def test_a_call_under_way_is_waited_for_by_whoever_takes_the_work_again(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    """A process that stood still, or lost the database, is the first to see its expired leases."""
    await tables.add_request()
    model.always(Menu(model).slow(1.5))
    async with replicas.start(change=stopped, lease_seconds=0.4):
        await model.called()

        async def taken_again() -> bool:
            return bool((await tables.request())["attempts"] > 1)

        await until(taken_again)
        (event, *more) = await published(tables, 1)
    assert (event["status"], more, model.calls) == ("ready", [], 1)


async def test_a_secret_that_spoils_the_fallback_does_not_cost_the_call_under_way(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    answering = threading.Event()
    model.always(lambda received: replace(model.answer(received), held_by=answering))
    async with replicas.start(margin_seconds=0.5, attempt_seconds=30.0):
        await tables.add_request(deadline_at=4.0)
        await model.called()
        row = (*KEY.session, "elsewhere", "password", b"")
        await tables.execute(Queries("secrets").remember, *columns([row], 5))
        await published(tables, 1)
        answering.set()
        fallback, upgrade = await published(tables, 2)
    assert (fallback["status"], upgrade["status"], upgrade["cause"]) == ("fallback", "ready", "upgrade")
    assert fallback["provenance"]["bundle_sha256"] == upgrade["provenance"]["bundle_sha256"]
    assert model.calls == 1


async def test_a_call_that_begins_while_the_fallback_is_written_is_not_cut_off(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    answering = threading.Event()
    model.always(lambda received: replace(model.answer(received), held_by=answering))

    def slow(stores: DraftingStores) -> DraftingStores:
        """Before the fallback is written, the other claim is released and the call begins."""

        async def finish_ready(*given: Any, **named: Any) -> FinishResult:
            if not model.calls:
                await tables.execute("DELETE FROM drafts")
                await model.called()
            return await stores.endings.finish_ready(*given, **named)

        return replace(stores, endings=Changed(stores.endings, finish_ready=finish_ready))

    async with replicas.start(change=slow, margin_seconds=0.5, attempt_seconds=30.0) as replica:
        history = await replica.stores.queue.history(KEY.session)
        assert history is not None
        built = bundle.build(session.fold(KEY.session, history.events))
        other = DraftKey(*KEY.session, built.sha256, versions.PROMPTS, MODEL)
        assert isinstance(await replica.stores.ledger.claim_draft(other, drafted_for="other/1", force=False), Claim)
        await tables.add_request(deadline_at=4.0)
        await published(tables, 1)
        answering.set()
        fallback, upgrade = await published(tables, 2)
    assert (fallback["status"], upgrade["status"], model.calls) == ("fallback", "ready", 1)


async def test_an_answer_that_makes_the_service_fall_is_not_asked_for_again(
    replicas: Replicas, tables: Tables, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def falls(*_: object, **__: object) -> None:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(gate, "review", falls)
    await tables.add_request()
    await tables.add_request(RequestKey(*KEY.session, "second"))
    async with replicas.start():
        events = await published(tables, 2)
    assert [(event["status"], event["warnings"]) for event in events] == [("fallback", ["draft_rejected"])] * 2
    assert model.calls == 1


async def test_a_forced_draft_that_was_declined_late_is_not_asked_for_again(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    answering = threading.Event()
    menu = Menu(model)
    model.always(menu.says("{}"))
    model.script(lambda received: replace(menu.says("{}")(received), held_by=answering))
    async with replicas.start(margin_seconds=0.5, attempt_seconds=30.0):
        await tables.add_request(force=True, deadline_at=4.0)
        (fallback,) = await published(tables, 1)
        answering.set()

        async def settled() -> bool:
            row = await tables.request()
            return row["lease_token"] is None and not row["upgrade_wanted"]

        await until(settled)
    assert fallback["warnings"] == ["model_unavailable"]
    assert await tables.database.fetchval("SELECT state FROM drafts") == "refused"
    assert model.calls == 2, "one call and its repair"


@pytest.mark.kills_servers
async def test_a_database_that_is_killed_before_a_repair_does_not_cost_the_first_answer(
    replicas: Replicas, tables: Tables, model: ModelServer, postgres_server: PostgresServer, database: str
) -> None:
    await tables.add_request()
    menu = Menu(model)
    model.script(lambda received: replace(menu.says("garbage")(received), delay_seconds=0.5))
    async with replicas.start(lease_seconds=10.0):
        await model.called()
        await postgres_server.kill()
        await asyncio.sleep(0.7)  # the answer comes and needs a repair, while the database cannot allow it
        await postgres_server.start()
        async with Tables.of(database) as again:
            (event,) = await published(again, 1)
    assert (event["status"], event["warnings"], model.calls) == ("ready", ["repaired", "violated:unreadable:1"], 2)


OUTAGE = """
    INSERT INTO model_outage (reason, next_probe_at) VALUES ('elsewhere', now() + interval '1 minute')
    ON CONFLICT DO NOTHING
"""


async def test_a_claim_that_had_to_wait_for_its_call_looks_again_whether_the_model_is_away(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    def late(stores: DraftingStores) -> DraftingStores:
        async def claim_draft(*about: Any, **more: Any) -> Any:
            claim = await stores.ledger.claim_draft(*about, **more)
            await tables.execute(OUTAGE)
            await asyncio.sleep(FRESH_SECONDS)
            return claim

        return replace(stores, ledger=Changed(stores.ledger, claim_draft=claim_draft))

    await tables.add_request()
    async with replicas.start(change=late):
        (event,) = await published(tables, 1)
    assert (event["status"], model.calls) == ("fallback", 0)


async def test_before_a_repair_it_looks_again_whether_the_model_is_away(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    def out(stores: DraftingStores) -> DraftingStores:
        async def open_call(*about: Any, **more: Any) -> Any:
            number = await stores.accounts.open(*about, **more)
            await tables.execute(OUTAGE)
            return number

        return replace(stores, accounts=Changed(stores.accounts, open=open_call))

    await tables.add_request()
    model.always(Menu(model).says("Sure! Here is something else."))
    async with replicas.start(change=out, check_model=None):
        (event,) = await published(tables, 1)
    assert (event["status"], model.calls) == ("fallback", 1)


async def test_a_claim_whose_giving_back_is_cut_off_does_not_stand_in_the_way_for_ever(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    """A cancellation comes while it is given back: of the work, or one of asyncpg's own as its connection ends."""
    cut_off: list[Claim] = []

    def cutting(stores: DraftingStores) -> DraftingStores:
        async def release_draft(claim: Claim) -> None:
            if not cut_off:
                cut_off.append(claim)
                raise asyncio.CancelledError
            await stores.ledger.release_draft(claim)

        return replace(stores, ledger=Changed(stores.ledger, release_draft=release_draft))

    await tables.add_request(deadline_at=20.0)
    model.always(error(529))
    async with replicas.start(change=cutting, lease_seconds=1.0):

        async def is_cut_off() -> bool:
            return bool(cut_off)

        await until(is_cut_off)
        model.always(None)
        events = await published(tables, 1)
        if events[0]["status"] == "fallback":
            events = await published(tables, 2)
    assert events[-1]["status"] == "ready"
