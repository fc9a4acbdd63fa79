"""What `draft` and `evaluate` share: options, sessions to draft, the price of a run, and the user's consent to it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli import output
from consumer.domain.events import SessionKey
from consumer.errors import Permanent

if TYPE_CHECKING:
    from consumer.domain.bundle.bundle import Bundle
    from consumer.domain.cost.estimates import Estimate
    from consumer.domain.redaction import Redactor
    from consumer.domain.review.violations import Scan
    from consumer.domain.session.recordings import Recording
    from consumer.settings import Settings
    from consumer.wiring.jobs.trials import JournaledDrafter

ByRules = Annotated[bool, typer.Option("--rules", help="Draft by rules, even with a key for the model.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Pay without asking first.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what the model would be asked and the price; ask nothing.")
]
Answers = Annotated[
    Path,
    typer.Option(help="The file that keeps paid answers, so that a stopped run can go on."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ask again, even for answers that the file keeps.")]
ANSWERS = Path(typer.get_app_dir("escalation-consumer")) / "model-answers.jsonl"
"""One file per user, outside every project, because it holds texts about customers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A session to draft from."""

    name: str
    bundle: "Bundle"
    scan: "Scan"


def subject(name: str, recording: "Recording", redactor: "Redactor", *, reason: str | None = None) -> Subject:
    """Makes a subject of a session. Raises Permanent if the session was erased or has no event."""
    from consumer.domain.bundle import bundle as bundles

    session = recording.session
    if session.erased or session.version is None:
        raise Permanent(
            f"Session {name} {'was erased' if session.erased else 'has no event'}: there is no draft of it."
        )
    built = bundles.build(session, reason=recording.reason if reason is None else reason)
    return Subject(name=name, bundle=built, scan=redactor.scope(*session.key).text)


def read_sessions(path: Path, settings: "Settings") -> "tuple[dict[SessionKey, Recording], Redactor]":
    """Returns the sessions of a file of JSON lines. Prints refused lines on standard error.

    Raises Permanent if the file cannot be read or holds no session event.
    """
    from consumer.domain.session import recordings
    from consumer.wiring.database import unstored_redactor

    redactor = unstored_redactor(settings)
    try:
        with path.open(encoding="utf-8") as lines:
            read = recordings.read_recordings(lines, redactor)
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise Permanent(f"{path}: {problem}") from error
    for refused in read.refused:
        output.complain(f"{path}: {refused}")
    if not read.sessions:
        raise Permanent(f"{path}: no session event in it.")
    return dict(read.sessions), redactor


def asks_model(settings: "Settings", *, by_rules: bool) -> bool:
    return settings.model_access is not None and not by_rules


def unanswered(subjects: Sequence[Subject], journaled: "JournaledDrafter") -> list[Subject]:
    """Returns the subjects whose first call would have to be paid for."""
    return [
        subject for subject in subjects if not journaled.journal.holds(journaled.drafter.first_call(subject.bundle))
    ]


def price_plan(subjects: Sequence[Subject], to_pay: Sequence[Subject], settings: "Settings") -> dict[str, object]:
    """Returns what would be asked, and the likely and the highest price in dollars; None where no price is known."""
    from consumer.domain.cost import estimates, prices

    expected = [estimates.estimate(subject.bundle, settings.model_max_tokens) for subject in to_pay]
    price = prices.price_of(settings.model, at=datetime.now(UTC))
    likely = most = None
    if price is not None and (checks := _checks(expected, settings)) is not None:
        likely = round(sum(estimate.likely(price) for estimate in expected) + checks, 4)
        most = round(sum(estimate.most(price) for estimate in expected) + 2 * checks, 4)
    return {
        "sessions": len(subjects),
        "answered_before": len(subjects) - len(to_pay),
        "model": settings.model,
        "input_tokens": sum(estimate.input_tokens for estimate in expected),
        "check_model": settings.check_model,
        "likely_dollars": likely,
        "most_dollars": most,
        "prices_as_of": prices.AS_OF,
    }


def _checks(expected: "Sequence[Estimate]", settings: "Settings") -> float | None:
    """Dollars for one check of each draft; None where the reader's price is not known."""
    from consumer.domain.cost import prices

    if settings.check_model is None:
        return 0.0
    price = prices.price_of(settings.check_model, at=datetime.now(UTC))
    return None if price is None else sum(estimate.check(price) for estimate in expected)


def plan_of_rules(subjects: Sequence[Subject]) -> dict[str, object]:
    """Returns the plan of a run by rules, which costs nothing."""
    return {"sessions": len(subjects), "model": None, "likely_dollars": 0.0, "most_dollars": 0.0}


def say_plan(planned: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        output.as_json(planned)
    elif planned["model"] is None:
        output.say("Drafted by rules: there is nothing to pay.")
    else:
        output.say(_in_words(planned))


def _in_words(planned: dict[str, object]) -> str:
    from consumer.domain.cost import prices

    asked = int(str(planned["sessions"])) - int(str(planned["answered_before"]))
    cost = "at a price that is not known here"
    if planned["likely_dollars"] is not None:
        cost = f"about ${planned['likely_dollars']}, at most ${planned['most_dollars']} (prices of {prices.AS_OF})"
    before = f"; {planned['answered_before']} answered before" if planned["answered_before"] else ""
    return f"{asked} of {planned['sessions']} to be asked of {planned['model']}{before}: {cost}."


def agree(planned: dict[str, object], *, yes: bool) -> None:
    """Asks the user before money is spent. Exits with 1 if the user says no, with 2 without a terminal to ask at."""
    if planned["sessions"] == planned["answered_before"] or yes:
        return
    output.complain(_in_words(planned))
    if not sys.stdin.isatty():
        raise typer.BadParameter("this costs money, and nobody is here to agree: add --yes, --dry-run or --rules")
    typer.confirm("Go on?", abort=True, err=True)
