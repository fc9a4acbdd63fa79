"""Servers come later than the service: its log says so, once for each hop that is lost and once when it works."""

import asyncio

import pytest

from tests.e2e.test_log_story import lines_named, lines_of
from tests.support import servers as support
from tests.support.stage import Stage, Story
from tests.support.waiting import until


@pytest.mark.long
@pytest.mark.kills_servers
async def test_a_server_that_comes_late_is_told_once_when_it_is_lost_and_once_when_it_works(
    stage: Stage, servers: support.TestServers
) -> None:
    await servers.kafka.kill()
    await servers.postgres.kill()
    service = stage.service()
    service.start()

    async def waits() -> bool:
        return bool(lines_named(lines_of(service), "waiting_to_be_prepared"))

    await until(waits)
    await asyncio.sleep(6)
    await servers.postgres.start()
    await asyncio.sleep(6)
    await servers.kafka.start()
    await service.wait_ready()
    story = Story()
    await stage.send(story.opened(), story.request(state_version=1))
    await stage.published(1)
    lines = lines_of(service)
    assert {line["level"] for line in lines if line["event"] != "library"} == {"info", "warning"}
    lost, back = lines_named(lines, "hop_lost"), lines_named(lines, "hop_recovered")
    hops = [line["hop"] for line in lost]
    assert "database" in hops
    assert len(hops) == len(set(hops)), hops
    assert sorted(hops) == sorted(line["hop"] for line in back), "each of them works again"
    assert next(line["seconds"] for line in back if line["hop"] == "database") > 4
    assert len(lines_named(lines, "waiting_to_be_prepared")) < 6
