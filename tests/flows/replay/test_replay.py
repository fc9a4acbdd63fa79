"""Planned replays on a real PostgreSQL and Redis, with a loopback model: their cost and their events."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from consumer.adapters.postgres.core.pool import Pool, open_pool
from consumer.adapters.postgres.replay.plans import PostgresPlans
from consumer.adapters.postgres.replay.replays import PostgresReplays
from consumer.domain.events import RequestKey
from consumer.domain.reader import versions
from consumer.domain.rendering import listing, markdown
from consumer.domain.replay.comparison import Difference
from consumer.domain.replay.plan import Plan
from consumer.domain.request.schedule import RevisionRules
from consumer.errors import Permanent
from consumer.flows.drafting import failures
from consumer.flows.drafting.calls import pace
from consumer.flows.drafting.ports import Lane
from consumer.flows.replay import applying
from consumer.flows.replay.applying import Limits, ReplayProgress, ReplayState, Standstill
from consumer.flows.replay.planning import Chosen, Planner
from consumer.settings import Settings
from consumer.wiring.jobs import replays
from tests.support import build, model_server
from tests.support.model_server import Menu, ModelServer
from tests.support.replicas import MODEL, Replicas
from tests.support.tables import Tables
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("filled")

RULES = RevisionRules(after_seconds=0.1, window_seconds=3600, limit=5)
REQUESTS = 6
Packages = list[dict[str, Any]]


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database, name="test", max_size=4)
    yield opened
    await opened.close()


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pace, "RETRY_SECONDS", (0.05, 0.1))
    monkeypatch.setattr(failures, "BACKOFF_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(applying, "TICK_SECONDS", 0.05)
    with capture_logs():
        yield


@dataclass(frozen=True, slots=True)
class Replaying:
    """Plans and applies."""

    pool: Pool

    @property
    def replays(self) -> PostgresReplays:
        return PostgresReplays(self.pool, rules=RULES)

    async def plan(self, replay_id: str = "april", **chosen: Any) -> Plan:
        plans = PostgresPlans(self.pool)
        plan = await Planner(source=plans, model_name=MODEL, calls_at_once=8).plan(Chosen(**chosen))
        await plans.put(replay_id, Chosen(**chosen), plan)
        return plan

    async def apply(
        self,
        replay_id: str = "april",
        *,
        calls_model: bool = True,
        publishes: bool = True,
        limits: Limits = Limits(at_once=4, per_minute=None, spend_usd=None),  # noqa: B008 - frozen
        patience_seconds: float | None = None,
        nobody: str | None = None,
    ) -> ReplayProgress:
        await self.replays.begin(replay_id, calls_model=calls_model, publishes=publishes, model=MODEL)
        standstill = None
        if patience_seconds is not None:
            standstill = Standstill(limits, patience_seconds=patience_seconds, nobody=nobody, clock=time.monotonic)
        async with asyncio.timeout(30):
            last = await applying.apply_plan(
                self.replays, replay_id, limits, stop=asyncio.Event(), tell=lambda _: None, standstill=standstill
            )
        return replace(await self.replays.progress(replay_id), stands=last.stands)


@pytest.fixture
def replaying(pool: Pool) -> Replaying:
    return Replaying(pool)


def key(number: int) -> RequestKey:
    return RequestKey("default", f"session-{number}", "r1")


@pytest.fixture
async def filled(replicas: Replicas, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Packages:
    """One package per session, drafted with an older prompt."""
    for number in range(REQUESTS):
        title = f"Printer {number} is offline"
        await tables.add_events(build.in_order(build.opened(title=title), build.fact()), key(number).session)
        await tables.add_request(key(number))
    with monkeypatch.context() as patch:
        patch.setattr(versions, "PROMPTS", "older")
        async with replicas.start():
            return await published(tables, REQUESTS)


async def published(tables: Tables, count: int) -> Packages:
    """All published events: exactly `count`."""

    async def enough() -> bool:
        return len(await tables.published()) >= count

    await until(enough)
    events = await tables.published()
    assert len(events) == count
    return events


async def idle(tables: Tables) -> bool:
    return not await tables.database.fetchval(
        "SELECT count(*) FROM requests WHERE due_at IS NOT NULL OR lease_token IS NOT NULL OR cause = 'replay'"
    )


async def test_a_plan_foretells_the_calls_and_the_price_and_applying_makes_them_so(
    replicas: Replicas, tables: Tables, model: ModelServer, replaying: Replaying
) -> None:
    plan = await replaying.plan()
    assert (plan.figures.requests, plan.figures.changed, plan.figures.model_calls) == (REQUESTS, REQUESTS, REQUESTS)
    assert plan.figures.why["prompt"] == REQUESTS
    assert (model.calls, await idle(tables)) == (REQUESTS, True), "planning paid for something, or made it due"
    async with replicas.start():
        progress = await replaying.apply()
        events = (await published(tables, 2 * REQUESTS))[REQUESTS:]
    assert model.calls == 2 * REQUESTS
    assert (progress.state, progress.revised, progress.calls) == (ReplayState.DONE, REQUESTS, REQUESTS)
    assert {(event["cause"], event["replay_id"], event["revision"]) for event in events} == {("replay", "april", 2)}
    assert plan.figures.price_usd is not None
    assert progress.spent_usd == pytest.approx(plan.figures.price_usd, rel=0.25)
    assert await idle(tables)
    assert (await replaying.plan("may")).items == ()


async def test_without_publishing_drafts_are_kept_and_publishing_them_later_is_free(
    replicas: Replicas, tables: Tables, model: ModelServer, replaying: Replaying
) -> None:
    await replaying.plan()
    async with replicas.start():
        progress = await replaying.apply(publishes=False)
        assert (progress.drafted, len(await tables.published())) == (REQUESTS, REQUESTS)
        calls = model.calls
        progress = await replaying.apply()
        events = await published(tables, 2 * REQUESTS)
    assert (progress.revised, model.calls, calls) == (REQUESTS, calls, 2 * REQUESTS)
    assert {event["status"] for event in events} == {"ready"}


async def test_without_the_model_texts_are_made_of_stored_drafts_where_they_differ(
    replicas: Replicas, tables: Tables, model: ModelServer, replaying: Replaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await replaying.plan("before")).figures.rendered == 0
    monkeypatch.setattr(markdown, "title", lambda _: "Another title")
    assert (await replaying.plan("titles")).figures.rendered == 0, "the title is no part of the text"
    monkeypatch.setattr(markdown, "_problem", lambda _bundle, _draft: listing.Line.of("Worded anew."))
    plan = await replaying.plan()
    assert plan.figures.rendered == REQUESTS
    async with replicas.start(key=False):
        progress = await replaying.apply(calls_model=False)
        events = (await published(tables, 2 * REQUESTS))[REQUESTS:]
        await replaying.plan("again")
        assert (await replaying.apply("again", calls_model=False)).revised == 0
    assert (model.calls, progress.revised) == (REQUESTS, REQUESTS)
    assert {event["sections"][0]["markdown"] for event in events} == {"Worded anew."}
    assert {(event["provenance"]["prompt_version"], event["from_cache"]) for event in events} == {("older", True)}


async def test_what_changes_is_shown_as_far_as_it_is_known(
    replicas: Replicas, tables: Tables, model: ModelServer, replaying: Replaying
) -> None:
    await tables.add_events([build.fact("News.", fact_id="f2", version=9)], key(1).session)
    await replaying.plan(sessions=("session-1",))
    settings = Settings(database_url=SecretStr(replicas.dsn), model=MODEL)

    async def shown(*, calls_model: bool = True) -> Difference:
        (difference,) = await replays.compare_plan(
            settings, "april", request=None, session_id=None, limit=5, calls_model=calls_model
        )
        return difference

    foretold = await shown()
    assert (foretold.request, foretold.why, foretold.drafted) == (key(1), ("bundle", "prompt"), False)
    after = {change.heading: change.after for change in foretold.changes}
    assert "News." in (after["What we've confirmed"] or "")
    assert after["Problem"] is None, "the model has not been asked yet"
    assert model.calls == REQUESTS
    async with replicas.start(rules=RevisionRules(after_seconds=60, window_seconds=3600, limit=0)):
        await replaying.apply(publishes=False)
    known = await shown()
    assert (known.drafted, [change.heading for change in known.changes]) == (True, ["What we've confirmed"])


async def test_requests_are_chosen(replaying: Replaying, tables: Tables) -> None:
    async def chosen(**by: Any) -> int:
        plan = await replaying.plan(f"by-{by}", **by)
        return plan.figures.requests

    await tables.execute("UPDATE packages SET status = 'fallback', model = NULL WHERE session_id = 'session-0'")
    assert await chosen() == REQUESTS
    assert await chosen(sessions=("session-1", "session-2")) == 2
    assert await chosen(requests=("r1",), limit=4) == 4
    assert await chosen(tenants=("nobody",)) == 0
    assert await chosen(status="fallback") == 1
    assert await chosen(model=MODEL, cause="request") == REQUESTS - 1
    assert await chosen(prompt_version="older") == REQUESTS
    assert await chosen(since=build.START) == REQUESTS
    assert await chosen(until=build.START) == 0


async def test_requests_of_one_session_share_a_call(replicas: Replicas, tables: Tables, replaying: Replaying) -> None:
    await tables.add_request(RequestKey("default", "session-1", "r2"))
    async with replicas.start():
        await published(tables, REQUESTS + 1)  # with the new prompt
    plan = await replaying.plan()
    assert (plan.figures.model_calls, plan.figures.sources["ledger"]) == (REQUESTS - 1, 1)
    await tables.execute("DELETE FROM drafts")
    await tables.execute("UPDATE packages SET prompt_version = 'older'")
    plan = await replaying.plan("shared")
    assert (plan.figures.model_calls, plan.figures.sources["shared"]) == (REQUESTS, 1)


async def test_spending_stays_within_its_limit_and_goes_on_with_a_higher_one(
    replicas: Replicas, model: ModelServer, replaying: Replaying
) -> None:
    plan = await replaying.plan()
    assert plan.figures.price_usd is not None
    half = plan.figures.price_usd / 2
    async with replicas.start():
        progress = await replaying.apply(limits=Limits(at_once=2, per_minute=None, spend_usd=half))
        assert progress.state is ReplayState.PAUSED
        assert 0 < progress.revised < REQUESTS
        assert progress.spent_usd is not None
        assert progress.spent_usd <= half * 1.25  # as far as a call's price can be foretold
        assert (await replaying.apply(limits=Limits(at_once=2, per_minute=None, spend_usd=100))).revised == REQUESTS
    assert model.calls == 2 * REQUESTS


async def test_requests_are_made_due_at_the_rate_that_was_given(tables: Tables, replaying: Replaying) -> None:
    await replaying.plan()
    replays = replaying.replays
    await replays.begin("april", calls_model=True, publishes=True, model=MODEL)
    slowly = Limits(at_once=100, per_minute=3, spend_usd=None)
    await tables.execute("UPDATE replays SET paced_at = now() - interval '45 seconds'")
    assert (await replays.advance("april", slowly)).released == 2
    assert (await replays.advance("april", slowly)).released == 2
    await tables.execute("UPDATE replays SET paced_at = now() - interval '10 minutes'")
    assert (await replays.advance("april", slowly)).released == 5, "time that was not used is not saved up"


async def test_cancelling_takes_back_what_nobody_works_on(
    replicas: Replicas, tables: Tables, model: ModelServer, replaying: Replaying
) -> None:
    await replaying.plan()
    replays = replaying.replays
    await replays.begin("april", calls_model=True, publishes=True, model=MODEL)
    await replays.advance("april", Limits(at_once=3, per_minute=None, spend_usd=None))
    assert not await idle(tables)
    progress = await replays.cancel("april")
    assert (progress.state, progress.planned, progress.released) == (ReplayState.CANCELLED, REQUESTS, 0)
    assert await idle(tables)
    with pytest.raises(Permanent, match="cancelled"):
        await replays.begin("april", calls_model=True, publishes=True, model=MODEL)
    # A drafter lets go of requests that a cancellation could not lock.
    await tables.execute("UPDATE requests SET due_at = now(), cause = 'replay', replay_id = 'april', rank = 23")
    async with replicas.start():
        await until(lambda: idle(tables))
    assert (model.calls, len(await tables.published())) == (REQUESTS, REQUESTS)


async def test_a_pause_lets_news_be_told_that_came_meanwhile(
    replicas: Replicas, tables: Tables, replaying: Replaying
) -> None:
    await replaying.plan(sessions=("session-1",))
    replays = replaying.replays
    await replays.begin("april", calls_model=True, publishes=True, model=MODEL)
    await replays.advance("april", Limits(at_once=3, per_minute=None, spend_usd=None))
    await tables.add_events([build.fact("News.", fact_id="f2", version=9)], key(1).session)
    await replays.pause("april")
    row = await tables.request(key(1))
    assert (row["cause"], row["due_at"] is not None) == ("state_changed", True)
    async with replicas.start():
        events = await published(tables, REQUESTS + 1)
    assert (events[-1]["cause"], events[-1]["state_version"]) == ("state_changed", 9)


async def test_a_draft_that_is_kept_does_not_swallow_a_change(
    replicas: Replicas, tables: Tables, replaying: Replaying
) -> None:
    await tables.add_events([build.fact("News.", fact_id="f2", version=9)], key(1).session)
    plan = await replaying.plan(sessions=("session-1",))
    assert set(plan.items[0].why) == {"bundle", "prompt"}
    async with replicas.start():
        await replaying.apply(publishes=False)
        events = await published(tables, REQUESTS + 1)
    assert (events[-1]["cause"], events[-1]["from_cache"], events[-1]["state_version"]) == ("state_changed", False, 9)


async def test_a_release_with_another_prompt_leaves_the_replay_to_those_it_was_planned_for(
    replicas: Replicas, model: ModelServer, replaying: Replaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    await replaying.plan()
    await replaying.replays.begin("april", calls_model=True, publishes=True, model=MODEL)
    await replaying.replays.advance("april", Limits(at_once=3, per_minute=None, spend_usd=None))
    with monkeypatch.context() as patch:
        patch.setattr(versions, "PROMPTS", "newest")
        async with replicas.start() as other:
            assert await other.stores.queue.claim(Lane.REPLAY, 10) == []
        with pytest.raises(Permanent, match="Plan again"):
            await replaying.replays.begin("april", calls_model=True, publishes=True, model=MODEL)
    async with replicas.start(key=False) as keyless:
        assert await keyless.stores.queue.claim(Lane.REPLAY, 10) == []
    assert model.calls == REQUESTS


@pytest.mark.failure(34)
async def test_replays_leave_places_at_the_model_to_live_work(
    replicas: Replicas, tables: Tables, model: ModelServer, replaying: Replaying
) -> None:
    model.always(Menu(model).slow(1.0))
    await replaying.plan()
    await replaying.replays.begin("april", calls_model=True, publishes=True, model=MODEL)
    await replaying.replays.advance("april", Limits(at_once=100, per_minute=None, spend_usd=None))
    async with replicas.start(places=3, replay_places=2):

        async def two_calls() -> bool:
            return model.calls == REQUESTS + 2

        await until(two_calls)
        await tables.add_events(build.in_order(build.opened(title="Live")), key(99).session)
        await tables.add_request(key(99))

        async def live_call() -> bool:
            return any("Live" in request.user_text for request in model.requests)

        await until(live_call)
        assert model.calls == REQUESTS + 3, "the live request waited for a place"
        model.always(None)


async def test_a_replay_ends_an_outage_that_nothing_else_would_end(
    replicas: Replicas, tables: Tables, model: ModelServer, replaying: Replaying
) -> None:
    await replaying.plan()
    model.script(*(model_server.error(529) for _ in range(20)))
    async with replicas.start(probe_seconds=0.2):
        progress = await replaying.apply(limits=Limits(at_once=2, per_minute=None, spend_usd=None))
        events = (await published(tables, 2 * REQUESTS))[REQUESTS:]
    assert progress.revised == REQUESTS
    assert {(event["cause"], event["replay_id"], event["status"]) for event in events} == {("replay", "april", "ready")}


async def test_without_anybody_to_draft_it_says_so_and_ends_and_goes_on_later(
    replicas: Replicas, replaying: Replaying
) -> None:
    await replaying.plan()
    progress = await replaying.apply(patience_seconds=0.3, nobody="There is no key.")
    assert (progress.state, progress.stands, progress.planned) == (ReplayState.PAUSED, "There is no key.", REQUESTS)
    async with replicas.start():
        progress = await replaying.apply(patience_seconds=20.0, nobody="There is no key.")
    assert (progress.state, progress.stands, progress.revised) == (ReplayState.DONE, None, REQUESTS)


async def test_while_the_model_is_away_it_says_so_and_ends(
    replicas: Replicas, model: ModelServer, replaying: Replaying
) -> None:
    await replaying.plan()
    model.always(model_server.error(529))
    async with replicas.start(probe_seconds=0.2):
        progress = await replaying.apply(patience_seconds=1.5)
    assert progress.state is ReplayState.PAUSED
    assert "The model is away: " in str(progress.stands)
    assert "--wait" in str(progress.stands)


async def test_an_answer_that_takes_longer_than_its_patience_is_waited_for(
    replicas: Replicas, model: ModelServer, replaying: Replaying
) -> None:
    await replaying.plan(sessions=("session-1",))
    model.always(Menu(model).slow(1.5))
    async with replicas.start():
        progress = await replaying.apply(patience_seconds=0.5)
    assert (progress.state, progress.stands, progress.revised) == (ReplayState.DONE, None, 1)


async def test_a_slow_rate_is_no_standstill() -> None:
    clock = iter([0.0, 100.0, 100.0]).__next__
    slowly = Limits(at_once=1, per_minute=1.0, spend_usd=None)
    standstill = Standstill(slowly, patience_seconds=1.0, nobody=None, clock=clock)
    nowhere: Any = None  # the tables are not asked before the patience is over
    assert await standstill.reason(nowhere, "april", ReplayProgress(state=ReplayState.APPLYING)) is None


async def test_the_command_without_a_key_names_the_key_and_what_to_do(
    database: str, replaying: Replaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "KEYLESS_PATIENCE_SECONDS", 0.3)
    await replaying.plan()
    settings = Settings().model_copy(update={"database_url": SecretStr(database), "model": MODEL})
    async with asyncio.timeout(20):
        progress = await replays.apply_replay(
            settings,
            "april",
            calls_model=True,
            publishes=True,
            limits=Limits(at_once=4, per_minute=None, spend_usd=None),
            waits=False,
            stop=asyncio.Event(),
            tell=lambda _: None,
        )
    assert progress.state is ReplayState.PAUSED
    assert "ANTHROPIC_API_KEY" in str(progress.stands)
    assert "--wait" in str(progress.stands)


async def test_what_a_policy_or_a_budget_forbids_is_said(tables: Tables, replaying: Replaying) -> None:
    await replaying.plan()
    assert await replaying.replays.forbidden("april", monthly_budget_usd=None) == []
    await tables.execute("INSERT INTO model_days VALUES ('', current_date, 'p', 'm', 'draft', 1, 5, 0, 0, 0, 0)")
    await tables.execute("UPDATE replay_items SET state = 'unchanged' WHERE replay_id = 'april'")
    assert await replaying.replays.forbidden("april", monthly_budget_usd=6.0) == []
    used_up = "The monthly budget of all tenants is used up."
    assert await replaying.replays.forbidden("april", monthly_budget_usd=5.0) == [used_up]
    await tables.execute(
        "INSERT INTO tenant_policies (tenant_id, event_id, set_at, model, language, monthly_budget_usd)"
        " VALUES ('default', 'e', now(), 'on', 'en', 0.5)"
    )
    assert await replaying.replays.forbidden("april", monthly_budget_usd=None) == []
    await tables.execute("INSERT INTO model_days VALUES ('default', current_date, 'p', 'm', 'draft', 1, 1, 0, 0, 0, 0)")
    used_up = "The monthly budget of tenant default is used up."
    assert await replaying.replays.forbidden("april", monthly_budget_usd=None) == [used_up]
    await tables.execute("UPDATE tenant_policies SET model = 'off'")
    off = "The model is off for tenant default."
    assert await replaying.replays.forbidden("april", monthly_budget_usd=None) == [off]


async def test_what_ended_meanwhile_is_dropped(replicas: Replicas, tables: Tables, replaying: Replaying) -> None:
    await replaying.plan()
    await tables.change_request(key(1), state="cancelled")
    async with replicas.start():
        progress = await replaying.apply()
    assert (progress.state, progress.revised, progress.dropped) == (ReplayState.DONE, REQUESTS - 1, 1)


async def test_another_cause_that_took_the_request_over_does_not_lose_it(
    replicas: Replicas, tables: Tables, replaying: Replaying
) -> None:
    await replaying.plan(sessions=("session-1",))
    await replaying.replays.begin("april", calls_model=True, publishes=True, model=MODEL)
    await replaying.replays.advance("april", Limits(at_once=3, per_minute=None, spend_usd=None))
    await tables.change_request(key(1), cause="replay", replay_id="of-a-topic")
    async with replicas.start():
        progress = await replaying.apply()
    assert (progress.state, progress.revised + progress.unchanged) == (ReplayState.DONE, 1)


async def test_a_tenant_without_model_is_in_no_plan_and_its_replayed_requests_change_nothing(
    replicas: Replicas, replaying: Replaying, tables: Tables, model: ModelServer
) -> None:
    await tables.execute(
        "INSERT INTO tenant_policies (tenant_id, event_id, set_at, model, language)"
        " VALUES ('default', 'e', now(), 'off', 'en')"
    )
    calls = model.calls
    assert (await replaying.plan()).items == ()
    await tables.add_events([build.fact("It prints again.", fact_id="later", version=9)], key(0).session)
    await tables.change_request(key(0), due_at=0.0, cause="replay", replay_id="again", rank=23)
    async with replicas.start():

        async def settled() -> bool:
            row = await tables.request(key(0))
            return row["due_at"] is row["lease_token"] is None

        await until(settled)
    assert len(await published(tables, REQUESTS)) == REQUESTS
    assert model.calls == calls


async def test_a_plan_takes_up_what_readers_rejected(replaying: Replaying, tables: Tables, filled: Packages) -> None:
    await tables.execute(
        "INSERT INTO package_feedback (tenant_id, session_id, event_id, package_id, outcome, said, occurred_at)"
        " SELECT tenant_id, session_id, outcome, package_id::text, outcome, '{}', now()"
        " FROM packages, unnest(ARRAY['posted', CASE session_id WHEN 'session-2' THEN 'rejected' ELSE 'accepted' END])"
        " AS outcome"
    )
    plan = await replaying.plan(rejected=True)
    assert [item.key for item in plan.items] == [key(2)]
    assert len((await replaying.plan("all")).items) == len(filled)
