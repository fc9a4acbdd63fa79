"""`make mutate-promises`: puts each mutant in place and sees whether its test notices."""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from tests.mutants.copy import CheckoutCopy
from tests.mutants.mutant import GuardMutant, chosen
from tests.mutants.trial import Outcome, SharedServers, Trials, Verdict

_COLOURS = {Verdict.NOTICED: "green", Verdict.ALIVE: "bold red", Verdict.UNPROVEN: "red"}
_screen = Console(stderr=True, highlight=False)


def main(
    only: Annotated[
        list[str] | None, typer.Option(help="Mutants with this in their name or file, or of this promise (P1, F4).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON.")] = False,
    trust: Annotated[bool, typer.Option(help="Do not run the tests without a mutant first.")] = False,
) -> None:
    """Ends with 1 when a mutant is alive, or a test is red for another reason."""
    wanted = chosen(only or ())
    if not wanted:
        raise typer.BadParameter("no mutant is called so", param_hint="--only")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, SharedServers() as addresses:
        trials = Trials(CheckoutCopy.into(Path(folder)), addresses)
        if not trust:
            _expect_green(trials, wanted)
        outcomes = _all(trials, wanted)
    noticed = sum(outcome.verdict is Verdict.NOTICED for outcome in outcomes.values())
    if as_json:
        sys.stdout.write(json.dumps({name: asdict(outcome) for name, outcome in outcomes.items()}, indent=1) + "\n")
    seconds = time.monotonic() - began
    _screen.print(f"{noticed} of {len(wanted)} noticed, in {seconds:.0f} s ({seconds / len(wanted):.1f} s each).")
    sys.exit(int(noticed < len(wanted)))


def _expect_green(trials: Trials, wanted: Sequence[GuardMutant]) -> None:
    tests = sorted({mutant.test for mutant in wanted})
    with _screen.status(f"Running {len(tests)} tests without a mutant…"):
        failed = trials.unharmed(tests)
    for said in failed:
        _screen.print(escape(f"{said.test} is red or skipped without any mutant: {said.error}: {said.said}"))
    if failed:
        sys.exit(1)


def _all(trials: Trials, wanted: Sequence[GuardMutant]) -> dict[str, Outcome]:
    """Tries each, and prints a line of the table as it ends."""
    outcomes: dict[str, Outcome] = {}
    progress = Progress(
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=_screen,
    )
    with progress:
        bar = progress.add_task("", total=len(wanted))
        for mutant in wanted:
            progress.update(bar, description=mutant.name)
            outcome = outcomes[mutant.name] = trials.of(mutant)
            of = " ".join(mutant.of)
            colour = _COLOURS[outcome.verdict]
            progress.console.print(
                f"[{colour}]{outcome.verdict.value:9}[/] {outcome.seconds:5.1f} s  {mutant.name}  [dim]{of}[/]"
            )
            if outcome.verdict is not Verdict.NOTICED:
                progress.console.print(escape(f"          {mutant.file}, {mutant.test}: {outcome.said or 'it passed'}"))
            progress.advance(bar)
    return outcomes


if __name__ == "__main__":
    typer.run(main)
