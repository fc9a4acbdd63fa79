"""The packages of an export, taken into the tables once their events are there."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.operation.copying import Kept, keep
from consumer.cli import output
from consumer.domain.package.export import Copy
from consumer.settings import Settings

PATIENCE_SECONDS = 30.0
"""Without any package whose events came meanwhile: the service does not run, or the events are others."""
LOOK_SECONDS = 0.25

_WORDS = {
    Kept.TAKEN: "taken, each proven from the events that are here",
    Kept.KNOWN: "here already",
    Kept.EARLY: "not taken: not all their events are here. Does the service run? Then load the file again",
    Kept.OTHER: "not taken: the events that are here give another digest",
    Kept.REFUSED: "not taken: their session was erased here, or their request went another way",
}


async def keep_all(settings: Settings, copies: Iterator[Copy], *, total: int) -> Counter[Kept]:
    """In their order. Raises Transient when the database is away."""
    kept: Counter[Kept] = Counter()
    until = time.monotonic() + PATIENCE_SECONDS
    with _bar() as bar:
        task = bar.add_task("packages", total=total)
        async with output.pool(settings) as pool:
            for copy in copies:
                became = await _kept(pool, copy, until)
                kept[became] += 1
                if became is not Kept.EARLY:
                    until = time.monotonic() + PATIENCE_SECONDS
                bar.advance(task)
    return kept


async def _kept(pool: Pool, copy: Copy, until: float) -> Kept:
    while True:
        became = await keep(pool, copy)
        if became is not Kept.EARLY or time.monotonic() > until:
            return became
        await asyncio.sleep(LOOK_SECONDS)


def kept_words(in_file: int, kept: Counter[Kept] | None) -> Iterator[str]:
    """What became of them, for people."""
    if in_file and kept is None:
        yield f"{in_file} packages in the file were left alone; --packages takes them, into the database only."
    for one, words in _WORDS.items():
        if kept is not None and kept[one]:
            yield f"{kept[one]} packages {words}."


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("packages taken"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
