"""The disk is full, or no descriptor is left: the service pauses, says so, loses nothing, and goes on by itself."""

import asyncio
import contextlib
import resource
import secrets
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from consumer.adapters.embedded import account
from tests.faults.test_stores import answers, named, sessions
from tests.support.stage import Stage

pytestmark = pytest.mark.kills_servers  # a given PostgreSQL has other disks
TOO_FEW = 1
"""No new file or connection is possible; those that are open stay."""
DISK_BYTES = 4_000_000


@pytest.mark.long
@pytest.mark.failure(36)
async def test_without_descriptors_it_pauses_and_goes_on_when_there_are_some(stage: Stage) -> None:
    service = await stage.running()
    await stage.send(*sessions(5, "before"))
    await stage.published(5)
    limits = resource.prlimit(service.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(service.pid, resource.RLIMIT_NOFILE, (TOO_FEW, limits[1]))
    await stage.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await stage.send(*sessions(20, "without-descriptors"))
    await asyncio.sleep(10)
    assert "Too many open files" in service.logged
    resource.prlimit(service.pid, resource.RLIMIT_NOFILE, limits)
    await answers(service, 200)
    await stage.settled()
    await stage.verdict()
    assert "loop_restarted" not in service.logged


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A small file system of its own, with a folder `tablespace` for PostgreSQL."""
    folder = Path(tempfile.mkdtemp(prefix="small-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        folder.rmdir()
        pytest.skip("this machine does not let a test mount a small file system")
    try:
        folder.chmod(0o755)
        (folder / "tablespace").mkdir()
        if (unprivileged := account.needed()) is not None:
            unprivileged.own(folder / "tablespace")
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


@pytest.fixture
async def on_small_disk(small_disk: Path, stage: Stage) -> AsyncIterator[None]:
    """The table of events lies on the small disk."""
    name = f"small_{secrets.token_hex(4)}"
    await stage.execute(f"CREATE TABLESPACE {name} LOCATION '{small_disk / 'tablespace'}'", database="postgres")
    await stage.execute(f"ALTER TABLE session_events SET TABLESPACE {name}")
    yield
    for service in stage.services:
        service.discard()
    await stage.execute("DROP TABLE session_events")
    await stage.execute(f"DROP TABLESPACE {name}", database="postgres")


def fill(file: Path) -> None:
    """Until nothing is left of the disk."""
    with file.open("wb", buffering=0) as junk, contextlib.suppress(OSError):
        while junk.write(bytes(4096)):
            pass


@pytest.mark.usefixtures("on_small_disk")
@pytest.mark.failure(36)
async def test_a_full_disk_is_named_and_work_goes_on_when_there_is_room(stage: Stage, small_disk: Path) -> None:
    service = await stage.running()
    await stage.send(*sessions(5, "before"))
    await stage.published(5)
    fill(small_disk / "junk")
    await stage.send(*sessions(200, "no-room"))
    await named(service, "store")
    assert "DiskFull" in (await service.prompt_readiness()).stuck["store"]
    (small_disk / "junk").unlink()
    await answers(service, 200)
    await stage.settled()
    await stage.verdict()
    assert await stage.query("SELECT count(*) FROM dead_letters") == [{"count": 0}]
