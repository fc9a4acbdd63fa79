"""Drafts that are known already, and answers that cannot be used."""

import json

import pytest
from redis.asyncio import Redis

from consumer.flows.operation.meters import Meter
from tests.flows.drafting.steps import a_session, packages, quiet, request
from tests.support import answers, build, model_server
from tests.support.model_server import Behaviour, Menu, ModelServer
from tests.support.replicas import MODEL, OTHER_MODEL, Replicas
from tests.support.tables import Tables


async def test_a_second_request_is_answered_from_what_is_known(
    replicas: Replicas, tables: Tables, model: ModelServer, redis_url: str, topic_prefix: str
) -> None:
    await a_session(tables)
    await tables.add_request()
    async with replicas.start():
        await packages(tables, 1)
        await tables.add_request(request("cached"))
        await packages(tables, 2)
        async with Redis.from_url(redis_url) as redis:
            async for name in redis.scan_iter(f"{topic_prefix}*"):
                await redis.delete(name)
        await tables.add_request(request("from-the-ledger"))
        events = await packages(tables, 3)
    assert model.calls == 1
    assert [event["from_cache"] for event in events] == [False, True, True]
    assert len({json.dumps(event["provenance"]) for event in events}) == 1


async def test_redis_may_be_away(replicas: Replicas, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    await tables.add_request(request("second"))
    async with replicas.start(redis_url="redis://127.0.0.1:9/0"):
        events = await packages(tables, 2)
    assert (model.calls, {event["status"] for event in events}) == (1, {"ready"})


async def test_force_asks_again(replicas: Replicas, tables: Tables, model: ModelServer) -> None:
    await a_session(tables)
    await tables.add_request()
    async with replicas.start():
        await packages(tables, 1)
        await tables.add_request(request("forced"), force=True)
        events = await packages(tables, 2)
    assert model.calls == 2
    assert events[1]["from_cache"] is False


@pytest.mark.failure(22)
async def test_an_answer_that_breaks_a_rule_is_repaired_once(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.script(Menu(model).says("Sure! Here is something else."))
    async with replicas.start():
        (event,) = await packages(tables)
    assert (event["status"], event["provenance"]["attempts"]) == ("ready", 2)
    assert event["warnings"] == ["repaired", "violated:unreadable:1"]
    first, second = model.requests
    assert [turn["role"] for turn in second.body["messages"]] == ["user", "assistant", "user"]
    assert second.body["messages"][0] == first.body["messages"][0]
    assert event["provenance"]["usage"]["input_tokens"] > len(first.user_text) // 4


async def test_an_answer_that_was_rejected_twice_is_not_asked_for_again(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(Menu(model).says("{}"))
    async with replicas.start() as replica:
        await packages(tables, 1)
        await tables.add_request(request("second"))
        events = await packages(tables, 2)
        assert model.calls == 2
        assert [event["warnings"] for event in events] == [["draft_rejected", "violated:unreadable:10"]] * 2
        assert replica.meters.counts[Meter.VIOLATIONS, "unreadable"] == 10
        assert {event["status"] for event in events} == {"fallback"}
        assert [event["provenance"]["attempts"] for event in events] == [2, 0]
        assert not (await tables.request())["upgrade_wanted"]
        model.always(None)
        await tables.add_events([build.fact("New.", fact_id="new", version=9)])
        await tables.add_request(request("third"))
        events = await packages(tables, 3)
    assert events[2]["status"] == "ready"


async def test_an_answer_that_obeys_the_data_does_not_get_out(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(lambda received: model.message(received, answers.obedient(received)))
    async with replicas.start():
        (event,) = await packages(tables)
    assert event["status"] == "fallback"
    assert "PWNED" not in json.dumps(event)


async def test_after_a_refusal_the_other_model_is_asked_once(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.script(Menu(model).refusal())
    async with replicas.start():
        (event,) = await packages(tables)
    assert [received.model for received in model.requests] == [MODEL, OTHER_MODEL]
    first, second = (received.user_text.splitlines() for received in model.requests)
    assert first[1:-2] == second[1:-2]
    assert first[0] != second[0], "every call has a boundary of its own"
    assert (event["status"], event["provenance"]["model"], event["warnings"]) == ("ready", OTHER_MODEL, [])


@pytest.mark.parametrize("other", [OTHER_MODEL, MODEL, None])
async def test_a_refusal_for_good_ends_in_a_fallback(
    replicas: Replicas, tables: Tables, model: ModelServer, other: str | None
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(Menu(model).refusal("No, and"))
    async with replicas.start(fallback_model=other):
        (event,) = await packages(tables)
        await quiet(tables, 1)
    assert model.calls == (2 if other == OTHER_MODEL else 1)
    assert (event["status"], event["warnings"]) == ("fallback", ["model_refused"])


async def test_a_prompt_that_the_api_does_not_take_is_sent_once(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(model_server.error(400))
    async with replicas.start():
        (event,) = await packages(tables)
        await quiet(tables, 1)
    assert (model.calls, event["status"], await tables.count("model_outage")) == (1, "fallback", 0)


async def test_an_api_that_takes_only_the_plain_form_drafts_in_it(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(model_server.only_plain_form(model))
    async with replicas.start():
        (event,) = await packages(tables)
    assert (event["status"], model.calls, await tables.count("model_outage")) == ("ready", 2, 0)
    assert await tables.count("drafts") == 1, "the refused call stands in no ledger"


@pytest.mark.failure(23)
async def test_an_empty_account_is_an_outage_and_its_fallback_is_upgraded_when_it_is_paid(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    await a_session(tables)
    await tables.add_request()
    model.always(model_server.error(400, message="Your credit balance is too low to access the API."))
    async with replicas.start():
        (event,) = await packages(tables)
        assert (event["status"], await tables.count("model_outage")) == ("fallback", 1)
        model.always(None)
        _, event = await packages(tables, 2)
    assert (event["status"], event["revision"]) == ("ready", 2)


def _menu() -> list[str]:
    return ["cut", "empty", "unknown_stop", "thinking_first", "unknown_block", "half_a_body", "without_usage"]


@pytest.mark.parametrize("fault", [*_menu(), "reset", "html", "broken_json", "rate_limit", "overload", "hang"])
@pytest.mark.failure(22)
async def test_one_fault_of_any_kind_is_mended(
    replicas: Replicas, tables: Tables, model: ModelServer, fault: str
) -> None:
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
    async with replicas.start(attempt_seconds=3.0 if fault == "hang" else 30.0):
        (event,) = await packages(tables)
    assert event["status"] == "ready"
    assert model.calls == (1 if fault in {"thinking_first", "unknown_block", "without_usage"} else 2)
    assert event["provenance"]["attempts"] == model.calls
