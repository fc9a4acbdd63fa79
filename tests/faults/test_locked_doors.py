"""All doors are locked: the whole service works through TLS, logins, roles and ACLs, and nothing else is let in."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.faults.test_stores import sessions
from tests.support import servers as support
from tests.support.locked import LOGINS, LockedDoors, LockedStage

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockedDoors]:
    made = LockedDoors.of(tmp_path_factory.mktemp("locked"))
    support.run(made.servers.start())
    yield made
    support.run(made.servers.stop())


@pytest.fixture
async def locked(doors: LockedDoors, tmp_path: Path) -> AsyncIterator[LockedStage]:
    async with LockedStage(doors, folder=tmp_path) as made:
        yield made


def wrong(output: str) -> list[str]:
    """What `doctor` finds wrong."""
    return [
        f"{check['check']}: {finding['text']}"
        for check in json.loads(output)["checks"]
        for finding in check["findings"]
        if finding["level"] == "wrong"
    ]


@pytest.mark.parametrize("login", LOGINS)
async def test_the_whole_service_works_behind_locked_doors(doors: LockedDoors, tmp_path: Path, login: str) -> None:
    async with LockedStage(doors, folder=tmp_path, login=login) as stage:
        service = await stage.running()
        await stage.send(*sessions(5, "locked"))
        await stage.published(5)
        await stage.settled()
        await stage.verdict(secrets=[stage.password, *doors.passwords.values()])
        looked = await stage.command("doctor", "--json", ESCALATION_HTTP_PORT=str(service.port))
        assert wrong(looked.output) == []
        assert (looked.code, looked.errors) == (0, "")
        logged = [json.loads(line) for line in service.logged.splitlines()]
        assert [line for line in logged if line["level"] != "info"] == []
        assert (await service.terminate()).code == 0
