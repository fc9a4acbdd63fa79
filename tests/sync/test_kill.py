"""The reference sync is killed at its lines and started again: the same notes, rows and feedback as undisturbed."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.psa_server import PsaServer
from tests.sync.scene import Escalation, Json, Scene, ticket

SHARE = 8
BETWEEN_STEPS = (
    "if made := ",  # the note is posted
    'row["revision"] = max(',
    "feedback = event | ",  # the row is stored
    'self.rows.execute("DELETE FROM held',  # feedback is sent
    "await consumer.commit(",
    "mine = (",  # the offset is committed
)
"""Lines before which one step is done and the next is not."""
SEED = 13
LOOSE = 10
"""The last lines wait for records: how many there are depends on the machine."""
WALKS = 8
"""The whole walk is cut into so many tests."""
AT_ONCE = 4
"""Syncs at a time, each with its own topics and PSA: they mostly wait."""


def history() -> list[Json]:
    """A little of everything: revisions, a moved ticket, a withdrawal with a late package, refusals, a replay."""
    moves, withdrawn = Escalation("moves", ticket("1")), Escalation("withdrawn", ticket("3", "halopsa"))
    closed, failed = Escalation("closed", ticket("4", "autotask")), Escalation("failed", ticket("5"))
    replayed = Escalation("replayed", ticket("6", "autotask"))
    return [
        moves.package(1, "one"),
        withdrawn.package(1, "three"),
        moves.package(2, "two"),
        closed.package(1, "four"),
        moves.package(3, "two", at=ticket("2")),
        withdrawn.withdrawal(1),
        withdrawn.package(2, "late"),
        replayed.package(1, "six"),
        failed.failure(),
        replayed.package(2, "seven", cause="replay", replay_id="march"),
    ]


@asynccontextmanager
async def scene(bootstrap_servers: str, folder: Path) -> AsyncIterator[Scene]:
    folder.mkdir()  # noqa: ASYNC240 - a moment
    with PsaServer() as psa:
        psa.fault("closed", "4")
        psa.fault("lost answer", "1", times=1)
        psa.fault("bad gateway", "6", times=1)
        async with Scene(bootstrap_servers, f"k{secrets.token_hex(4)}.", folder, psa) as made:
            await made.prepare()
            await made.send(*history())
            yield made


async def result(scene: Scene) -> Any:
    """What is the same whenever it was killed: ids of notes are not, nor how often something was told."""
    notes = sorted((note.system, note.ticket, note.text) for note in scene.psa.notes())
    feedback = {
        event["id"]: (event["data"]["package_id"], event["data"]["outcome"], event["data"]["reason"])
        for event in await scene.feedback()
    }
    rows = {key: {name: row[name] for name in row if name != "note_id"} for key, row in scene.rows().items()}
    standing = {key: row["note_id"] for key, row in scene.rows().items() if row["state"] == "posted"}
    kept = {str(note.id): note for note in scene.psa.notes()}
    assert all(key.split("/")[1] in {"moves", "replayed", "failed"} and kept[id_] for key, id_ in standing.items())
    return notes, feedback, rows


async def undisturbed(bootstrap_servers: str, folder: Path) -> tuple[Any, int]:
    """The result and the number of lines at which a sync can be killed."""
    async with scene(bootstrap_servers, folder) as made:
        process = made.sync()
        await process.start(traced=True)
        await made.settled()
        return await result(made), process.lines


async def killed_at(bootstrap_servers: str, folder: Path, line: int | str) -> Any:
    """The result after a kill at the line and a second start."""
    async with scene(bootstrap_servers, folder) as made:
        process = made.sync()
        await process.start(kill_at=line)
        await process.ended()
        await process.start()
        await made.settled()
        return await result(made)


async def wrongly_ended(
    bootstrap_servers: str, folder: Path, chosen: Sequence[int | str], expected: Any
) -> dict[int | str, Any]:
    """The lines after which something else than the expected is there, and what."""
    few = asyncio.Semaphore(AT_ONCE)

    async def ended(line: int | str) -> Any:
        async with few:
            return await killed_at(bootstrap_servers, folder / f"killed-{chosen.index(line)}", line)

    results = await asyncio.gather(*(ended(line) for line in chosen))
    return {line: it for line, it in zip(chosen, results, strict=True) if it != expected}


@pytest.mark.failure(38)
async def test_killed_at_some_of_its_lines_it_ends_as_if_undisturbed(bootstrap_servers: str, tmp_path: Path) -> None:
    expected, lines = await undisturbed(bootstrap_servers, tmp_path / "undisturbed")
    chance = random.Random(SEED)
    by_chance = [int((n + chance.random()) * (lines - LOOSE) / SHARE) + 1 for n in range(SHARE)]
    assert await wrongly_ended(bootstrap_servers, tmp_path, [*BETWEEN_STEPS, *by_chance], expected) == {}


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("walk", range(WALKS))
@pytest.mark.failure(38)
async def test_killed_at_any_of_its_lines_it_ends_as_if_undisturbed(
    walk: int, bootstrap_servers: str, tmp_path: Path
) -> None:
    expected, lines = await undisturbed(bootstrap_servers, tmp_path / "undisturbed")
    assert lines > 500, "the walk is about nothing"
    chosen = range(walk + 1, lines - LOOSE, WALKS)
    assert await wrongly_ended(bootstrap_servers, tmp_path, chosen, expected) == {}
