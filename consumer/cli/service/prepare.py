"""`prepare`: makes tables, topics and the redaction key."""

import asyncio
from typing import Annotated

import typer

from consumer.cli import output


def prepare(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Make the tables and the topics, or bring them up to date. May be repeated, also by several processes at once."""
    from consumer.settings import read_settings
    from consumer.wiring.stores import prepare_stores

    done = asyncio.run(prepare_stores(read_settings()))
    if as_json:
        output.as_json({"migrations": done.migrations, "topics": done.topics})
        return
    for name in done.migrations:
        output.say(f"applied {name}")
    for name in done.topics:
        output.say(f"made topic {name}")
    output.say("Ready.")
