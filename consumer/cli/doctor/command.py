"""`doctor`: the options and the exit code."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli import output

if TYPE_CHECKING:
    from consumer.flows.operation.checkup import CheckupResult
    from consumer.settings import Settings


def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False) -> None:
    """Look at servers, rights, topics, tables, clock, key, model and settings, and say what to do.

    It changes nothing and costs nothing. Each check takes 5 seconds at most, and all run at once. Exits with 0 when
    nothing is wrong (what is only to be looked at does not count), with 1 else, with 2 for a wrong setting.
    """
    from consumer import logs
    from consumer.settings import read_settings

    settings = read_settings()
    logs.configure("CRITICAL")  # whatever there is to say, a finding says; the output is for programs
    checks = asyncio.run(_examined(settings, show=not as_json))
    from consumer.cli.doctor import report
    from consumer.cli.settings_table import effective_settings

    if as_json:
        output.as_json(report.as_document(checks, effective_settings(settings)))
    else:
        report.print_changed_settings(effective_settings(settings))
        report.print_summary(checks)
    if report.any_wrong(checks):
        raise typer.Exit(1)


async def _examined(settings: "Settings", *, show: bool) -> "list[CheckupResult]":
    """The checks in the order in which they ended; with `show` each is printed at once, which is the progress."""
    import os
    import sys
    from datetime import UTC, datetime

    if show and sys.stderr.isatty():  # no spinner: it would take standard output over
        output.complain("Looking at everything; each check takes 5 seconds at most.")
    from consumer import setting_sources
    from consumer.cli.doctor import own_checks, report
    from consumer.flows.operation.checkup import Checkup, check_all
    from consumer.settings import Settings
    from consumer.wiring.jobs.checkups import server_checks

    own: list[Checkup] = [
        own_checks.SettingsCheck(setting_sources.origins(Settings, os.environ)),
        own_checks.EncryptionCheck(settings),
        own_checks.ModelCostCheck(settings, datetime.now(UTC)),
    ]
    ended = []
    async with server_checks(settings) as of_servers:
        async for checked in check_all([*own, *of_servers]):
            ended.append(checked)
            if show:
                report.print_check(checked)
    return ended
