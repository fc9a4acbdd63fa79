"""`schemas`: the published language as files, for teams in any language."""

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
    from schemas.generate import documents

    found = documents()
    if write is not None:
        write.mkdir(parents=True, exist_ok=True)
        for one, text in found.items():
            (write / one).write_text(text, encoding="utf-8")
        output.say(f"Wrote {len(found)} files into {write}.")
    elif name is not None:
        text = found.get(name) or found.get(f"{name}.json")
        if text is None:
            raise Permanent(f"There is no schema {name}. `escalation-consumer schemas` lists them.")
        output.raw(text)
    elif as_json:
        output.as_json(sorted(found))
    else:
        for one in sorted(found):
            output.say(one)
