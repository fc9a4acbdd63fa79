"""`schemas`: the published language as files, for teams in any language."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from consumer.cli import output
from consumer.errors import Permanent


def show_schemas(
    name: Annotated[str | None, typer.Argument(help="Print this one; without it, list them all.")] = None,
    *,
    write: Annotated[Path | None, typer.Option(help="Write all of them into this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """List, print or write the JSON Schemas and the AsyncAPI document of all events."""
    found = _documents()
    if write is not None:
        write.mkdir(parents=True, exist_ok=True)
        for one, text in found.items():
            (write / one).write_text(text, encoding="utf-8")
        output.say(f"Wrote {len(found)} files into {write}.")
    elif name is not None:
        wanted = found.get(name) or found.get(f"{name}.json")
        if wanted is None:
            raise Permanent(f"There is no schema {name}. `escalation-consumer schemas` lists them.")
        output.raw(wanted)
    elif as_json:
        output.as_json(sorted(found))
    else:
        for one in sorted(found):
            output.say(one)


def _documents() -> dict[str, str]:
    """The shipped files by name; making them anew takes what only development has."""
    folder = files("schemas") / "generated"
    return {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.is_file()}
