"""`rebuild`: builds a store from the topics in an empty database, while the service works on another one."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from consumer.cli import output

if TYPE_CHECKING:
    from consumer.flows.rebuild.ports import Rebuilt
    from consumer.settings import Settings


def rebuild(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False) -> None:
    """Build the store again from the topics, in the empty database at DATABASE_URL, beside the running service.

    Reads as far as the service has read, publishes nothing and calls no model. Run it again to read what came since,
    and a last time once the service is stopped. Then a service may be started on this database.
    """
    from consumer.settings import read_settings

    rebuilt = asyncio.run(_rebuilt(read_settings()))
    if as_json:
        output.as_json(
            {
                "events": rebuilt.events,
                "requests": rebuilt.requests,
                "outcomes": rebuilt.outcomes,
                "presumed_answered": rebuilt.presumed,
                "lost": {f"{topic}/{partition}": count for (topic, partition), count in sorted(rebuilt.lost.items())},
                "ready_to_serve": not rebuilt.serving,
            }
        )
        return
    output.say(
        f"{rebuilt.events} session records, {rebuilt.requests} request records and {rebuilt.outcomes} outcomes read."
    )
    for (topic, partition), count in sorted(rebuilt.lost.items()):
        output.say(f"{topic} {partition}: {count} older records are no longer retained.")
    if rebuilt.presumed:
        output.say(f"{rebuilt.presumed} requests are older than the outcomes that are retained: taken as answered.")
    if rebuilt.serving:
        output.say(
            "A service still reads the topics. Stop it and run this once more before another one is started here."
        )
    else:
        output.say("Complete: start the service on this database.")


async def _rebuilt(settings: "Settings") -> "Rebuilt":
    from consumer.wiring.jobs.rebuilds import rebuild_store

    with _bar() as bar:
        task = bar.add_task("", total=None)
        return await rebuild_store(settings, progress=lambda records: bar.advance(task, records))


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:.0f} records"), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
