"""`escalation-consumer`: all commands, and the exit code of each error."""

import sys

import typer
from rich.console import Console

from consumer.cli import schema_files, settings_table
from consumer.cli.dead_letters import command as letters
from consumer.cli.demo.command import demo
from consumer.cli.inspection import revisions, show, tables, verify
from consumer.cli.replay.command import replay
from consumer.cli.service import prepare, rebuild, rewind, run, trim
from consumer.cli.tenants import feedback, policy, spend
from consumer.cli.transfer import export, load
from consumer.cli.trial import draft, evaluate
from consumer.errors import EscalationError, Misconfigured

app = typer.Typer(
    name="escalation-consumer",
    help="Turns escalated troubleshooting sessions into handoff packages for the next engineer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("run")(run.run)
app.command("prepare")(prepare.prepare)
app.command("load")(load.load)
app.command("rewind")(rewind.rewind)
app.command("export")(export.export)
app.command("demo")(demo)
app.add_typer(replay, name="replay")
app.add_typer(show.sessions, name="session")
app.command("bundle")(show.show_bundle)
app.command("draft")(draft.draft)
app.command("evaluate")(evaluate.evaluate)
app.command("verify")(verify.verify)
app.add_typer(tables.packages, name="package")
tables.packages.command("diff")(revisions.diff_packages)
app.add_typer(tables.requests, name="request")
app.add_typer(tables.dead_letters, name="dead-letters")
tables.dead_letters.command("redrive")(letters.redrive)
tables.dead_letters.command("purge")(letters.purge)
tables.dead_letters.command("jobs")(letters.list_jobs)
tables.dead_letters.command("stop")(letters.stop_job)
app.add_typer(policy.tenants, name="tenant")
app.add_typer(feedback.feedback, name="feedback")
app.command("spend")(spend.spend)
app.command("outbox")(tables.show_outbox)
app.command("trim")(trim.trim)
app.command("rebuild")(rebuild.rebuild)
app.command("settings")(settings_table.settings)
app.command("schemas")(schema_files.show_schemas)


def run_command_line() -> None:
    """Runs the command that was given and ends the process with its exit code; never returns."""
    sys.exit(_exit_code())


def _exit_code() -> int:
    """Returns 0 when done, 1 when failed, 2 for wrong use or configuration; prints errors as one line on stderr."""
    complain = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        app(prog_name="escalation-consumer")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except Misconfigured as error:
        complain.print("[bold red]Wrong configuration:[/]", end=" ")
        complain.print(str(error), markup=False)
        return 2
    except EscalationError as error:
        complain.print("[bold red]Failed:[/]", end=" ")
        complain.print(str(error), markup=False)
        return 1
    except KeyboardInterrupt:
        return 1
    return 0
