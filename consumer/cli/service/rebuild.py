"""`rebuild`: an empty database becomes the store that the topics tell of, while another one serves."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from consumer.cli import output
from consumer.flows.rebuild import Rebuilt
from consumer.settings import Settings, read_settings
from consumer.wiring.rebuilds import rebuild_store


def rebuild(*, as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """Build the store anew from the topics, into the empty database at DATABASE_URL, beside the service that runs.

    Reads as far as the service has read, publishes nothing and calls no model. Run it again for what came since, and a
    last time once the service is stopped: then a service may be started on this database.
    """
    found = asyncio.run(_rebuilt(read_settings()))
    if as_json:
        output.as_json(
            {
                "events": found.events,
                "requests": found.requests,
                "outcomes": found.outcomes,
                "presumed_answered": found.presumed,
                "lost": {f"{topic}/{partition}": count for (topic, partition), count in sorted(found.lost.items())},
                "ready_to_serve": not found.serving,
            }
        )
        return
    output.say(f"{found.events} session records, {found.requests} request records and {found.outcomes} outcomes read.")
    for (topic, partition), count in sorted(found.lost.items()):
        output.say(f"{topic} {partition}: {count} older records are no longer retained.")
    if found.presumed:
        output.say(f"{found.presumed} requests are older than the outcomes that are retained: taken as answered.")
    if found.serving:
        output.say(
            "A service still reads the topics. Stop it and run this once more before another one is started here."
        )
    else:
        output.say("Complete: start the service on this database.")


async def _rebuilt(settings: Settings) -> Rebuilt:
    with _bar() as bar:
        task = bar.add_task("", total=None)
        return await rebuild_store(settings, progress=lambda records: bar.advance(task, records))


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:.0f} records"), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
