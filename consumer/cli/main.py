"""`escalation-consumer`: all commands, and the exit code of each error."""

import sys
from typing import Annotated, ClassVar

import typer

from consumer.cli.ending import ended
from consumer.cli.lazy import LazyCommand, LazyGroup
from consumer.cli.version import show_version


class Commands(LazyGroup):
    """All commands, in the order of the help."""

    lazy: ClassVar = {
        "run": LazyCommand("service.run:run", "Run the service until SIGTERM or SIGINT."),
        "prepare": LazyCommand(
            "service.prepare:prepare",
            "Make the tables and the topics, or bring them up to date.",
        ),
        "status": LazyCommand(
            "inspection.status:show_overview",
            "Show what needs attention now: what stands, what waits, deadlines, refused records, spend, the outbox.",
        ),
        "doctor": LazyCommand(
            "doctor.command:doctor",
            "Look at servers, rights, topics, tables, clock, key, model and settings, and say what to do.",
        ),
        "load": LazyCommand(
            "transfer.load:load", "Send JSON lines to the input topics. Topic names are given without the prefix."
        ),
        "rewind": LazyCommand(
            "service.rewind:rewind",
            "Move the consumer group to other offsets of the input topics.",
        ),
        "export": LazyCommand(
            "transfer.export:export",
            "Write a tenant's or a session's events and packages as JSON lines that `load` takes back.",
        ),
        "demo": LazyCommand(
            "demo.command:demo",
            "Start real Kafka, PostgreSQL and Redis and the service, send sample sessions, show the packages.",
        ),
        "replay": LazyCommand("replay.command:replay", "Make packages again: plan, compare, apply."),
        "session": LazyCommand("inspection.show:sessions", "Look at sessions."),
        "bundle": LazyCommand(
            "inspection.show:show_bundle",
            "Show the bundle of a session's newest state: the records that a draft may rest on, and their digest.",
        ),
        "draft": LazyCommand(
            "trial.draft:draft",
            "Draft from a stored session or a file of events, and show text, bundle, checks and price.",
        ),
        "evaluate": LazyCommand(
            "trial.evaluate:evaluate",
            "Draft from many sessions and show the result of each check, with totals.",
        ),
        "verify": LazyCommand(
            "inspection.verify:verify",
            "Prove a package from the stored events and show what each line rests on.",
        ),
        "package": LazyCommand("inspection.tables:packages", "Look at packages."),
        "request": LazyCommand("inspection.requests:requests", "Look at requests."),
        "dead-letters": LazyCommand(
            "dead_letters.group:dead_letters", "Look at records that were refused; send them again or delete them."
        ),
        "tenant": LazyCommand("tenants.policy:tenants", "What tenants want: model or none, language, budget, footer."),
        "feedback": LazyCommand("tenants.feedback:feedback", "What became of packages."),
        "spend": LazyCommand(
            "tenants.spend:spend",
            "Show what calls to models have cost.",
        ),
        "outbox": LazyCommand(
            "inspection.tables:show_outbox",
            "Show the events that wait to be published, the oldest first, and which process publishes.",
        ),
        "trim": LazyCommand(
            "service.trim:trim",
            "Delete the content of sessions that have been quiet for long: events, drafts and packages together.",
        ),
        "rebuild": LazyCommand(
            "service.rebuild:rebuild",
            "Build the store again from the topics, in the empty database at DATABASE_URL, beside the running service.",
        ),
        "settings": LazyCommand(
            "settings_table:settings",
            "List every environment variable with its value and where that comes from.",
        ),
        "schemas": LazyCommand(
            "schema_files:show_schemas",
            "List, print or write the JSON Schemas and the AsyncAPI document of all events.",
        ),
    }


app = typer.Typer(
    cls=Commands,
    name="escalation-consumer",
    help="Turns escalated troubleshooting sessions into handoff packages for the next engineer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        show_version()
        raise typer.Exit


@app.callback()
def _every_command(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version and end."),
    ] = False,
) -> None:
    """Options before a command."""


def run_command_line() -> None:
    """Runs the command that was given and ends the process with its exit code; never returns."""
    sys.exit(ended(lambda: app(prog_name="escalation-consumer")))
