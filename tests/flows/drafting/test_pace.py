"""The pace of calls: found by the API's own word, shared by replicas, careful after an outage, sparing with retries."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest

from consumer.adapters.redis.pace import RedisPace
from consumer.domain.events import RequestKey
from consumer.flows.drafting import worker
from consumer.flows.drafting.calls import pace as pacing
from consumer.flows.drafting.calls.pace import LONGEST_RETRY_AFTER_SECONDS, CallLimit, Pace, Pause, RetryBudget
from tests.flows.drafting.steps import packages
from tests.support import build, model_server
from tests.support.model_server import Limited, Menu, ModelServer, Received, Reply
from tests.support.replicas import Replicas
from tests.support.servers import RedisServer
from tests.support.tables import Tables
from tests.support.waiting import until


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


# the limit


@pytest.mark.parametrize("takes", [1, 3, 12, 40])
def test_the_limit_is_found_and_then_overrun_less_than_once_in_a_hundred_calls(takes: int) -> None:
    limit, refused, taken = CallLimit(64), 0, 0
    for answers in range(20_000):
        if answers == 2_000:
            refused = taken = 0
        if int(limit.calls) > takes:
            refused += int(limit.calls) - takes
            limit.overrun()
        limit.answered()
        taken += 1
    assert refused / taken < 0.01
    assert limit.calls >= 0.5 * takes, "the API would take more"


def test_a_limit_that_was_found_too_low_grows_again() -> None:
    limit = CallLimit(8)
    for _ in range(12):
        limit.overrun()
    assert limit.calls < 0.01
    for _ in range(60 * pacing.CLEAN_ANSWERS):
        limit.answered()
    assert limit.calls == 8


def test_the_only_call_rests_no_longer_than_the_api_may_ask_for() -> None:
    """A call that hung while the limit was low says nothing of the API's limits."""
    limit = CallLimit(4)
    for _ in range(20):
        limit.overrun()
    assert limit.rest_after(0.01) == pytest.approx(0.01 * 999)
    assert limit.rest_after(30.0) == LONGEST_RETRY_AFTER_SECONDS


def test_after_an_outage_calls_double_with_every_round_of_answers() -> None:
    limit = CallLimit(16)
    limit.restart()
    rounds = []
    for _ in range(6):
        rounds.append(int(limit.calls))
        for _ in range(rounds[-1]):
            limit.answered()
    assert rounds == [1, 2, 4, 8, 16, 16]


def test_retries_are_a_tenth_of_the_answers_and_a_few() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    assert [budget.take() for _ in range(5)] == [True, True, True, False, False]
    retries = 0
    for _ in range(500):
        budget.answered()
        retries += budget.take()
    assert 49 <= retries <= 50
    clock.now += 2 * pacing.RETRY_EVERY_SECONDS
    assert 2 <= sum(budget.take() for _ in range(5)) <= 3
    clock.now += 1_000_000
    assert sum(budget.take() for _ in range(100)) == 10, "no more are saved up"


# a replica's pace


@pytest.fixture
async def shared(redis_url: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RedisPace]:
    monkeypatch.setattr("consumer.adapters.redis.connection.SOCKET_SECONDS", 30.0)
    made = RedisPace(redis_url, prefix=topic_prefix)
    yield made
    await made.close()


async def test_what_one_replica_is_asked_to_wait_all_wait_and_each_makes_half_the_calls(shared: RedisPace) -> None:
    asked, other = (Pace(places=8, shared=shared, clock=time.monotonic) for _ in range(2))
    async with asked.turn() as turn:
        assert not await asked.asked_to_wait(turn, 0.6)
    began = time.monotonic()
    started: list[float] = []

    async def call() -> None:
        async with other.turn():
            started.append(time.monotonic() - began)
            await asyncio.sleep(0.5)

    await asyncio.gather(*(call() for _ in range(8)))
    assert min(started) >= 0.5
    assert started[3] - started[0] < 0.4 < started[4] - started[0], "four at once, not eight"


async def test_calls_of_one_burst_halve_the_limit_once(shared: RedisPace) -> None:
    pace = Pace(places=8, shared=shared, clock=time.monotonic)

    async def refused() -> None:
        async with pace.turn() as turn:
            await asyncio.sleep(0.05)
            await pace.asked_to_wait(turn, 0.1)

    await asyncio.gather(*(refused() for _ in range(8)))
    assert pace._limit.calls == 4


async def test_pacing_is_an_outage_only_when_nothing_gets_through_for_30_seconds(shared: RedisPace) -> None:
    clock = Clock()
    pace, other = (Pace(places=8, shared=shared, clock=clock) for _ in range(2))
    alone = Pace(places=8, shared=None, clock=clock)

    async def refused(by: Pace) -> bool:
        async with by.turn(at_once=True) as turn:
            return await by.asked_to_wait(turn, 1.0)

    assert [await refused(pace), await refused(alone)] == [False, False]
    clock.now = 29.0
    assert [await refused(pace), await refused(alone)] == [False, False]
    await alone.answered()
    await refused(other)
    await other.answered()
    clock.now = 31.0
    assert [await refused(pace), await refused(alone)] == [False, False], "another replica's calls get through"
    await shared._redis.delete(shared._answered)
    assert await refused(pace)
    clock.now = 62.0
    assert await refused(alone)


async def test_calls_that_hang_since_before_the_outage_do_not_keep_others_waiting() -> None:
    pace, hung = Pace(places=4, shared=None, clock=time.monotonic), asyncio.Event()

    async def hang() -> None:
        async with pace.turn():
            await hung.wait()

    hanging = [asyncio.create_task(hang()) for _ in range(4)]
    await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    pace.restart()
    async with asyncio.timeout(5), pace.turn():
        pass
    hung.set()
    await asyncio.gather(*hanging)
    async with asyncio.timeout(5), pace.turn():
        assert pace._under_way == 1


@pytest.mark.kills_servers
async def test_a_redis_that_is_away_costs_a_tenth_of_a_second_now_and_then(
    redis_server: RedisServer, redis_url: str, topic_prefix: str
) -> None:
    shared = RedisPace(redis_url, prefix=topic_prefix)
    await redis_server.kill()
    began = time.monotonic()
    for _ in range(50):
        assert await shared.pause() is None
        await shared.begin_pause(Pause(mark="m", seconds=1.0))
        await shared.note_answer(keep_seconds=1.0)
        assert not await shared.answered_lately()
    await shared.close()
    assert time.monotonic() - began < 1.0


# drafting


async def asked(tables: Tables, count: int, *, first: int = 0, **columns: float) -> None:
    for number in range(first, first + count):
        key = RequestKey("default", f"s{number}", "r")
        await tables.add_events(build.in_order(build.opened(title=f"Case {number}")), key.session)
        await tables.add_request(key, **columns)


@pytest.mark.parametrize("redis_url_of_replicas", [None, "redis://127.0.0.1:9/0"], ids=["shared", "alone"])
async def test_an_api_with_limits_drafts_everything_without_an_outage(
    replicas: Replicas, tables: Tables, model: ModelServer, redis_url_of_replicas: str | None
) -> None:
    limited = Limited(model, in_a_second=1000, at_once=4, seconds=0.1, retry_after="0.3")
    model.always(limited)
    await asked(tables, 100, deadline_at=300.0)
    url = redis_url_of_replicas
    async with replicas.start(redis_url=url) as first, replicas.start(redis_url=url) as second:
        events = await packages(tables, 100)
        for replica in (first, second):
            assert "model" not in {stuck.what for stuck in replica.health.stuck()}
    assert {event["status"] for event in events} == {"ready"}
    assert await tables.count("model_outage") == 0
    assert len(limited.refused) < 50, "the limit was not found"
    late = sorted(limited.taken + limited.refused)[-50:]
    assert len(set(late) & set(limited.refused)) <= 5


async def test_an_api_that_asks_to_wait_too_long_gives_fallbacks_in_time_and_upgrades_later(
    replicas: Replicas, tables: Tables, model: ModelServer
) -> None:
    model.always(model_server.error(429, retry_after="0.5"))
    await asked(tables, 3, deadline_at=4.0)
    async with replicas.start(margin_seconds=2.0):
        fallbacks = await packages(tables, 3)
        assert {event["warnings"][0] for event in fallbacks} == {"model_unavailable"}
        assert await tables.count("model_outage") == 0
        model.always(None)
        events = await packages(tables, 6)
    assert {(event["cause"], event["status"]) for event in events[3:]} == {("upgrade", "ready")}
    assert await tables.count("model_outage") == 0


@pytest.mark.failure(19)
async def test_an_ailing_api_is_asked_again_for_few_calls_and_later_for_the_others(
    replicas: Replicas, tables: Tables, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each draft's first call fails. A second one at once would double the load."""
    monkeypatch.setattr(worker, "AILING_AGAIN_SECONDS", (5.0, 6.0))
    refuse, seen = model_server.error(500), set[str]()

    def behave(received: Received) -> Reply:
        if received.records in seen:
            return model.answer(received)
        seen.add(received.records)
        return refuse(received)

    model.always(behave)
    await asked(tables, 20)
    async with replicas.start():
        first = await packages(tables, 20)
        at_once = sum(calls - 1 for calls in model.calls_by_draft().values())
        assert 1 <= at_once <= 4
        assert sum(event["status"] == "ready" for event in first) == at_once
        events = await packages(tables, 40 - at_once)
    assert {event["status"] for event in events[20:]} == {"ready"}
    assert await tables.count("model_outage") == 0


@pytest.mark.failure(20)
async def test_after_an_outage_calls_come_back_little_by_little(
    replicas: Replicas, tables: Tables, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "AILING_AGAIN_SECONDS", (0.1, 0.2))
    model.always(model_server.error(529))
    await asked(tables, 24)
    async with replicas.start(places=16, spread_seconds=0.0, probe_seconds=3.0):
        await packages(tables, 24)
        assert await tables.count("model_outage") == 1
        gates = [threading.Event() for _ in range(64)]
        before = model.calls

        def held(received: Received) -> Reply:
            return Menu(model).held(gates[model.calls - before - 1])(received)

        model.always(held)
        answered, rounds = 0, []
        while answered < 15:
            under_way = await _steady(model) - before - answered
            rounds.append(under_way)
            for gate in gates[answered : answered + under_way]:
                gate.set()
            answered += under_way
        for gate in gates:
            gate.set()
        await packages(tables, 48)
    assert sorted(set(rounds))[:3] == [1, 2, 4], rounds
    assert max(rounds) <= 8, rounds


async def _steady(model: ModelServer) -> int:
    """The calls so far, once there is a new one and then no further one for a while."""
    seen, calls = model.calls, model.calls

    async def more() -> bool:
        return model.calls > seen

    await until(more)
    while calls != model.calls:
        calls = model.calls
        await asyncio.sleep(0.7)
    return calls
