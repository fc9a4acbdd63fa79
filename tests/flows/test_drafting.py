"""Drafting on a real PostgreSQL and Redis, with a loopback model: which packages come out, and what they cost."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from consumer.adapters.postgres.desk import PostgresDesk
from consumer.domain import prompt, session
from consumer.domain.events import RequestKey
from consumer.flows import drafter, drafting
from consumer.flows.desk import Lane, Work
from consumer.flows.health import Health, Stuck
from consumer.flows.meters import Meter
from consumer.flows.model import ModelAway
from consumer.flows.schedule import RevisionRules
from tests.support import answers, build, model_server
from tests.support.model_server import Behaviour, Menu, ModelServer
from tests.support.office import MODEL, OTHER_MODEL, Office
from tests.support.servers import PostgresServer
from tests.support.tables import Tables
from tests.support.waiting import until

Events = list[dict[str, Any]]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(answers.structured) as started:
        yield started


@pytest.fixture
async def tables(database: str) -> AsyncIterator[Tables]:
    connection = await asyncpg.connect(database)
    yield Tables(connection)
    if not connection.is_closed():
        await connection.close()


@pytest.fixture
def office(database: str, redis_url: str, topic_prefix: str, model: ModelServer) -> Office:
    return Office(dsn=database, redis_url=redis_url, prefix=topic_prefix, model_url=model.url)


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(drafter, "RETRY_SECONDS", (0.05, 0.1))
    monkeypatch.setattr(drafting, "BACKOFF_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(drafting, "WAKE_SECONDS", 0.3)
    with capture_logs():  # unconfigured, a logged error takes a second to be drawn
        yield


def request(name: str) -> RequestKey:
    return RequestKey("default", "session-1", name)


async def a_session(tables: Tables, *more: Any) -> None:
    await tables.add_events(build.in_order(build.opened(psa_ticket=build.TICKET), build.fact(), *more))


async def packages(tables: Tables, count: int = 1) -> Events:
    """The published events once there are so many."""

    async def enough() -> Events | None:
        found = await tables.published()
        return found if len(found) >= count else None

    found = await until(enough)
    assert len(found) == count, [event["type"] for event in found]
    return found


async def idle(tables: Tables) -> None:
    """The request has been taken up, and nothing more is due."""

    async def nothing_to_do() -> bool:
        row = await tables.request()
        return row["due_at"] is row["lease_token"] is None

    await until(nothing_to_do)


async def quiet(tables: Tables, count: int, *, seconds: float = 0.5) -> None:
    """For so long nothing more is published."""
    await asyncio.sleep(seconds)
    assert len(await tables.published()) == count


async def named(health: Health, what: str) -> Stuck:
    """What is stuck of this name: it is visible within 30 s."""

    async def found() -> Stuck | None:
        return next((stuck for stuck in health.stuck() if stuck.what == what), None)

    return await until(found, within_seconds=30.0)


# the main path


async def test_a_request_becomes_a_package_with_one_call(office: Office, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    async with office.replica():
        (event,) = await packages(tables)
    assert model.calls == 1
    assert (event["type"], event["status"], event["cause"]) == ("package_ready", "ready", "request")
    assert (event["revision"], event["supersedes"], event["from_cache"], event["warnings"]) == (1, None, False, [])
    assert event["state_version"] == 2
    assert event["target_ticket_ref"] == "CW #48213"
    provenance = event["provenance"]
    assert (provenance["attempts"], provenance["event_count"], provenance["model"]) == (1, 2, MODEL)
    assert provenance["prompt_version"] == prompt.VERSION
    assert provenance["usage"]["input_tokens"] > 0
    assert event["markdown"].startswith("## Problem\n\nAn issue was reported")
    row = await tables.request()
    assert (row["state"], row["due_at"], row["lease_token"], row["upgrade_wanted"]) == ("done", None, None, False)


async def test_what_is_sent_holds_the_records_and_no_actor(office: Office, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request(reason="VIP customer")
    async with office.replica():
        await packages(tables)
    assert model.holds("The mailbox opens in the browser.")
    assert model.holds("VIP customer")
    assert not model.holds("somebody")
    assert not model.holds("fact-1")


async def test_twenty_requests_of_one_session_on_two_replicas_cost_one_call(
    office: Office, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    model.always(Menu(model).slow(0.3))
    for number in range(20):
        await tables.add_request(request(f"r{number}"))
    async with office.replica(places=10), office.replica(places=10):
        found = await packages(tables, 20)
    assert model.calls == 1
    assert {event["status"] for event in found} == {"ready"}
    assert sorted(event["from_cache"] for event in found) == [False] + [True] * 19
    assert len({event["content_sha256"] for event in found}) == 1


async def test_markdown_from_a_gateway_is_taken(office: Office, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(lambda received: model.message(received, answers.five_sections(received)))
    async with office.replica():
        (event,) = await packages(tables)
    assert (event["status"], model.calls) == ("ready", 1)


async def test_without_a_key_rules_draft_and_nothing_is_waited_for(
    office: Office, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    for number in range(30):
        await tables.add_request(request(f"r{number}"))
    async with office.replica(key=False):
        found = await packages(tables, 30)
    assert model.calls == 0
    assert {(event["status"], event["provenance"]["model"], event["provenance"]["attempts"]) for event in found} == {
        ("fallback", None, 0)
    }
    assert {tuple(event["warnings"]) for event in found} == {()}
    assert await tables.connection.fetchval("SELECT count(*) FROM requests WHERE upgrade_wanted") == 0


async def test_priorities_order_the_models_work(office: Office, tables: Tables, model: ModelServer) -> None:
    for number, priority in enumerate([4, 2, 3, 1]):
        key = RequestKey("default", f"s{number}", "r")
        await tables.add_events(build.in_order(build.opened(title=f"P{priority}")), key.session)
        await tables.add_request(key, priority=priority, rank=priority)
    async with office.replica(places=1):
        await packages(tables, 4)
    titles = [answers.records(received)[0]["title"] for received in model.requests]
    assert titles == ["P1", "P2", "P3", "P4"]


# what it is built from


async def test_a_session_nobody_heard_of_is_waited_for_and_then_not_found(office: Office, tables: Tables) -> None:
    await tables.add_request(half_deadline_at=1.0)
    async with office.replica():
        (event,) = await packages(tables)
    assert (event["type"], event["reason"]) == ("package_failed", "session_not_found")
    row = await tables.request()
    assert row["state"] == "failed"
    assert row["ended_at"] >= row["half_deadline_at"]


async def test_a_version_that_does_not_arrive_by_half_the_deadline_is_said_to_be_missing(
    office: Office, tables: Tables
) -> None:
    await a_session(tables)
    await tables.add_request(requested_state_version=9, half_deadline_at=1.0)
    async with office.replica():
        (event,) = await packages(tables)
    row = await tables.request()
    assert row["first_done_at"] >= row["half_deadline_at"]
    assert event["warnings"] == ["state_behind_request"]
    assert (event["state_version"], event["requested_state_version"]) == (2, 9)


async def test_a_package_is_at_least_as_new_as_asked(office: Office, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request(requested_state_version=9)
    async with office.replica():
        await quiet(tables, 0, seconds=0.3)
        await tables.add_events([build.fact("Late.", fact_id="late", version=11)])
        await tables.change_request(due_at=0.0)  # as intake does
        (event,) = await packages(tables)
    assert (event["state_version"], event["warnings"]) == (11, [])
    assert "Late." in event["markdown"]


# known drafts


async def test_a_second_request_is_answered_from_what_is_known(
    office: Office, tables: Tables, model: ModelServer, redis_url: str, topic_prefix: str
) -> None:
    await a_session(tables)
    await tables.add_request()
    async with office.replica():
        await packages(tables, 1)
        await tables.add_request(request("cached"))
        await packages(tables, 2)
        async with Redis.from_url(redis_url) as redis:
            async for name in redis.scan_iter(f"{topic_prefix}*"):
                await redis.delete(name)
        await tables.add_request(request("from-the-ledger"))
        found = await packages(tables, 3)
    assert model.calls == 1
    assert [event["from_cache"] for event in found] == [False, True, True]
    assert len({json.dumps(event["provenance"]) for event in found}) == 1


async def test_redis_may_be_away(office: Office, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    await tables.add_request(request("second"))
    async with office.replica(redis_url="redis://127.0.0.1:9/0"):
        found = await packages(tables, 2)
    assert (model.calls, {event["status"] for event in found}) == (1, {"ready"})


async def test_force_asks_again(office: Office, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    async with office.replica():
        await packages(tables, 1)
        await tables.add_request(request("forced"), force=True)
        found = await packages(tables, 2)
    assert model.calls == 2
    assert found[1]["from_cache"] is False


# answers that cannot be used


async def test_an_answer_that_breaks_a_rule_is_repaired_once(
    office: Office, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.script(Menu(model).says("Sure! Here is something else."))
    async with office.replica():
        (event,) = await packages(tables)
    assert (event["status"], event["warnings"], event["provenance"]["attempts"]) == ("ready", ["repaired"], 2)
    first, second = model.requests
    assert [turn["role"] for turn in second.body["messages"]] == ["user", "assistant", "user"]
    assert second.body["messages"][0] == first.body["messages"][0]
    assert event["provenance"]["usage"]["input_tokens"] > len(first.user_text) // 4


async def test_an_answer_that_was_rejected_twice_is_not_asked_for_again(
    office: Office, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(Menu(model).says("{}"))
    async with office.replica():
        await packages(tables, 1)
        await tables.add_request(request("second"))
        found = await packages(tables, 2)
        assert model.calls == 2
        assert [event["warnings"] for event in found] == [["draft_rejected"]] * 2
        assert {event["status"] for event in found} == {"fallback"}
        assert [event["provenance"]["attempts"] for event in found] == [2, 0]
        assert not (await tables.request())["upgrade_wanted"]
        model.always(None)
        await tables.add_events([build.fact("New.", fact_id="new", version=9)])
        await tables.add_request(request("third"))
        found = await packages(tables, 3)
    assert found[2]["status"] == "ready"


async def test_an_answer_that_obeys_the_data_does_not_get_out(
    office: Office, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(lambda received: model.message(received, answers.obedient(received)))
    async with office.replica():
        (event,) = await packages(tables)
    assert event["status"] == "fallback"
    assert "PWNED" not in json.dumps(event)


async def test_after_a_refusal_the_other_model_is_asked_once(
    office: Office, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.script(Menu(model).refusal())
    async with office.replica():
        (event,) = await packages(tables)
    assert [received.model for received in model.requests] == [MODEL, OTHER_MODEL]
    assert (event["status"], event["provenance"]["model"], event["warnings"]) == ("ready", OTHER_MODEL, [])


@pytest.mark.parametrize("other", [OTHER_MODEL, MODEL, None])
async def test_a_refusal_for_good_ends_in_a_fallback(
    office: Office, tables: Tables, model: ModelServer, other: str | None
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(Menu(model).refusal("No, and"))
    async with office.replica(fallback_model=other):
        (event,) = await packages(tables)
        await quiet(tables, 1)
    assert model.calls == (2 if other == OTHER_MODEL else 1)
    assert (event["status"], event["warnings"]) == ("fallback", ["model_refused"])


async def test_a_prompt_that_the_api_does_not_take_is_sent_once(
    office: Office, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(model_server.error(400))
    async with office.replica():
        (event,) = await packages(tables)
        await quiet(tables, 1)
    assert (model.calls, event["status"], await tables.count("model_outage")) == (1, "fallback", 0)


def _menu() -> list[str]:
    return ["cut", "empty", "unknown_stop", "thinking_first", "unknown_block", "half_a_body", "without_usage"]


@pytest.mark.parametrize("fault", [*_menu(), "reset", "html", "broken_json", "rate_limit", "overload", "hang"])
async def test_one_fault_of_any_kind_is_mended(office: Office, tables: Tables, model: ModelServer, fault: str) -> None:
    await a_session(tables)
    await tables.add_request()
    others: dict[str, Behaviour] = {
        "reset": model_server.reset(),
        "html": model_server.html(),
        "broken_json": model_server.broken_json(),
        "rate_limit": model_server.error(429, retry_after="0"),
        "overload": model_server.error(529),
        "hang": model_server.hang(),
    }
    model.script(others[fault] if fault in others else getattr(Menu(model), fault)())
    async with office.replica(attempt_seconds=3.0 if fault == "hang" else 30.0):
        (event,) = await packages(tables)
    assert event["status"] == "ready"
    assert model.calls == (1 if fault in {"thinking_first", "unknown_block"} else 2)
    assert event["provenance"]["attempts"] == model.calls


# outages


@pytest.mark.parametrize(
    ("asked", "least", "most"), [(None, 0.05, 0.1), (0.0, 0.0, 0.05), (7.0, 7.0, 7.05), (3600.0, 60.0, 60.0)]
)
def test_a_retry_comes_when_it_was_asked_for_within_a_minute(asked: float | None, least: float, most: float) -> None:
    fault = ModelAway("later", retry_after_seconds=asked)
    assert least <= drafter.retry_in_seconds(fault) <= most


async def test_a_call_that_fails_twice_begins_an_outage_and_its_fallbacks_are_upgraded_after_it(
    office: Office, tables: Tables, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafting, "WAKE_SECONDS", 1000)  # who finds the model back wakes the others
    probes: list[datetime] = []

    class Noting(PostgresDesk):
        async def claim_probe(self) -> Work | None:
            work = await super().claim_probe()
            if work is not None:
                probes.append(work.taken_at)
            return work

    await a_session(tables)
    await tables.add_request()
    model.always(model_server.error(529))
    async with office.replica(make_desk=Noting) as first, office.replica(make_desk=Noting) as second:
        (event,) = await packages(tables)
        assert (event["status"], event["warnings"]) == ("fallback", ["model_unavailable"])
        assert event["provenance"]["attempts"] == 2
        for replica in (first, second):  # also the one that did not call
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
        found = await packages(tables, 12)
        await quiet(tables, 12)
    assert await tables.count("model_outage") == 0
    upgrades = found[6:]
    assert {(one["status"], one["cause"], one["revision"]) for one in upgrades} == {("ready", "upgrade", 2)}
    by_request = {one["request_id"]: one["package_id"] for one in found[:6]}
    assert all(one["supersedes"] == by_request[one["request_id"]] for one in upgrades)
    assert len(model.calls_by_prompt()) == 1
    assert await tables.connection.fetchval("SELECT count(*) FROM requests WHERE upgrade_wanted") == 0
    assert await tables.connection.fetchval("SELECT sum(revisions_by_change) FROM requests") == 0


async def test_a_look_that_is_older_than_the_outage_does_not_say_that_the_model_is_well(
    office: Office, tables: Tables, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafter, "RETRY_SECONDS", (0.5, 0.5))
    go_on = asyncio.Event()

    class Dawdling(PostgresDesk):
        async def claim(self, lane: Lane, limit: int) -> list[Work]:
            if lane is Lane.URGENT and model.calls:
                await go_on.wait()  # after its look at the outage, which begins meanwhile
            return await super().claim(lane, limit)

    await a_session(tables)
    await tables.add_request()
    model.always(model_server.error(529))
    async with office.replica(make_desk=Dawdling) as replica:
        await packages(tables)
        first = await named(replica.health, "model")
        seen_at = time.monotonic()
        go_on.set()

        await model.called(3)
        since = time.monotonic() - seen_at
        assert (await named(replica.health, "model")).seconds >= first.seconds + since


@pytest.mark.parametrize("status", [401, 403, 404, "spend"])
async def test_a_locked_model_is_away_after_one_call(
    office: Office, tables: Tables, model: ModelServer, status: int | str
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(model_server.spend_limit() if isinstance(status, str) else model_server.error(status))
    async with office.replica(probe_seconds=30):
        (event,) = await packages(tables)
        await quiet(tables, 1)
    assert (model.calls, event["status"], event["provenance"]["attempts"]) == (1, "fallback", 1)
    assert (await tables.request())["upgrade_wanted"]


async def test_a_probe_that_dies_does_not_end_the_outage_or_lose_the_upgrade(
    office: Office, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(model_server.error(500))
    async with office.replica():
        await packages(tables)
    model.always(model_server.hang())
    async with office.replica(drain_seconds=1.6):
        await model.called(model.calls + 1)
    assert await tables.count("model_outage") == 1
    model.always(None)
    async with office.replica():
        found = await packages(tables, 2)
    assert found[1]["cause"] == "upgrade"


async def test_known_drafts_are_used_while_the_model_is_away(
    office: Office, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    async with office.replica(probe_seconds=30) as replica:
        await packages(tables)
        await replica.desk.begin_outage("gone", probe_in_seconds=30)
        await tables.add_request(request("second"))
        found = await packages(tables, 2)
    assert (found[1]["status"], found[1]["from_cache"], model.calls) == ("ready", True, 1)


# deadlines


async def test_a_deadline_beats_a_slow_model_and_its_answer_becomes_the_upgrade(
    office: Office, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request(deadline_at=5.0)
    gate = threading.Event()
    model.always(Menu(model).held(gate))
    async with office.replica(margin_seconds=3.0):
        (fallback,) = await packages(tables)
        row = await tables.request()
        assert row["first_done_at"] < row["deadline_at"]
        assert (fallback["status"], fallback["warnings"]) == ("fallback", ["model_unavailable"])
        gate.set()
        upgrade = (await packages(tables, 2))[1]
    assert model.calls == 1
    assert (upgrade["status"], upgrade["cause"], upgrade["from_cache"]) == ("ready", "upgrade", False)
    assert upgrade["supersedes"] == fallback["package_id"]


async def test_a_fallback_never_queues_behind_the_model(office: Office, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request(priority=1)
    gate = threading.Event()
    model.always(Menu(model).held(gate))
    async with office.replica(places=1, margin_seconds=3.0):
        await model.called()
        other = RequestKey("default", "other", "r")
        await tables.add_events(build.in_order(build.opened(title="Other")), other.session)
        await tables.add_request(other, deadline_at=5.0)
        (event,) = await packages(tables)
        row = await tables.request(other)
        assert row["first_done_at"] < row["deadline_at"]
        assert (event["session_id"], event["status"]) == ("other", "fallback")
        gate.set()
        found = await packages(tables, 3)
    assert sorted((event["cause"], event["status"]) for event in found) == [
        ("request", "fallback"),
        ("request", "ready"),
        ("upgrade", "ready"),
    ]


# revisions and replays


async def test_a_change_after_the_package_yields_a_revision(office: Office, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    async with office.replica():
        await packages(tables)
        await tables.add_events(
            [
                build.fact("It also fails at home.", fact_id="f2", version=8),
                build.described(version=9, psa_ticket={"system": "halopsa", "ticket_id": "7"}),
            ]
        )
        await tables.change_request(due_at=0.0, cause="state_changed", rank=13)
        first, second = await packages(tables, 2)
    assert (second["cause"], second["revision"], second["supersedes"]) == ("state_changed", 2, first["package_id"])
    assert second["previous_psa_ticket"] == first["psa_ticket"]
    assert second["target_ticket_ref"] == "halopsa #7"
    assert second["marker"].replace(" r2]", " r1]") == first["marker"]
    assert (await tables.request())["revisions_by_change"] == 1


async def test_what_does_not_alter_the_bundle_yields_none(office: Office, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    async with office.replica():
        await packages(tables)
        await tables.add_events([build.closed(version=8), build.reopened(version=9), build.unknown(version=10)])
        await tables.change_request(due_at=0.0, cause="state_changed", rank=13)
        await idle(tables)
    assert model.calls == len(await tables.published()) == 1


async def test_an_event_during_the_call_yields_a_revision(office: Office, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    gate = threading.Event()
    model.script(Menu(model).held(gate))
    async with office.replica():
        await model.called()
        await tables.add_events([build.fact("Late news.", fact_id="f2", version=8)])
        gate.set()
        first, second = await packages(tables, 2)
    assert (first["state_version"], second["state_version"], second["cause"]) == (2, 8, "state_changed")


async def test_a_replay_yields_a_revision_only_where_the_drafts_key_differs(
    office: Office, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    async with office.replica():
        await packages(tables)
        await tables.change_request(due_at=0.0, cause="replay", replay_id="march", rank=23)
        await idle(tables)
        assert len(await tables.published()) == 1
        await tables.execute("UPDATE packages SET prompt_version = 'older'")
        await tables.change_request(due_at=0.0, cause="replay", replay_id="april", rank=23)
        found = await packages(tables, 2)
    assert (found[1]["cause"], found[1]["replay_id"], found[1]["from_cache"]) == ("replay", "april", True)
    assert model.calls == 1


async def test_a_replay_waits_for_a_model_that_is_away(office: Office, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    async with office.replica(probe_seconds=30) as replica:
        await packages(tables)
        await tables.execute("UPDATE packages SET prompt_version = 'older'")
        await replica.desk.begin_outage("gone", probe_in_seconds=30)
        await named(replica.health, "model")  # from now on every turn knows of it
        await tables.change_request(due_at=0.0, cause="replay", replay_id="april", rank=23)
        await quiet(tables, 1)
        await replica.desk.end_outage()
        found = await packages(tables, 2)
    assert (found[1]["cause"], found[1]["replay_id"], found[1]["status"]) == ("replay", "april", "ready")


async def test_a_replay_without_a_key_yields_nothing_new(office: Office, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    async with office.replica(key=False):
        await packages(tables)
        await tables.change_request(due_at=0.0, cause="replay", replay_id="march", rank=23)
        await idle(tables)
    assert len(await tables.published()) == 1


async def test_revisions_stop_at_their_limit(office: Office, tables: Tables) -> None:
    await a_session(tables)
    await tables.add_request()
    two = RevisionRules(after_seconds=0.0, window_seconds=3600, limit=2)
    async with office.replica(rules=two):
        await packages(tables)
        for number in range(2):
            await tables.add_events([build.fact("More.", fact_id=f"m{number}", version=10 + number)])
            await tables.change_request(due_at=0.0, cause="state_changed", rank=13)
            await packages(tables, 2 + number)
    assert (await tables.request())["revisions_by_change"] == 2


# the end of a request, of a session, of a process


async def test_a_cancellation_while_drafting_wins(office: Office, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    gate = threading.Event()
    model.always(Menu(model).held(gate))
    async with office.replica():
        await model.called()
        await tables.change_request(state="cancelled")
        gate.set()

        async def drafted() -> bool:
            return bool(await tables.connection.fetchval("SELECT state = 'drafted' FROM drafts"))

        await until(drafted)
    assert await tables.published() == []
    assert await tables.count("packages") == 0


async def test_nothing_of_a_session_that_is_erased_while_drafting_is_kept(
    office: Office, tables: Tables, model: ModelServer, redis_url: str, topic_prefix: str
) -> None:
    await a_session(tables)
    await tables.add_request()
    gate = threading.Event()
    model.always(Menu(model).held(gate))
    async with office.replica():
        await model.called()
        async with tables.connection.transaction():  # as intake does
            await tables.execute("UPDATE sessions SET erased_at = now()")
            await tables.execute("DELETE FROM session_events")
            await tables.execute("DELETE FROM drafts")
        gate.set()
        (event,) = await packages(tables)
    assert (event["type"], event["reason"]) == ("package_failed", "session_erased")
    assert len(await tables.published()) == 1
    assert await tables.count("drafts") == await tables.count("packages") == 0
    async with Redis.from_url(redis_url) as redis:
        assert [name async for name in redis.scan_iter(f"{topic_prefix}*")] == []


class Stopped(PostgresDesk):
    """A process that is stopped for longer than its leases: it renews nothing."""

    async def renew(self, *_: object) -> None:
        return


async def test_a_zombie_writes_nothing(office: Office, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    gate = threading.Event()
    model.script(Menu(model).held(gate))
    async with office.replica(make_desk=Stopped, lease_seconds=1.0, drain_seconds=60.0) as zombie:
        await model.called()
        zombie.stop.set()  # takes nothing new, and still has its call under way
        async with office.replica():
            (event,) = await packages(tables)
            gate.set()
            await zombie.task
    assert event["status"] == "ready"
    assert len(await tables.published()) == 1
    assert model.calls <= 2
    assert await tables.count("drafts") == 1


async def test_a_zombie_calls_no_more(office: Office, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    menu, gate = Menu(model), threading.Event()
    model.script(lambda received: replace(menu.says("garbage")(received), held_by=gate))
    async with office.replica(make_desk=Stopped, lease_seconds=1.0, drain_seconds=60.0) as zombie:
        await model.called()
        zombie.stop.set()
        async with office.replica():
            (event,) = await packages(tables)
            gate.set()
            await zombie.task
    assert (event["status"], model.calls) == ("ready", 2), "its answer would have needed a repair"


async def test_a_stop_lets_what_is_under_way_finish(office: Office, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    gate = threading.Event()
    model.always(Menu(model).held(gate))
    async with office.replica(drain_seconds=60.0) as replica:
        await model.called()
        replica.stop.set()
        await quiet(tables, 0, seconds=0.2)
        gate.set()
        await replica.task
        assert len(await tables.published()) == 1


async def test_a_stop_hands_back_what_takes_too_long(office: Office, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    model.script(model_server.hang())
    async with office.replica(drain_seconds=4.0, lease_seconds=60) as replica:
        await model.called()
        began = time.monotonic()
        await replica.end()
        assert time.monotonic() - began < 4.0
    row = await tables.request()
    assert (row["lease_token"], row["attempts"]) == (None, 0)
    assert row["due_in_seconds"] <= 0
    assert await tables.count("drafts") == 0
    async with office.replica():
        (event,) = await packages(tables)
    assert event["status"] == "ready"


async def test_work_that_always_fails_ends_and_holds_up_nobody(
    office: Office, tables: Tables, monkeypatch: pytest.MonkeyPatch
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
    async with office.replica(places=1):
        found = await packages(tables, 2)
    by_session = {event["session_id"]: event for event in found}
    assert by_session["session-1"]["status"] == "ready"
    assert by_session["cursed"]["reason"] == "unprocessable"
    assert (await tables.request(cursed))["attempts"] == drafting.MOST_ATTEMPTS


async def test_rules_step_in_when_the_way_to_the_model_always_fails(
    office: Office, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    def falls(*_: object) -> str:
        raise RuntimeError("no")

    monkeypatch.setattr(prompt, "user_turn", falls)
    await a_session(tables)
    await tables.add_request()
    async with office.replica():
        (event,) = await packages(tables)
    assert event["status"] == "fallback"


@pytest.mark.kills_servers
async def test_a_database_that_is_killed_under_way_costs_no_call_and_no_package(
    office: Office, tables: Tables, model: ModelServer, postgres_server: PostgresServer, database: str
) -> None:
    await a_session(tables)
    for number in range(4):
        key = RequestKey("default", f"s{number}", "r")
        await tables.add_events(build.in_order(build.opened(title=f"Session {number}")), key.session)
        await tables.add_request(key)
    gate = threading.Event()
    model.always(Menu(model).held(gate))
    async with office.replica() as replica:
        await model.called(4)
        await postgres_server.kill()
        gate.set()

        async def answered() -> bool:
            return replica.meters.counts.get((Meter.MODEL_CALLS, "complete")) == 4

        await until(answered)  # while nobody can store them
        await postgres_server.start()
        again = await asyncpg.connect(database)
        found = await packages(Tables(again), 4)
        await again.close()
    assert {event["status"] for event in found} == {"ready"}
    assert model.calls == 4
