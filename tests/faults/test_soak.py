"""A minute of the soak: `make soak` lets everything flap for as long as asked."""

from pathlib import Path

import pytest

from tests.soak.plan import Weather
from tests.soak.soak import Soak, Terms
from tests.soak.view import View
from tests.support import servers as support
from tests.support.stage import Stage


@pytest.mark.long
@pytest.mark.kills_servers
@pytest.mark.timeout(900)
async def test_a_minute_in_which_everything_flaps(stage: Stage, servers: support.TestServers, tmp_path: Path) -> None:
    soak = Soak(servers, stage, tmp_path, Terms(minutes=1.0, seed=7, rate=1.0, weather=Weather()))
    with View(soak.figures, minutes=1.0, seed=7) as view:
        summary = await soak.run(view)
    assert summary["complaints"] == []
    assert summary["planted_poison"] > 0
    assert sum(summary["faults"].values()) > 10
    assert summary["answered"] == summary["requests"] > 20
