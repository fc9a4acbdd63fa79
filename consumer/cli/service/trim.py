"""`trim`: deletes old content and old keys from the tables."""

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from consumer.cli import output

if TYPE_CHECKING:
    from consumer.flows.retention import RetentionRules, Trimmed
    from consumer.settings import Settings


def trim(
    *,
    days: Annotated[
        float | None,
        typer.Option(
            "--days",
            min=0.0,
            max=36_500.0,
            help="Days that a session must have been quiet; else ESCALATION_RETENTION_DAYS.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would be deleted; change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Delete the content of sessions that have been quiet for long: events, drafts and packages together.

    Ids stay, so that old records that are read again are neither paid for nor published again. They are deleted after
    ESCALATION_KEY_RETENTION_DAYS. The service deletes the cached drafts, now or when it runs again. The command may be
    interrupted at any time, and may run beside the service.
    """
    from consumer.settings import read_settings
    from consumer.wiring.values import retention_rules

    settings = read_settings()
    rules = retention_rules(settings, days=days)
    if rules is None:
        raise typer.BadParameter("say how old: --days, or ESCALATION_RETENTION_DAYS")
    trimmed = asyncio.run(_trim(settings, rules, dry_run=dry_run))
    if as_json:
        output.as_json({**asdict(trimmed), "dry_run": dry_run})
        return
    output.say(
        f"{trimmed.sessions} sessions {'would lose' if dry_run else 'lost'} their content: {trimmed.events} events, "
        f"{trimmed.packages} packages, {trimmed.drafts} drafts. {trimmed.excerpts} excerpts of refused records "
        f"{'would be' if dry_run else 'were'} emptied. {trimmed.keys} sessions were forgotten altogether."
    )


async def _trim(settings: "Settings", rules: "RetentionRules", *, dry_run: bool) -> "Trimmed":
    from consumer.flows import retention
    from consumer.wiring.tables import open_trimmer

    async with open_trimmer(settings) as trimmer:
        with _bar() as bar:
            task = bar.add_task("sessions", total=await trimmer.count())
            return await retention.trim_all(
                trimmer,
                rules,
                dry_run=dry_run,
                after_page=lambda page: bar.advance(task, page.looked_at),
            )


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("sessions looked at"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
