"""Takes the packages of an export into the tables, each as soon as its events are stored."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from consumer.adapters.postgres.core.pool import Pool
from consumer.adapters.postgres.operation.copying import Kept, keep
from consumer.domain.package.export import Copy
from consumer.settings import Settings
from consumer.wiring.database import prepared_database

PATIENCE_SECONDS = 30.0
"""How long to wait while no package's events arrive: then the service does not run, or the events are others."""
LOOK_SECONDS = 0.25

_WORDS = {
    Kept.TAKEN: "taken, each proven from the events that are here",
    Kept.KNOWN: "here already",
    Kept.EARLY: "not taken: not all their events are here. Does the service run? Then load the file again",
    Kept.OTHER: "not taken: the events that are here give another digest",
    Kept.REFUSED: "not taken: their session was erased here, or their request went another way",
}


async def keep_all(settings: Settings, copies: Iterator[Copy], *, total: int) -> Counter[Kept]:
    """Takes the packages in their order; returns how many ended in which way. Raises Transient without the database."""
    kept: Counter[Kept] = Counter()
    until = time.monotonic() + PATIENCE_SECONDS
    with _bar() as bar:
        task = bar.add_task("packages", total=total)
        async with prepared_database(settings, name="look") as pool:
            for copy in copies:
                result = await _kept(pool, copy, until)
                kept[result] += 1
                if result is not Kept.EARLY:
                    until = time.monotonic() + PATIENCE_SECONDS
                bar.advance(task)
    return kept


async def _kept(pool: Pool, copy: Copy, until: float) -> Kept:
    while True:
        result = await keep(pool, copy)
        if result is not Kept.EARLY or time.monotonic() > until:
            return result
        await asyncio.sleep(LOOK_SECONDS)


def kept_words(in_file: int, kept: Counter[Kept] | None) -> Iterator[str]:
    """Yields, for people, a sentence for each way in which packages ended."""
    if in_file and kept is None:
        yield f"{in_file} packages in the file were left alone; --packages takes them, into the database only."
    for result, words in _WORDS.items():
        if kept is not None and kept[result]:
            yield f"{kept[result]} packages {words}."


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("packages taken"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
