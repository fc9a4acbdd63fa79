"""How the commands speak: text for people, JSON for machines. Both go to standard output."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from consumer.adapters.postgres.core.pool import Pool, closing_pool
from consumer.adapters.postgres.operation.look import StoreReader
from consumer.settings import Settings

_PIPED_COLUMNS = 500


@asynccontextmanager
async def pool(settings: Settings) -> AsyncIterator[Pool]:
    """A connection to the tables of this release; raises Transient when they are away or not prepared."""
    async with closing_pool(settings.database_url.get_secret_value(), name="look", max_size=1) as opened:
        await StoreReader(opened).probe()
        yield opened


@asynccontextmanager
async def looking(settings: Settings) -> AsyncIterator[StoreReader]:
    """The tables, for a command that reads them; raises Transient when they are away."""
    async with pool(settings) as opened:
        yield StoreReader(opened)


def say(text: str) -> None:
    """A line for people, as it is."""
    Console(highlight=False, soft_wrap=True).print(text, markup=False)


def as_json(value: object) -> None:
    """One JSON document."""
    Console(highlight=False, soft_wrap=True).out(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def raw(text: str) -> None:
    """As it is, to be piped."""
    Console(highlight=False, soft_wrap=True).out(text, end="")


def heading(text: str) -> None:
    """A line of its own above what follows."""
    console = Console(highlight=False, soft_wrap=True)
    console.print()
    console.print(text, style="bold", markup=False)


def markdown(text: str) -> None:
    """Rendered for the terminal."""
    Console().print(Markdown(text))


def fields(row: Mapping[str, object]) -> None:
    """One row, a line a column; what is null is left out."""
    for name, value in row.items():
        if value is not None:
            say(f"{name.replace('_', ' '):>24}  {_cell(value)}")


def table(
    found: Sequence[Mapping[str, object]], *, columns: Iterable[str], empty: str, json_wanted: bool = False
) -> None:
    """A table of these columns, or a JSON list of whole rows."""
    if json_wanted:
        as_json([dict(row) for row in found])
        return
    if not found:
        say(empty)
        return
    names = tuple(columns)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in found:
        table.add_row(*(_cell(row[name]) for name in names))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPED_COLUMNS)  # whole ids, for grep
    console.print(table)


def complain(text: str) -> None:
    """A line on standard error, as it is."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """A sign of life on standard error, where somebody looks at it."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(text):
            yield
    else:
        yield


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error, where somebody looks at it; gives what moves it on by one."""
    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        case _:
            return str(value)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
