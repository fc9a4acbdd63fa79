"""Servers that fall silent: connections stay open, and nothing comes any more."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from consumer.adapters.kafka.history import TopicHistory
from consumer.domain.events import TopicPartition
from consumer.errors import Transient
from tests.support.proxies.around import Proxies
from tests.support.proxies.kafka import KafkaProxy
from tests.support.proxies.kinds import KAFKA, MODEL, POSTGRES, REDIS
from tests.support.proxies.plan import Action, Always, Listed
from tests.support.stage import Stage, Story
from tests.support.topics import make_topics
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


QUESTIONS: dict[str, Callable[[TopicHistory, str], Awaitable[object]]] = {
    "ApiVersions": lambda history, topic: history.spans([topic]),
    "Metadata": lambda history, topic: history.spans([topic]),
    "ListOffsets": lambda history, topic: history.spans([topic]),
    "FindCoordinator": lambda history, _: history.has_members("a group"),
    "OffsetFetch": lambda history, topic: history.committed("a group", [TopicPartition(topic, 0)]),
}


@pytest.mark.long
@pytest.mark.parametrize("kind", QUESTIONS)
async def test_what_the_topics_hold_is_asked_within_a_bound(
    bootstrap_servers: str, topic_prefix: str, kind: str
) -> None:
    """The service takes up nothing until its store was held against them, at its start and after a failover."""
    topic = f"{topic_prefix}events"
    await make_topics(bootstrap_servers, **{topic: 1})
    with KafkaProxy(bootstrap_servers, Always(Action.SWALLOW, kind)) as proxy:
        started = time.monotonic()
        with pytest.raises(Transient):
            await QUESTIONS[kind](TopicHistory(bootstrap_servers=proxy.address), topic)
    assert time.monotonic() - started < 25
