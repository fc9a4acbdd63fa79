"""`schemas`: the published schemas as files, for teams that use any programming language."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from consumer.cli import output
from consumer.errors import Permanent


def show_schemas(
    name: Annotated[str | None, typer.Argument(help="Print this schema; without a name, list all schemas.")] = None,
    *,
    write: Annotated[Path | None, typer.Option(help="Write all schemas into this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List, print or write the JSON Schemas and the AsyncAPI document of all events."""
    documents = _documents()
    if write is not None:
        try:
            write.mkdir(parents=True, exist_ok=True)
            for file_name, text in documents.items():
                (write / file_name).write_text(text, encoding="utf-8")
        except FileExistsError as error:
            raise Permanent(f"{write} is no folder; --write takes one.") from error
        output.say(f"Wrote {len(documents)} files into {write}.")
    elif name is not None:
        wanted = documents.get(name) or documents.get(f"{name}.json")
        if wanted is None:
            raise Permanent(f"There is no schema {name}. `escalation-consumer schemas` lists them.")
        output.raw(wanted)
    elif as_json:
        output.as_json(sorted(documents))
    else:
        for file_name in sorted(documents):
            output.say(file_name)


def _documents() -> dict[str, str]:
    """Returns the shipped files by name. Making them anew needs packages that only a development setup has."""
    folder = files("schemas") / "generated"
    return {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.is_file()}
