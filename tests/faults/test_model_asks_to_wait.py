"""The account's limits are reached: the service finds them, and calls as often as the API takes it. No outage."""

import pytest

from tests.support.model_server import Limited
from tests.support.stage import Stage, Story


@pytest.mark.parametrize("redis", ["shared", pytest.param("away", marks=pytest.mark.long)])
@pytest.mark.failure(19)
async def test_two_replicas_keep_to_the_limits_of_the_api_and_draft_everything(stage: Stage, redis: str) -> None:
    limited = Limited(stage.model, in_a_second=20, at_once=4, seconds=0.3, retry_after="1")
    stage.model.always(limited)
    changes = {} if redis == "shared" else {"REDIS_URL": "redis://127.0.0.1:9/0"}
    services = [stage.service_of(stage.environment() | changes) for _ in range(2)]
    for service in services:
        service.start()
        await service.wait_ready()
    stories = [Story(f"s-{number}") for number in range(60)]
    await stage.send(
        *(event for story in stories for event in (story.opened(f"Case of {story.session_id}"), story.fact()))
    )
    await stage.send(*(story.request(deadline_seconds=100) for story in stories))
    events = await stage.published(60, within_seconds=120)
    for service in services:
        readiness = await service.prompt_readiness()
        assert (readiness.status, "model" in readiness.stuck) == (200, False)
        assert '"hop": "model"' not in service.logged
    assert [event["status"] for event in events] == ["ready"] * 60
    assert len(limited.refused) <= 40, "the limit was not found"
    late = sorted(limited.taken + limited.refused)[-30:]
    assert len(set(late) & set(limited.refused)) <= 3
    await stage.settled()
    await stage.verdict()
