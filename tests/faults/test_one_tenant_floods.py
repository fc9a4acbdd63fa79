"""One tenant sends more than there are places for. The others do not wait behind it, and nobody misses a deadline."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.support import model_server
from tests.support.model_server import Behaviour, Menu
from tests.support.stage import Event, Stage, Story
from tests.support.waiting import LONG_ENOUGH_SECONDS, until

FLOOD = 300
QUIET_SECONDS = 5.0
"""Five requests at eight places whose calls take a second each: a place that becomes free is theirs, turn about."""


@pytest.mark.parametrize(
    "places",
    [pytest.param([8], id="one replica"), pytest.param([4, 4], id="two replicas", marks=pytest.mark.long)],
)
@pytest.mark.failure(49)
@pytest.mark.promise(11)
async def test_five_requests_of_another_tenant_do_not_wait_behind_three_hundred(
    stage: Stage, places: list[int]
) -> None:
    stage.model.always(Menu(stage.model).slow(1.0))
    for number in places:
        await stage.running(model_concurrency=str(number))
    await stage.send(*escalated("loud", range(FLOOD), priority=1))
    await stored(stage, "loud", FLOOD)
    await stage.send(*escalated("quiet", range(5), priority=4))
    await until(lambda: all_done(stage, "quiet", 5), within_seconds=2 * LONG_ENOUGH_SECONDS)
    rows = await stage.query(
        "SELECT extract(epoch FROM first_done_at - stored_at)::float8 AS seconds, p.status"
        " FROM requests AS r JOIN packages AS p ON p.package_id = r.last_package_id WHERE r.tenant_id = 'quiet'"
    )
    assert {row["status"] for row in rows} == {"ready"}
    assert max(row["seconds"] for row in rows) < QUIET_SECONDS
    (left,) = await stage.query("SELECT count(*) AS waiting FROM requests WHERE tenant_id = 'loud' AND state = 'open'")
    assert left["waiting"] > FLOOD / 3, "the flood was over before the others came"


@pytest.mark.parametrize(
    "away",
    [
        pytest.param(model_server.error(529), id="the model is away", marks=pytest.mark.long),
        pytest.param(model_server.hang(), id="the model hangs", marks=pytest.mark.long),
    ],
)
@pytest.mark.failure(49)
async def test_every_request_of_a_flood_gets_its_fallback_by_its_deadline(stage: Stage, away: Behaviour) -> None:
    stage.model.always(away)
    await stage.running()
    await stage.send(*escalated("loud", range(500), deadline_seconds=30))
    await stored(stage, "loud", 500)
    await until(lambda: all_done(stage, "loud", 500), within_seconds=2 * LONG_ENOUGH_SECONDS)
    rows = await stage.query(
        "SELECT extract(epoch FROM first_done_at - deadline_at)::float8 AS late, p.status"
        " FROM requests AS r JOIN packages AS p ON (p.tenant_id, p.session_id, p.request_id, p.revision)"
        " = (r.tenant_id, r.session_id, r.request_id, 1)"
    )
    assert len(rows) == 500
    assert {row["status"] for row in rows} == {"fallback"}
    late = [row["late"] for row in rows if row["late"] > 0]
    assert late == [], f"{len(late)} of 500 were late"


def escalated(tenant: str, numbers: Iterable[int], **request: Any) -> list[Event]:
    stories = [Story(f"{tenant}-{number}", tenant_id=tenant) for number in numbers]
    return [event for story in stories for event in (story.opened(f"Case of {story.session_id}"), story.fact())] + [
        story.request(state_version=2, **request) for story in stories
    ]


async def stored(stage: Stage, tenant: str, count: int) -> None:
    async def all_are() -> bool:
        (row,) = await stage.query("SELECT count(*) AS requests FROM requests WHERE tenant_id = $1", tenant)
        return bool(row["requests"] >= count)

    await until(all_are)


async def all_done(stage: Stage, tenant: str, count: int) -> bool:
    (row,) = await stage.query(
        "SELECT count(*) AS requests FROM requests WHERE tenant_id = $1 AND first_done_at IS NOT NULL", tenant
    )
    return bool(row["requests"] >= count)
