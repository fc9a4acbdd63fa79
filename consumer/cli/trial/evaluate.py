"""`evaluate`: drafts from a set of sessions, and shows how the drafts stand up to every check."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli import output
from consumer.cli.inspection.show import Json
from consumer.cli.trial import trials
from consumer.cli.trial.labelled import LABELLED, evaluate_labelled
from consumer.cli.trial.trials import ANSWERS, Answers, ByRules, DryRun, Fresh, Subject, Yes
from consumer.errors import EscalationError, Permanent

if TYPE_CHECKING:
    from consumer.flows.drafting.trial import Trial
    from consumer.settings import Settings
    from consumer.wiring.jobs.trials import JournaledDrafter

SESSIONS = Path("tests/golden/sessions")
"""The sessions for this command in the project's source."""


def evaluate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE|FOLDER]...", help=f"JSON lines of sessions; without any, {SESSIONS}."),
    ] = None,
    *,
    labelled: Annotated[
        bool,
        typer.Option(
            "--labelled",
            help=f"Measure the checks on labelled statements instead; without a folder, those of {LABELLED}.",
        ),
    ] = False,
    by_rules: ByRules = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    answers: Answers = ANSWERS,
    fresh: Fresh = False,
    as_json: Json = False,
) -> None:
    """Draft from many sessions and show the result of each check, with totals. Without a key rules draft.

    After Ctrl-C the command finishes the drafts under way. The same command goes on from there.
    """
    from consumer.flows.drafting import trial
    from consumer.settings import read_settings

    settings = read_settings()
    if labelled:
        evaluate_labelled(paths or [], settings, as_json=as_json)
        return
    subjects = list(_subjects(paths or [SESSIONS], settings))
    if trials.asks_model(settings, by_rules=by_rules):
        drafted, error = asyncio.run(
            _by_model(subjects, settings, dry_run=dry_run, yes=yes, answers=answers, fresh=fresh, as_json=as_json)
        )
    elif dry_run:
        trials.say_plan(trials.plan_of_rules(subjects), as_json=as_json)
        return
    else:
        with output.progress("sessions drafted", len(subjects)) as advance:
            drafted, error = (
                {
                    subject.name: _advanced(trial.try_rules(subject.bundle, subject.scan), advance)
                    for subject in subjects
                },
                None,
            )
    if not dry_run:
        _show(drafted, as_json=as_json)
    if error is not None:
        raise error


def _subjects(paths: Sequence[Path], settings: "Settings") -> Iterator[Subject]:
    for path in paths:
        if not path.exists():
            raise Permanent(f"{path}: there is no such file or folder.")
        files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not files:
            raise Permanent(f"{path}: no file in this folder is called *.jsonl.")
        for file in files:
            sessions, redactor = trials.read_sessions(file, settings)
            for key, recording in sessions.items():
                name = file.stem if len(sessions) == 1 else f"{file.stem} {key.tenant_id}/{key.session_id}"
                if recording.session.erased:
                    output.complain(f"{name} was erased and is left out.")
                else:
                    yield trials.subject(name, recording, redactor)


async def _by_model(
    subjects: Sequence[Subject],
    settings: "Settings",
    *,
    dry_run: bool,
    yes: bool,
    answers: Path,
    fresh: bool,
    as_json: bool,
) -> "tuple[dict[str, Trial], EscalationError | None]":
    """Returns the drafts, and the error that says why the rest is missing."""
    from consumer.wiring.jobs.trials import journaled_drafter

    async with journaled_drafter(settings, answers, fresh=fresh) as journaled:
        planned = trials.price_plan(subjects, trials.unanswered(subjects, journaled), settings)
        if dry_run:
            trials.say_plan(planned, as_json=as_json)
            return {}, None
        trials.agree(planned, yes=yes)
        with output.progress("sessions drafted", len(subjects)) as advance:
            run = _Run(journaled, at_once=settings.model_concurrency, advance=advance)
            await run.all(subjects)
    return (
        {subject.name: run.done[subject.name] for subject in subjects if subject.name in run.done},
        run.left(len(subjects), answers),
    )


class _Run:
    """Drafts from the first session alone, so that the others find its prompt in the cache, then from several at once.

    A signal or a model that is away ends the run. Drafts under way are finished, because they are being paid for.
    """

    def __init__(self, journaled: "JournaledDrafter", *, at_once: int, advance: Callable[[], None]) -> None:
        self._journaled = journaled
        self._places = asyncio.Semaphore(at_once)
        self._advance = advance
        self._stop = asyncio.Event()
        self._fault: EscalationError | None = None
        self.done: dict[str, Trial] = {}

    async def all(self, subjects: Sequence[Subject]) -> None:
        with self._interruptible():
            await self._draft(subjects[0])
            await asyncio.gather(*(self._draft(subject) for subject in subjects[1:]))

    def left(self, total: int, answers: Path) -> EscalationError | None:
        if len(self.done) == total:
            return None
        why = str(self._fault) if self._fault else "stopped"
        kept = f"What was answered is kept in {answers}; the same command goes on."
        return EscalationError(f"{why}: {len(self.done)} of {total} are done. {kept}")

    async def _draft(self, subject: Subject) -> None:
        async with self._places:
            if self._stop.is_set():
                return
            try:
                self.done[subject.name] = await self._journaled.drafter.try_out(subject.bundle, subject.scan)
            except EscalationError as fault:
                self._fault = self._fault or fault
                self._stop.set()
            else:
                self._advance()

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """The first Ctrl-C asks the run to stop. The second one ends the process, as Python does by default."""
        loop = asyncio.get_running_loop()

        def interrupted() -> None:
            self._stop.set()
            loop.remove_signal_handler(signal.SIGINT)
            output.complain("Stopping: drafts under way are finished. Ctrl-C again ends the run at once.")

        loop.add_signal_handler(signal.SIGINT, interrupted)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)


def _advanced(tried: "Trial", advance: Callable[[], None]) -> "Trial":
    advance()
    return tried


def _show(drafted: "dict[str, Trial]", *, as_json: bool) -> None:
    from consumer.cli.trial import verdict_tables
    from consumer.domain.reader import versions

    if as_json:
        sessions = [{"session": name, **verdict_tables.figures(tried)} for name, tried in drafted.items()]
        totals = verdict_tables.totals(list(drafted.values()))
        output.as_json({"prompt_version": versions.PROMPTS, "sessions": sessions, "totals": totals})
    elif drafted:
        verdict_tables.of_many(drafted)
