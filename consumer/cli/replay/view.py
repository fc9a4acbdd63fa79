"""Shows replays on the terminal, or as JSON."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from consumer.cli import output
from consumer.domain.replay.comparison import Difference
from consumer.domain.replay.plan import Figures
from consumer.flows.replay import applying

if TYPE_CHECKING:
    from consumer.adapters.postgres.replay.replays import ReplayRow

_UNKNOWN = "(the model will write it)"


def in_utc(at: datetime | None) -> datetime | None:
    """Returns the time; without an offset it is taken as UTC."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def show_plan(replay_id: str, model: str, figures: Figures, *, json_wanted: bool) -> None:
    if json_wanted:
        output.as_json({"replay_id": replay_id, "model": model, **asdict(figures)})
        return
    output.say(replay_id)
    output.fields(
        {
            "sessions": figures.sessions,
            "requests": figures.requests,
            "packages that change": figures.changed,
            "because of": _listed(figures.why),
            "drafts from": _listed(figures.sources),
            "change without the model": figures.rendered,
            "model calls": figures.model_calls,
            "tokens": _listed(figures.usage),
            "price": _dollars(figures.price_usd),
            "takes about": f"{figures.seconds:,.0f} s",
        }
    )
    output.say(f"`escalation-consumer replay diff {replay_id}` shows what changes, `replay apply` does it.")


def show_differences(differences: Sequence[Difference], *, side_by_side: bool, json_wanted: bool) -> None:
    if json_wanted:
        output.as_json([{**asdict(difference), "request": difference.request._asdict()} for difference in differences])
        return
    if not differences:
        output.say("Nothing would change.")
    for difference in differences:
        output.heading("/".join(difference.request))
        output.say(f"differs in {', '.join(difference.why)}{'' if difference.drafted else '; not drafted yet'}")
        for change in difference.changes:
            if side_by_side:
                table = Table(title=change.heading, title_justify="left", show_header=False, expand=True)
                table.add_row(change.before, change.after if change.after is not None else _UNKNOWN)
                Console(highlight=False, markup=False).print(table)
                continue
            after = _UNKNOWN if change.after is None else change.after
            lines = difflib.unified_diff(
                change.before.splitlines(),
                after.splitlines(),
                f"{change.heading} (published)",
                f"{change.heading} (replayed)",
                lineterm="",
            )
            output.say("\n".join(lines))


def show_foretold(replay_id: str, progress: applying.ReplayProgress, *, publishes: bool, json_wanted: bool) -> None:
    """Shows how much of the replay is left to do."""
    left = progress.planned + progress.released + (progress.drafted if publishes else 0)
    if json_wanted:
        output.as_json({"replay_id": replay_id, "applied": False, "left": left})
        return
    output.say(f"{left} requests would be taken up, and {'revisions published' if publishes else 'drafts kept'}.")


def show_progress(replay_id: str, progress: applying.ReplayProgress, *, json_wanted: bool) -> None:
    if json_wanted:
        output.as_json({"replay_id": replay_id, **_document(progress)})
        return
    output.say(f"{replay_id}  {progress.state}")
    output.fields({name: value for name, value in _document(progress).items() if name not in ("state", "stands")})
    if progress.stands is not None:
        output.complain(
            f"Stopped. {progress.stands}" if progress.state is not applying.ReplayState.DONE else progress.stands
        )
    elif progress.limited:
        output.say("The limit of spending was met. With a higher limit the same command goes on.")
    elif progress.state is applying.ReplayState.PAUSED:
        output.say("Stopped. The same command goes on.")


def show_status(
    replays: Sequence[tuple["ReplayRow", applying.ReplayProgress]], *, detailed: bool, json_wanted: bool
) -> None:
    rows = [
        {
            "replay_id": row["replay_id"],
            **_document(progress),
            "publishes": row["publishes"],
            "calls_model": row["calls_model"],
            "prompt_version": row["prompt_version"],
            "model": row["model"],
            "planned_at": row["planned_at"],
            "began_at": row["began_at"],
            "seen_at": row["seen_at"],
            "ended_at": row["ended_at"],
        }
        for row, progress in replays
    ]
    if detailed and not json_wanted:
        output.fields(rows[0])
        return
    output.table(
        rows,
        columns=("replay_id", "state", "planned", "released", "revised", "drafted", "calls", "spent_usd", "planned_at"),
        empty="No replay has been planned.",
        json_wanted=json_wanted,
    )


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Shows a count on standard error, and gives the function that adds to it."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn(what), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task(what, total=None)
        yield lambda amount: shown.advance(task, amount)


@contextmanager
def bar(replay_id: str) -> Iterator[Callable[[applying.ReplayProgress], None]]:
    """Shows the progress of the replay on standard error, and gives the function that renews it."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task(replay_id, total=None)

        def tell(progress: applying.ReplayProgress) -> None:
            spent = f"{progress.calls} calls, {_dollars(progress.spent_usd)}"
            shown.update(task, total=progress.total, completed=progress.ended, description=spent)

        yield tell


def _document(progress: applying.ReplayProgress) -> dict[str, object]:
    document = {**asdict(progress), "usage": progress.usage.model_dump()}
    return {**document, "state": progress.state.value}


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count) or "-"


def _dollars(amount: float | None) -> str:
    return "price not known" if amount is None else f"${amount:,.4f}"
