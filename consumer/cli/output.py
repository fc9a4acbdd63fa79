"""How the commands speak: text for people, JSON for machines. Both go to standard output."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table


def say(text: str) -> None:
    """A line for people, as it is."""
    Console(highlight=False, soft_wrap=True).print(text, markup=False)


def as_json(value: object) -> None:
    """One JSON document."""
    Console(highlight=False, soft_wrap=True).out(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def rows(found: Sequence[Mapping[str, object]], *, columns: Iterable[str], empty: str, json_wanted: bool) -> None:
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
    Console(highlight=False).print(table)


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
