"""What `doctor` shows: each finding as one line, and what to do under it."""

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from consumer.cli import output
from consumer.cli.settings_table import EffectiveSetting
from consumer.flows.operation.checkup import CheckLevel, CheckupResult

_STYLES = {CheckLevel.OK: "green", CheckLevel.WARNING: "yellow", CheckLevel.WRONG: "bold red"}


def print_check(checked: CheckupResult) -> None:
    """As soon as it has ended."""
    console = Console(highlight=False, soft_wrap=True)
    for finding in checked.findings:
        line = Text(f"{finding.level.value:>7}", style=_STYLES[finding.level])
        console.print(line.append(f"  {checked.name}: {finding.text}", style="default"))
        if finding.advice is not None:
            console.print(Text(f"         → {finding.advice}"))


def print_summary(checks: Sequence[CheckupResult]) -> None:
    counts = [sum(finding.level is level for each in checks for finding in each.findings) for level in CheckLevel]
    output.say(f"{counts[0]} ok, {counts[1]} to look at, {counts[2]} wrong. Nothing was changed.")


def print_changed_settings(settings: Sequence[EffectiveSetting]) -> None:
    """Those that are not the default."""
    output.heading("Settings that are not the default")
    rows = [asdict(setting) for setting in settings if setting.origin != "default"]
    output.table(rows, columns=("variable", "value", "origin"), empty="None.")


def as_document(checks: Sequence[CheckupResult], settings: Sequence[EffectiveSetting]) -> dict[str, object]:
    """For programs."""
    return {
        "well": not any_wrong(checks),
        "checks": [
            {
                "check": each.name,
                "seconds": round(each.seconds, 3),
                "findings": [asdict(finding) for finding in each.findings],
            }
            for each in checks
        ],
        "settings": [asdict(setting) for setting in settings],
    }


def any_wrong(checks: Sequence[CheckupResult]) -> bool:
    return any(finding.level is CheckLevel.WRONG for each in checks for finding in each.findings)
