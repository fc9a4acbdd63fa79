"""The output of the commands: text for people or JSON for machines on standard output, the rest on standard error."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

_WIDEST = 10_000
"""Columns of a table that is measured; no line is cut below that."""
_STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys, or what turns the direction of what follows. Ids and texts of records may hold it."""


def say(text: str) -> None:
    """Prints a text for people, without markup. What would steer their terminal is shown as it is written."""
    Console(highlight=False, soft_wrap=True).print(_harmless(text), markup=False)


def as_json(value: object) -> None:
    """Prints the value as one JSON document."""
    Console(highlight=False, soft_wrap=True).out(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def raw(text: str) -> None:
    """Prints the text unchanged, without a line end, for a pipe."""
    Console(highlight=False, soft_wrap=True).out(text, end="")


def heading(text: str) -> None:
    """Prints an empty line and the heading of what follows."""
    console = Console(highlight=False, soft_wrap=True)
    console.print()
    console.print(_harmless(text), style="bold", markup=False)


def markdown(text: str) -> None:
    """Prints markdown rendered for the terminal."""
    from rich.markdown import Markdown  # slow to load

    Console().print(Markdown(text))


def fields(row: Mapping[str, object]) -> None:
    """Prints one row, one line per column; leaves out columns that are null."""
    for name, value in row.items():
        if value is not None:
            say(f"{name.replace('_', ' '):>24}  {_cell(value)}")


def table(
    rows: Sequence[Mapping[str, object]], *, columns: Iterable[str], empty: str, json_wanted: bool = False
) -> None:
    """Prints a table of these columns, the text `empty` without rows, or a JSON list of whole rows."""
    if json_wanted:
        as_json([dict(row) for row in rows])
        return
    if not rows:
        say(empty)
        return
    names = tuple(columns)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name.replace("_", " "), no_wrap=True, overflow="ignore")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in names))
    console = Console(highlight=False)
    width = console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum
    if console.is_terminal and width > console.width:
        _blocks(rows, names)
        return
    Console(highlight=False, width=max(width, 1)).print(table)


def _blocks(rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> None:
    """Rows that are too wide for a terminal, one column per line: an id that is cut cannot be copied."""
    for number, row in enumerate(rows):
        if number:
            say("")
        fields({name: row[name] for name in names})


def complain(text: str) -> None:
    """Prints one line on standard error, without markup."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(_harmless(text), markup=False)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Shows a spinner while the block runs, if standard error is a terminal."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(text):
            yield
    else:
        yield


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Shows a progress bar if standard error is a terminal; gives the function that advances it by one."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

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
            return _harmless(str(value)).replace("\n", "\\n")


def _harmless(text: str) -> str:
    return _STEERS.sub(lambda sign: sign[0].encode("unicode_escape").decode(), text)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
