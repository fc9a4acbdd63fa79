"""The screen of the demo: live counts while it runs, then the packages as rendered markdown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.markdown import Markdown
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from consumer.adapters.embedded.progress import StartProgress as Step
from consumer.adapters.postgres.operation.tally import Tally
from consumer.cli.demo.outcomes import Outcomes
from consumer.cli.demo.samples import Samples
from consumer.domain.package.package import FAILED_TYPE, READY_TYPE, WITHDRAWN_TYPE

_PACKAGE_WIDTH = 100
_EXPLAINED = "sent: records written to the topics · stored: session events taken in, without repeats and requests"


def model_line(model: str | None) -> str:
    """Returns the sentence that says who drafts; it is shown before anything is drafted."""
    if model:
        return f"ANTHROPIC_API_KEY is set: packages are drafted by {model}."
    return (
        "No ANTHROPIC_API_KEY is set: rules draft the packages, from the record alone. "
        "With a key the model writes their prose: export ANTHROPIC_API_KEY=…"
    )


@contextmanager
def progress_bars(console: Console) -> Iterator[Callable[[Step], None]]:
    """Gives a callback that shows what is fetched and started: progress bars on a terminal, else plain lines."""
    if not console.is_terminal:
        announced: set[str] = set()

        def announce(step: Step) -> None:
            if step.step not in announced:
                announced.add(step.step)
                console.print(f"{step.step} …")

        yield announce
        return
    bars = Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[count]}"), console=console)
    with bars:
        tasks: dict[str, TaskID] = {}

        def draw(step: Step) -> None:
            count = f"{step.done / 1e6:.0f}/{step.total / 1e6:.0f} MB" if step.unit == "bytes" else ""
            if step.step not in tasks:
                tasks[step.step] = bars.add_task(step.step, total=step.total, count=count)
            bars.update(tasks[step.step], completed=step.done, total=step.total, count=count)

        yield draw


class Board:
    """The live view of records sent, requests open and events published. Plain lines if the output is no terminal."""

    def __init__(self, console: Console, samples: Samples) -> None:
        self._console = console
        self._samples = samples
        self._live = Live(console=console, refresh_per_second=8, transient=False) if console.is_terminal else None
        self._last_line = ""

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        else:
            self._console.print(_EXPLAINED, soft_wrap=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, sent: int, tally: Tally, outcomes: Outcomes) -> None:
        """Draws the present counts; as a plain line only when they have changed."""
        if self._live:
            self._live.update(Group(self._counts(sent, tally, outcomes), self._requests(outcomes)))
            return
        line = (
            f"sent {sent}/{len(self._samples.records)}  stored {tally.events}  requests open {tally.open}  "
            f"packages out {outcomes.count(READY_TYPE)}  failed {outcomes.count(FAILED_TYPE)}  "
            f"withdrawn {outcomes.count(WITHDRAWN_TYPE)}  dead letters {tally.dead_letters}"
        )
        if line != self._last_line:
            self._console.print(line, soft_wrap=True)
            self._last_line = line

    def _counts(self, sent: int, tally: Tally, outcomes: Outcomes) -> Table:
        table = Table(show_edge=False, pad_edge=False, caption=_EXPLAINED, caption_justify="left")
        cells = {
            "records sent": f"{sent}/{len(self._samples.records)}",
            "events stored": str(tally.events),
            "sessions": str(tally.sessions),
            "requests open": str(tally.open),
            "packages out": str(outcomes.count(READY_TYPE)),
            "failed": str(outcomes.count(FAILED_TYPE)),
            "withdrawn": str(outcomes.count(WITHDRAWN_TYPE)),
            "dead letters": str(tally.dead_letters),
        }
        for name in cells:
            table.add_column(name, justify="right")
        table.add_row(*cells.values())
        return table

    def _requests(self, outcomes: Outcomes) -> Table:
        table = Table(show_edge=False, pad_edge=False)
        table.add_column("request")
        table.add_column("outcome")
        for key, title in self._samples.titles.items():
            verdict = outcomes.verdict(key)
            table.add_row(title, Text("…" if verdict == "no outcome" else verdict))
        return table


def show_packages(console: Console, samples: Samples, outcomes: Outcomes, most: int | None) -> None:
    """Prints the last revision of each request's package as rendered markdown; at most `most` packages."""
    shown = 0
    for key, title in samples.titles.items():
        packages = outcomes.packages(key)
        if not packages or (most is not None and shown >= most):
            continue
        shown += 1
        console.print(_panel(title, packages[-1], outcomes.verdict(key)))


def _panel(title: str, package: dict[str, Any], verdict: str) -> Panel:
    ticket = package["target_ticket_ref"] or "no ticket"
    notes = [verdict, f"cause {package['cause']}", f"session version {package['state_version']}"]
    if package["redactions"]:
        notes.append(f"secrets removed: {package['redactions']}")
    notes += package["warnings"]
    if package["language"] != "en":
        notes.append(f"language {package['language']}")
    return Panel(
        Markdown(package["markdown"]),
        title=Text(f"{title} · {ticket}"),
        subtitle=Text(" · ".join(notes)),
        width=min(_PACKAGE_WIDTH, 200),
    )
