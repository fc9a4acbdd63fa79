"""Servers that fall silent: connections stay open, and nothing comes any more."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.support.proxies.around import Proxies
from tests.support.proxies.kinds import KAFKA, MODEL, POSTGRES, REDIS
from tests.support.proxies.plan import Action, Always, Listed
from tests.support.stage import Stage, Story
from tests.support.waiting import until

HEALED_SECONDS = 90.0


@pytest.fixture
def proxies(stage: Stage) -> Iterator[Proxies]:
    with Proxies(stage) as made:
        yield made


@pytest.mark.long
@pytest.mark.parametrize("silent", [[KAFKA], [POSTGRES], [REDIS, MODEL], [KAFKA, POSTGRES, REDIS, MODEL]])
@pytest.mark.failure(10)
async def test_it_ends_in_time_and_the_next_one_does_the_rest(
    stage: Stage, proxies: Proxies, silent: list[str]
) -> None:
    service = proxies.service()
    service.start()
    await service.wait_ready()
    stories = [Story() for _ in range(5)]
    for server in silent:
        proxies.by_server[server].fall_silent()
    await stage.send(*(event for story in stories for event in (story.opened(), story.fact(), story.request())))
    await asyncio.sleep(2)
    ended = await service.terminate()
    assert ended.code == 0
    assert ended.seconds <= 25
    for server in silent:
        proxies.by_server[server].recover()
    service.start()
    await stage.settled()
    await stage.verdict()


@pytest.mark.long
@pytest.mark.failure(9)
async def test_a_connection_on_which_no_record_comes_any_more_is_given_up(stage: Stage, proxies: Proxies) -> None:
    service = proxies.service()
    service.start()
    await service.wait_ready()
    ledger = proxies.kafka.ledger
    ledger.follow(Always(Action.SWALLOW, "Fetch"))

    async def silent() -> bool:
        return bool(ledger.met)

    await until(silent)
    ledger.follow(Listed())
    story = Story()
    started = time.monotonic()
    await stage.send(story.opened(), story.fact(), story.request())
    await stage.settled(within_seconds=HEALED_SECONDS)
    assert time.monotonic() - started < HEALED_SECONDS
    await stage.verdict()
