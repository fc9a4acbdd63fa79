"""Replays in the console: planned, compared, applied, stopped and cancelled, by who signed in alone."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from consumer.adapters.http.console.readers import Readers
from consumer.adapters.postgres.core.pool import Pool
from consumer.flows.drafting.ports import Lane
from consumer.flows.drafting.worker import ModelUse
from consumer.flows.replay import applying
from consumer.settings import Settings
from consumer.wiring.operation import console_readers, metrics
from tests.support.console import TOKEN, Surfer, healthy, serving, surfing
from tests.support.store_filler import StoreFiller
from tests.support.waiting import until
from tests.support.wire import FACT, change, request

HOSTILE = "<script>alert(1)</script><img src=x>"


@pytest.fixture
async def readers(pool: Pool) -> Readers:
    settings = Settings().model_copy(update={"anthropic_api_key": SecretStr("a key that is never used")})
    return console_readers(settings, pool=pool, health=healthy(), meters=metrics())


@pytest.fixture
async def surfer(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Surfer]:
    monkeypatch.setattr(applying, "TICK_SECONDS", 0.05)
    async with serving(readers, token=TOKEN) as base, surfing(base) as made:
        yield made


@pytest.fixture
async def filled(pool: Pool) -> StoreFiller:
    """Three packages by rules, whose sessions have changed since in a way that yields no revision."""
    filler = StoreFiller(pool)
    for number in range(3):
        session = f"s{number}"
        await filler.store(
            change("session.opened.v1", {"title": f"Printer {HOSTILE}"}, version=1, subject=session),
            change(data=FACT | {"text": f"It is slow. {HOSTILE}"}, version=2, subject=session),
            request(f"r{number}", attributes={"subject": session}),
        )
    await filler.draft()
    for number in range(3):
        session = f"s{number}"
        await filler.store(change(data=FACT | {"text": f"It is quick. {HOSTILE}"}, version=3, subject=session))
    await pool.execute("UPDATE requests SET due_at = NULL")
    return filler


async def planned(surfer: Surfer, **fields: str) -> str:
    """The address of a new plan."""
    answer = await surfer.submit("/replays", "/replays/plan", **fields)
    assert answer.status == 303, answer.said
    return str(answer.headers["Location"])


@pytest.mark.usefixtures("filled")
async def test_a_plan_tells_what_changes_and_what_it_costs(surfer: Surfer) -> None:
    await surfer.sign_in()
    with capture_logs() as logged:
        url = await planned(surfer, limit="2")
    assert [(line["action"], line["operator"]) for line in logged if line["event_name"] == "console_action"] == [
        ("plan a replay", "Ada")
    ]
    answer = await surfer.get(url)
    assert "2 packages: 2 for another model, 2 for another bundle" in answer.said
    assert "2 by calls of the model" in answer.said
    assert [mark.get_text().strip() for mark in answer.page.find_all("ins")] == ["quick"] * 2
    assert "The model will write it." in answer.said
    assert [word for word in ("<script>alert", "<img") if word in answer.text] == []
    assert (await surfer.get("/replays")).page.find("a", href=url) is not None


@pytest.mark.usefixtures("filled")
async def test_it_is_previewed_applied_stopped_and_goes_on(
    surfer: Surfer, pool: Pool, readers: Readers, filled: StoreFiller
) -> None:
    await surfer.sign_in()
    url = await planned(surfer)
    replay_id = url.removeprefix("/replay?id=")
    form = f"/replay/preview?id={replay_id}&model=configured&publish=yes&at_once=2&spend_limit=1.5"
    preview = await surfer.get(form)
    assert "3 requests would be taken up, and revisions published" in preview.said
    assert "3 calls of claude-sonnet-5-5" in preview.said
    assert "It stops at $1.50" in preview.said
    assert await pool.fetchval("SELECT state FROM replays") == "planned", "a preview changes nothing"
    with capture_logs() as logged:
        assert (await surfer.submit(form, "/replay/apply")).headers["Location"] == url
        await until(lambda: _released(pool, 2))
        watched = await surfer.get(url)
        assert "This replica applies it." in watched.said
        assert watched.headers["Refresh"] == "3"
        assert (await surfer.submit(url, "/replay/stop")).status == 303
    done = [line for line in logged if line["event_name"] == "console_action"]
    assert [(line["action"], line["replay_id"], line["operator"]) for line in done] == [
        ("apply a replay", replay_id, "Ada"),
        ("stop a replay", replay_id, "Ada"),
    ]
    assert (done[0]["publishes"], done[0]["spend_limit_usd"], done[0]["at_once"]) == (True, 1.5, 2)
    await until(lambda: _is(pool, "paused"))
    await until(lambda: _here(readers, replay_id, False))
    assert await pool.fetchval("SELECT count(*) FROM requests WHERE cause = 'replay'") == 0, "taken back"
    await pool.execute("UPDATE requests SET due_at = NULL")
    with capture_logs():
        await surfer.submit(form.replace("model=configured", "model=none"), "/replay/apply")
        await until(lambda: _worked(filled, pool))
    assert "3 of 3 requests" in (await surfer.get(url)).said


@pytest.mark.usefixtures("filled")
async def test_the_end_of_the_service_stops_what_it_applies(
    readers: Readers, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "TICK_SECONDS", 0.05)
    with capture_logs():
        async with serving(readers, token=TOKEN) as base, surfing(base) as surfer:
            await surfer.sign_in()
            replay_id = (await planned(surfer)).removeprefix("/replay?id=")
            await surfer.submit(f"/replay/preview?id={replay_id}", "/replay/apply")
            await until(lambda: _is(pool, "applying"), within_seconds=10)
    assert await pool.fetchval("SELECT state FROM replays") == "paused"


@pytest.mark.usefixtures("filled")
async def test_who_is_not_signed_in_changes_nothing(surfer: Surfer, readers: Readers, pool: Pool) -> None:
    await surfer.sign_in()
    url = await planned(surfer)
    replay_id = url.removeprefix("/replay?id=")
    acts = ("/replays/plan", "/replay/apply", "/replay/stop", "/replay/cancel")
    for action in acts:
        forged = await surfer.post(action, {"id": replay_id, "publish": "yes"})
        assert forged.status == 403, "signed in, but not by a form of the console"
    async with serving(readers, token=TOKEN) as base, surfing(base) as stranger, serving(readers) as open_base:
        assert (await stranger.get(f"/replay/preview?id={replay_id}")).status == 403
        assert "Sign in" in (await stranger.get(url)).said
        assert (await stranger.get(url)).page.find("form", method="post") is None
        for action in acts:
            assert (await stranger.post(action, {"id": replay_id})).status == 403
        async with surfing(open_base) as reader_only:
            assert "replay apply" in (await reader_only.get(url)).said
            for action in acts:
                assert (await reader_only.post(action, {"id": replay_id})).status == 403
    assert [row["state"] for row in await pool.fetch("SELECT state FROM replays")] == ["planned"]


@pytest.mark.usefixtures("filled")
async def test_what_cannot_be_done_is_said(surfer: Surfer, pool: Pool) -> None:
    await surfer.sign_in()
    assert "No replay has been planned" in (await surfer.get("/replays")).said
    assert (await surfer.get("/replay?id=nothing")).status == 404
    assert (await surfer.submit("/replays", "/replays/plan", limit="5000")).status == 400
    assert (await surfer.submit("/replays", "/replays/plan", since="soon")).status == 400
    url = await planned(surfer)
    replay_id = url.removeprefix("/replay?id=")
    answer = await surfer.get(f"/replay/preview?id={replay_id}&model=none")
    assert (answer.status, "it can only publish" in answer.said) == (409, True)
    assert (await surfer.get(f"/replay/preview?id={replay_id}&at_once=0")).status == 400
    with capture_logs():
        assert (await surfer.submit(url, "/replay/cancel")).status == 303
    assert await pool.fetchval("SELECT state FROM replays") == "cancelled"
    answer = await surfer.get(f"/replay/preview?id={replay_id}&publish=yes")
    assert (answer.status, "was cancelled" in answer.said) == (409, True)


async def _released(pool: Pool, count: int) -> bool:
    return bool(await pool.fetchval("SELECT count(*) = $1 FROM replay_items WHERE state = 'released'", count))


async def _worked(filler: StoreFiller, pool: Pool) -> bool:
    for work in await filler._stores.queue.claim(Lane.REPLAY, 10):
        await filler._worker.do(work, ModelUse.NEVER)
    return await _is(pool, "done")


async def _is(pool: Pool, state: str) -> bool:
    return bool(await pool.fetchval("SELECT state = $1 FROM replays", state))


async def _here(readers: Readers, replay_id: str, here: bool) -> bool:
    return readers.replays.is_applied_here(replay_id) is here
