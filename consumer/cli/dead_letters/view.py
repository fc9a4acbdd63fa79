"""Shows previews and jobs on the terminal, or as JSON."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from consumer.cli import output
from consumer.flows.redrive.ports import ForetoldLetter, LetterAction, LetterFate, LetterJob, LetterPreview

Tell: TypeAlias = Callable[[LetterJob], None]

_WOULD_BE = {LetterFate.TAKEN: "taken", LetterFate.REFUSED: "refused again", LetterFate.GONE: "no original"}


def show_preview(preview: LetterPreview, *, json_wanted: bool) -> None:
    if json_wanted:
        output.as_json(_preview_document(preview))
        return
    if preview.matched == 0:
        output.say("No dead letter matches.")
        return
    output.table(
        [asdict(group) for group in preview.groups],
        columns=("letters", "reason", "topic", "oldest_at", "newest_at"),
        empty="",
    )
    redrives = preview.action is LetterAction.REDRIVE
    output.heading(f"The first {len(preview.first)} of {preview.matched}")
    columns = ("topic", "partition", "offset", "session_id", "reason", "error")
    output.table(
        [_row(foretold) for foretold in preview.first],
        columns=(*columns, "would_be", "why") if redrives else columns,
        empty="",
    )
    output.say("")
    if redrives:
        output.say(
            "Redriven, each original passes the same gate again: what is sound now is taken, once; what is not stays."
        )
    else:
        output.say(
            "Purged, they leave the store for good. The originals stay in their topics; copies on the .dlq topics "
            "leave by those topics' retention."
        )


def show_job(job: LetterJob, *, json_wanted: bool) -> None:
    if json_wanted:
        output.as_json(_job_document(job))
        return
    chosen = ", ".join(f"{name} {value}" for name, value in _narrowing(job))
    output.fields({**_job_document(job), "chosen": chosen or "all"})
    if not job.state.has_ended:
        output.say(
            "It is not done. A running service goes on with it, as the same command does; "
            f"`escalation-consumer dead-letters stop {job.job_id}` ends it."
        )
    elif job.refused or job.gone:
        output.say("What was refused again, or has no original, is still listed: `dead-letters list`.")
    if job.purged:
        output.say("Copies on the .dlq topics leave by those topics' retention.")


def show_jobs(jobs: Sequence[LetterJob], *, json_wanted: bool) -> None:
    output.table(
        [_job_document(job) for job in jobs],
        columns=(
            "job_id",
            "state",
            "matched",
            "taken",
            "dropped",
            "refused",
            "gone",
            "purged",
            "asked_by",
            "submitted_at",
        ),
        empty="No dead letter has been redriven or purged.",
        json_wanted=json_wanted,
    )


@contextmanager
def job_bar(job_id: str) -> Iterator[Tell]:
    """Shows the job's progress on standard error, and gives the function that renews it."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task(job_id, total=None)

        def tell(job: LetterJob) -> None:
            said = f"{job_id} waits: {job.waits}" if job.waits else f"{job_id} at {job.runner or 'nobody'}"
            shown.update(task, total=max(job.matched, job.looked_at), completed=job.looked_at, description=said)

        yield tell


def _row(foretold: ForetoldLetter) -> dict[str, object]:
    letter, origin = foretold.letter, foretold.letter.origin
    return {
        "topic": origin.topic,
        "partition": origin.partition,
        "offset": origin.offset,
        "tenant_id": letter.tenant_id,
        "session_id": letter.session_id,
        "reason": letter.reason,
        "error": letter.error,
        "failed_at": letter.failed_at,
        "would_be": None if foretold.fate is None else _WOULD_BE[foretold.fate],
        "why": foretold.why or None,
    }


def _preview_document(preview: LetterPreview) -> dict[str, object]:
    return {
        "action": preview.action,
        "matched": preview.matched,
        "groups": [asdict(group) for group in preview.groups],
        "first": [_row(foretold) for foretold in preview.first],
    }


def _job_document(job: LetterJob) -> dict[str, object]:
    return {**asdict(job), "chosen": {name: str(value) for name, value in _narrowing(job)}}


def _narrowing(job: LetterJob) -> list[tuple[str, object]]:
    """The filters that were given. A ticket stands for its sessions."""
    return [(name, value) for name, value in asdict(job.chosen).items() if value is not None and name != "sessions"]
