"""`rebuild`: an empty database becomes the store that the topics tell of, while another one serves."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from consumer.adapters.kafka.client import AWAY, connection
from consumer.adapters.kafka.history import TopicHistory
from consumer.adapters.postgres.intake.inbox import PostgresInbox
from consumer.adapters.postgres.operation.look import StoreReader
from consumer.adapters.postgres.rebuild import RebuiltStore
from consumer.cli import output
from consumer.domain.package.package import Sender
from consumer.domain.redaction import Redactor
from consumer.domain.request.schedule import RevisionRules
from consumer.errors import Transient
from consumer.flows.rebuild import Rebuild, Rebuilt
from consumer.settings import Settings, read_settings
from schemas.topics import Topics


def rebuild(*, as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """Build the store anew from the topics, into the empty database at DATABASE_URL, beside the service that runs.

    Reads as far as the service has read, publishes nothing and calls no model. Run it again for what came since, and a
    last time once the service is stopped: then a service may be started on this database.
    """
    found = asyncio.run(rebuilt(read_settings()))
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


async def rebuilt(settings: Settings) -> Rebuilt:
    """One pass. Raises Transient, and Permanent for a store in use."""
    from consumer import app

    await app.prepare_database(settings)
    topics = Topics(settings.topic_prefix)
    rules = RevisionRules(
        after_seconds=settings.revise_after_seconds,
        window_seconds=settings.revise_window_seconds,
        limit=settings.revise_limit,
    )
    async with output.pool(settings) as pool:
        given = settings.redaction_key
        redactor = Redactor(given.get_secret_value().encode() if given else await StoreReader(pool).redaction_key())
        sender = Sender(topics=topics, source=settings.source)
        inbox = PostgresInbox(pool, sender=sender, redactor=redactor, revisions=rules, publishes=False)
        models = [one for one in (settings.model, settings.fallback_model) if one is not None]
        try:
            with _bar() as bar:
                task = bar.add_task("", total=None)
                return await Rebuild(
                    history=TopicHistory(**connection(settings)),
                    inbox=inbox,
                    store=RebuiltStore(pool, sender=sender, models=models, rules=rules),
                    redactor=redactor,
                    topics=topics,
                    group=settings.topic_prefix + settings.consumer_group,
                    progress=lambda records: bar.advance(task, records),
                ).run()
        except AWAY as error:
            raise Transient(f"Kafka: {type(error).__name__}. Run it again: it goes on where it was.") from error


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:.0f} records"), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
