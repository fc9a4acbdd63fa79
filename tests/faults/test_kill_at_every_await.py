"""The service dies at every point at which its code may wait, and ends as if nothing had happened.

The points are found in the code: a new await is killed at as soon as some act passes it. One that none passes has to be
explained in `tests/support/killing/unreached.toml`, or the long test fails.
`python -m tests.support.killing "part of a kill's name"` makes some kills alone.
"""

import asyncio
import contextlib
import secrets
import sys
import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.support.databases import CopiedDatabases, SchemasOfGiven
from tests.support.killing import acts, points
from tests.support.killing.mother import open_mother
from tests.support.killing.page import Page, WatchedCalls
from tests.support.killing.points import Moment, Watched, all_points
from tests.support.killing.siege import Siege
from tests.support.servers import TestServers as AllServers

LANES = 4
UNREACHED = tomllib.loads((Path(points.__file__).parent / "unreached.toml").read_text(encoding="utf-8"))
"""Why no act passes a point, and the beginnings of such points' names."""
EXPLAINED = tuple(name for group in UNREACHED.values() for name in group["points"])
SAMPLE = dedent("""
    import asyncio, contextlib

    async def numbers(count):
        for number in range(count):
            await asyncio.sleep(0.001)
            yield number

    @contextlib.asynccontextmanager
    async def noted(notes):
        notes.append("in")
        try:
            yield notes
        finally:
            await asyncio.sleep(0.001)
            notes.append("out")

    class Sample:
        async def run(self, notes):
            async with noted(notes) as inner, asyncio.timeout(5):
                async for number in numbers(2):
                    inner.append(number)
                inner += [number async for number in numbers(3) if number]
                return await self.done()

        async def done(self):
            return "done"

        async def fails(self, notes):
            async with noted(notes):
                await asyncio.wait_for(asyncio.sleep(9), 0.001)

        async def hangs(self, notes):
            async with noted(notes):
                await asyncio.sleep(9)
""")


class TestPoints:
    def test_each_has_a_name_of_its_own(self) -> None:
        names = [point.name for point in all_points()]
        assert len(set(names)) == len(names) > 1000

    def test_a_module_is_in_unless_it_is_left_out_by_name(self) -> None:
        modules = {point.module for point in all_points()}
        assert {
            "consumer.flows.intake.loop",
            "consumer.adapters.postgres.outbox",
            "consumer.flows.retention",
        } <= modules
        assert not any(module.startswith(tuple(points.OUTSIDE)) for module in modules)
        gone = [name for name in points.OUTSIDE if not _is_there(name)]
        assert gone == [], "left out, and no longer there"

    def test_every_kind_is_found_and_what_never_waits_is_not(self) -> None:
        pairs = [(point.function, point.what) for point in Watched("sample", SAMPLE, 0).points]
        assert [pair for pair in pairs if pair[0] == "Sample.run"] == [
            ("Sample.run", "enter noted(notes)"),
            ("Sample.run", "exit noted(notes)"),
            ("Sample.run", "async for numbers(2)"),
            ("Sample.run", "async for numbers(3)"),
            ("Sample.run", "await self.done()"),
        ]
        assert len(pairs) == 5 + 2 + 3 + 3

    def test_what_is_explained_is_there(self) -> None:
        names = [point.name for point in all_points()]
        assert [part for part in EXPLAINED if not any(name.startswith(part) for name in names)] == []


class TestWatchedCode:
    """It does what it does unwatched, or the kills would prove nothing."""

    async def test_it_gives_the_same_values_errors_and_cancellations(self, tmp_path: Path) -> None:
        results = [await _everything(make()) for make in (_plain, lambda: _watched(Page(tmp_path / "page")))]
        assert results[0] == results[1]
        assert results[0][0] == ("done", ["in", 0, 1, 1, 2, "out"])

    async def test_each_moment_of_a_point_is_noted(self, tmp_path: Path) -> None:
        page = Page(tmp_path / "page")
        await _watched(page).run([])
        names = [point.what for point in Watched("sample", SAMPLE, 0).points]
        passes = {
            moment: [page.counts()[Page.slot(number, moment)] for number in range(len(names))] for moment in Moment
        }
        of = {name: [passes[moment][number] for moment in Moment] for number, name in enumerate(names)}
        assert of["await self.done()"] == [1, 0, 1], "it does not wait"
        assert of["async for numbers(2)"] == [3, 0, 2], "its waits are noted within"
        assert of["exit noted(notes)"] == [0, 0, 0] or of["exit noted(notes)"] == [1, 0, 1]

    async def test_only_the_armed_pass_kills(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        page, killed = Page(tmp_path / "page"), []
        monkeypatch.setattr("tests.support.killing.page.os.kill", lambda *how: killed.append(how))
        slot = Page.slot(0, Moment.BEFORE)
        page.arm(slot, 3)
        for _ in range(2):
            page.reach(slot)
            page.reach(Page.slot(0, Moment.AFTER))
        assert not page.has_killed
        page.reach(slot)
        page.reach(slot)
        assert page.has_killed
        assert len(killed) == 1


def _is_there(module: str) -> bool:
    path = points.ROOT.joinpath(*module.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def _plain() -> Any:
    return _sample(compile(SAMPLE, "sample", "exec"), {})


def _watched(page: Page) -> Any:
    calls = WatchedCalls()
    calls.page = page
    around = {name: getattr(calls, name) for name in ("watched_await", "watched_for", "watched_with")}
    return _sample(compile(Watched("sample", SAMPLE, 0).tree, "sample", "exec"), around)


def _sample(code: Any, names: dict[str, Any]) -> Any:
    exec(code, names)
    return names["Sample"]()


async def _everything(sample: Any) -> list[Any]:
    notes: list[list[Any]] = [[], [], []]
    result = await sample.run(notes[0])
    with pytest.raises(TimeoutError):
        await sample.fails(notes[1])
    hanging = asyncio.create_task(sample.hangs(notes[2]))
    await asyncio.sleep(0.01)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    return [(result, notes[0]), notes[1], notes[2]]


@contextlib.asynccontextmanager
async def opened_siege(
    servers: AllServers, databases: CopiedDatabases | SchemasOfGiven, folder: Path, tell: Callable[[str], None]
) -> AsyncIterator[Siege]:
    seed = secrets.randbelow(10_000)
    tell(f"seed {seed}")
    async with open_mother() as mother:
        yield Siege(
            servers=servers,
            databases=lambda: databases.fresh(migrated=True),
            mother=mother,
            folder=folder,
            seed=seed,
            lanes=LANES,
            tell=tell,
        )


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.failure(1, 2, 3, 41)
async def test_killed_at_each_of_its_points_in_turn_it_ends_as_undisturbed(
    servers: AllServers,
    _databases: CopiedDatabases | SchemasOfGiven,  # noqa: PT019 - one for each stage
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def tell(line: str) -> None:
        with capsys.disabled():
            sys.stderr.write(f"{line}\n")

    async with opened_siege(servers, _databases, tmp_path, tell) as siege:
        await siege.record(acts.ACTS.values())
        unexplained = {name for name in siege.report.unreached() if not name.startswith(EXPLAINED)}
        assert unexplained == set(), "play them in an act, or say why not"
        await siege.kill(siege.plan())
    assert siege.report.wrong == []
    assert len(siege.report.done) > 1000
    assert len(siege.report.unmet) < len(siege.report.done) / 50, [str(kill) for kill in siege.report.unmet]
