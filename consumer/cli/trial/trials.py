"""What `draft` and `evaluate` share: what is drafted, by whom, what it will cost, and that somebody agrees to it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from consumer.cli import output
from consumer.domain.bundle import bundle as bundles
from consumer.domain.bundle.bundle import Bundle
from consumer.domain.cost import estimates, prices
from consumer.domain.events import SessionKey
from consumer.domain.redaction import Redactor
from consumer.domain.review.checks import Scan
from consumer.domain.session import recordings
from consumer.domain.session.recordings import Recording
from consumer.errors import Permanent
from consumer.settings import Settings
from consumer.wiring.database import unstored_redactor
from consumer.wiring.trials import JournaledDrafter

ByRules = Annotated[bool, typer.Option("--rules", help="Draft by rules, also where there is a key for the model.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Pay without being asked.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be asked and what it costs; ask nothing.")]
Answers = Annotated[
    Path,
    typer.Option(help="Answers that were paid for are kept here, so that a run that was stopped goes on from them."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ask anew for what was answered before.")]
ANSWERS = Path(typer.get_app_dir("escalation-consumer")) / "model-answers.jsonl"
"""One file for the user, outside every project: it holds texts about customers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A session to be drafted."""

    name: str
    bundle: Bundle
    scan: Scan


def subject(name: str, recording: Recording, redactor: Redactor, *, reason: str | None = None) -> Subject:
    """Raises Permanent for a session of which nothing can be said."""
    session = recording.session
    if session.erased or session.version is None:
        raise Permanent(
            f"Session {name} {'was erased' if session.erased else 'has no event'}: there is no draft of it."
        )
    built = bundles.build(session, reason=recording.reason if reason is None else reason)
    return Subject(name=name, bundle=built, scan=redactor.scope(*session.key).text)


def read_sessions(path: Path, settings: Settings) -> tuple[dict[SessionKey, Recording], Redactor]:
    """The sessions of a file of JSON lines. Says on standard error which lines were refused. Raises Permanent."""
    redactor = unstored_redactor(settings)
    try:
        with path.open(encoding="utf-8") as lines:
            found = recordings.read_recordings(lines, redactor)
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise Permanent(f"{path}: {said}") from error
    for refused in found.refused:
        output.complain(f"{path}: {refused}")
    if not found.sessions:
        raise Permanent(f"{path}: no session event in it.")
    return dict(found.sessions), redactor


def asks_model(settings: Settings, *, by_rules: bool) -> bool:
    return settings.anthropic_api_key is not None and not by_rules


def unanswered(subjects: Sequence[Subject], made: JournaledDrafter) -> list[Subject]:
    """Those whose first call would have to be paid for."""
    return [one for one in subjects if not made.journal.holds(made.drafter.first_call(one.bundle))]


def price_plan(subjects: Sequence[Subject], to_pay: Sequence[Subject], settings: Settings) -> dict[str, object]:
    """What would be asked, and what it is likely to cost and at most; null where the price is not known."""
    expected = [estimates.estimate(one.bundle, settings.model_max_tokens) for one in to_pay]
    price = prices.price_of(settings.model)
    return {
        "sessions": len(subjects),
        "answered_before": len(subjects) - len(to_pay),
        "model": settings.model,
        "input_tokens": sum(one.input_tokens for one in expected),
        "likely_dollars": None if price is None else round(sum(one.likely(price) for one in expected), 4),
        "most_dollars": None if price is None else round(sum(one.most(price) for one in expected), 4),
        "prices_as_of": prices.AS_OF,
    }


def plan_of_rules(subjects: Sequence[Subject]) -> dict[str, object]:
    """Rules ask nobody."""
    return {"sessions": len(subjects), "model": None, "likely_dollars": 0.0, "most_dollars": 0.0}


def say_plan(planned: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        output.as_json(planned)
    elif planned["model"] is None:
        output.say("Drafted by rules: there is nothing to pay.")
    else:
        output.say(_in_words(planned))


def _in_words(planned: dict[str, object]) -> str:
    asked = int(str(planned["sessions"])) - int(str(planned["answered_before"]))
    cost = "at a price that is not known here"
    if planned["likely_dollars"] is not None:
        cost = f"about ${planned['likely_dollars']}, at most ${planned['most_dollars']} (prices of {prices.AS_OF})"
    before = f"; {planned['answered_before']} answered before" if planned["answered_before"] else ""
    return f"{asked} of {planned['sessions']} to be asked of {planned['model']}{before}: {cost}."


def agree(planned: dict[str, object], *, yes: bool) -> None:
    """Asks whoever sits there before money is spent; exits with 1 on a no, and with 2 where nobody can be asked."""
    if planned["sessions"] == planned["answered_before"] or yes:
        return
    output.complain(_in_words(planned))
    if not sys.stdin.isatty():
        raise typer.BadParameter("this costs money, and nobody is here to agree: add --yes, --dry-run or --rules")
    typer.confirm("Go on?", abort=True, err=True)
