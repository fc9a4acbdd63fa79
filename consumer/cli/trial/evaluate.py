"""`evaluate`: a set of sessions through the drafter, and how their drafts stand up to every check."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from consumer.cli import output
from consumer.cli.inspection.show import Json
from consumer.cli.trial import trials, verdict_tables
from consumer.cli.trial.trials import ANSWERS, Answers, ByRules, DryRun, Fresh, Subject, Yes
from consumer.domain.writing import prompt
from consumer.errors import EscalationError, Permanent
from consumer.flows.drafting import trial
from consumer.flows.drafting.trial import Trial
from consumer.settings import Settings, read_settings
from consumer.wiring.trials import JournaledDrafter, journaled_drafter

SESSIONS = Path("tests/golden/sessions")
"""The sessions that are kept for this with the project's source."""


def evaluate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE|FOLDER]...", help=f"JSON lines of sessions; {SESSIONS} without any."),
    ] = None,
    *,
    by_rules: ByRules = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    answers: Answers = ANSWERS,
    fresh: Fresh = False,
    as_json: Json = False,
) -> None:
    """Draft many sessions and show how each check stands, with totals: the model with a key, else the rules.

    Stopped by Ctrl-C it finishes what is under way; the same command goes on from there.
    """
    settings = read_settings()
    subjects = list(_subjects(paths or [SESSIONS], settings))
    if trials.asks_model(settings, by_rules=by_rules):
        made, left = asyncio.run(
            _by_model(subjects, settings, dry_run=dry_run, yes=yes, answers=answers, fresh=fresh, as_json=as_json)
        )
    elif dry_run:
        trials.say_plan(trials.plan_of_rules(subjects), as_json=as_json)
        return
    else:
        with output.progress("sessions drafted", len(subjects)) as advance:
            made, left = {one.name: _advanced(trial.try_rules(one.bundle, one.scan), advance) for one in subjects}, None
    if not dry_run:
        _show(made, as_json=as_json)
    if left is not None:
        raise left


def _subjects(paths: Sequence[Path], settings: Settings) -> Iterator[Subject]:
    for path in paths:
        if not path.exists():
            raise Permanent(f"{path}: there is no such file or folder.")
        for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
            found, redactor = trials.read_sessions(file, settings)
            for key, recording in found.items():
                name = file.stem if len(found) == 1 else f"{file.stem} {key.tenant_id}/{key.session_id}"
                if recording.session.erased:
                    output.complain(f"{name}: was erased, left out.")
                else:
                    yield trials.subject(name, recording, redactor)


async def _by_model(
    subjects: Sequence[Subject],
    settings: Settings,
    *,
    dry_run: bool,
    yes: bool,
    answers: Path,
    fresh: bool,
    as_json: bool,
) -> tuple[dict[str, Trial], EscalationError | None]:
    """What was drafted, and why the rest was not."""
    async with journaled_drafter(settings, answers, fresh=fresh) as made:
        planned = trials.price_plan(subjects, trials.unanswered(subjects, made), settings)
        if dry_run:
            trials.say_plan(planned, as_json=as_json)
            return {}, None
        trials.agree(planned, yes=yes)
        with output.progress("sessions drafted", len(subjects)) as advance:
            run = _Run(made, at_once=settings.model_concurrency, advance=advance)
            await run.all(subjects)
    return {one.name: run.done[one.name] for one in subjects if one.name in run.done}, run.left(len(subjects), answers)


class _Run:
    """The first session alone, so that the others find its prompt in the cache, then several at once.

    A signal or a model that is away ends it: what is under way is finished, for it is being paid for.
    """

    def __init__(self, made: JournaledDrafter, *, at_once: int, advance: Callable[[], None]) -> None:
        self._made = made
        self._places = asyncio.Semaphore(at_once)
        self._advance = advance
        self._stop = asyncio.Event()
        self._fault: EscalationError | None = None
        self.done: dict[str, Trial] = {}

    async def all(self, subjects: Sequence[Subject]) -> None:
        with self._interruptible():
            await self._one(subjects[0])
            await asyncio.gather(*(self._one(subject) for subject in subjects[1:]))

    def left(self, total: int, answers: Path) -> EscalationError | None:
        if len(self.done) == total:
            return None
        why = str(self._fault) if self._fault else "stopped"
        kept = f"What was answered is kept in {answers}; the same command goes on."
        return EscalationError(f"{why}: {len(self.done)} of {total} are done. {kept}")

    async def _one(self, subject: Subject) -> None:
        async with self._places:
            if self._stop.is_set():
                return
            try:
                self.done[subject.name] = await self._made.drafter.try_out(subject.bundle, subject.scan)
            except EscalationError as fault:
                self._fault = self._fault or fault
                self._stop.set()
            else:
                self._advance()

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """The first Ctrl-C asks to stop; the second one is Python's own."""
        loop = asyncio.get_running_loop()

        def interrupted() -> None:
            self._stop.set()
            loop.remove_signal_handler(signal.SIGINT)
            output.complain("Stopping: what is under way is finished. Ctrl-C again ends it at once.")

        loop.add_signal_handler(signal.SIGINT, interrupted)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)


def _advanced(tried: Trial, advance: Callable[[], None]) -> Trial:
    advance()
    return tried


def _show(made: dict[str, Trial], *, as_json: bool) -> None:
    if as_json:
        sessions = [{"session": name, **verdict_tables.figures(tried)} for name, tried in made.items()]
        totals = verdict_tables.totals(list(made.values()))
        output.as_json({"prompt_version": prompt.VERSION, "sessions": sessions, "totals": totals})
    elif made:
        verdict_tables.of_many(made)
