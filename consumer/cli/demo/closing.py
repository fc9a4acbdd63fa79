"""The last page of the demo: what came out, what was kept back; and with `--keep`, what to try next."""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from consumer.adapters.postgres.operation.store_reader import TableRow
from consumer.adapters.postgres.operation.tally import Tally
from consumer.cli.demo.outcomes import Outcomes
from consumer.cli.demo.removals import Removals
from consumer.cli.demo.samples import Samples
from consumer.domain.events import RequestKey
from consumer.domain.package.package import note_key, package_id
from consumer.flows.viewing.dead_letters import DeadLetterView
from schemas.envelope import DEFAULT_TENANT
from schemas.topics import REQUESTS, SESSIONS

_FEEDBACK = ("packages", "posted", "accepted", "edited", "rejected", "silent")
_PROGRAM = "escalation-consumer"
_MY_REQUEST = RequestKey(DEFAULT_TENANT, "my-session", "r1")
_MY_EVENTS = (
    (SESSIONS, "session.opened.v1", 1, {"title": "Scanner does not send mail", "problem_summary": "Since Monday."}),
    (SESSIONS, "session.fact_recorded.v1", 2, {"fact_id": "f1", "text": "Port 587 answers.", "source_type": "note"}),
    (REQUESTS, "escalation.requested.v1", None, {"request_id": _MY_REQUEST.request_id, "reason": "Needs mail rights."}),
)


@dataclass(slots=True)
class ClosingNumbers:
    """What the tables hold in the end."""

    counted: Tally = field(default_factory=Tally)
    dead_letters: tuple[DeadLetterView, ...] = ()
    removals: Removals = field(default_factory=Removals)
    feedback: list[TableRow] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        return {
            "feedback": [dict(row) for row in self.feedback],
            "secrets": self.removals.as_row(),
            "dead_letters": [
                {"reason": letter.reason, "error": letter.error, "excerpt": letter.excerpt}
                for letter in self.dead_letters
            ],
        }


def show_closing_page(
    console: Console, samples: Samples, outcomes: Outcomes, numbers: ClosingNumbers, seconds: float
) -> None:
    """Prints the page that stays on the screen when the demo is over."""
    console.rule("What came out")
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("situation")
    table.add_column("outcome of its request")
    for key, title in samples.titles.items():
        table.add_row(title, Text(outcomes.verdict(key)))
    console.print(table)
    show_feedback(console, numbers.feedback)
    console.rule("What was kept back")
    for label, sentence in kept_back(samples, numbers):
        console.print(Text.assemble((f"{label:>12}  ", "bold"), sentence), soft_wrap=True)
    console.print(f"\n{len(samples.titles)} requests, each with its outcome, in {seconds:.0f} s.", soft_wrap=True)


def show_feedback(console: Console, summary: Iterable[TableRow]) -> None:
    """Prints what became of the packages, by customer."""
    table = Table(show_edge=False, pad_edge=False, title="What the customers' engineers said (played by the demo)")
    table.add_column("customer")
    for name in _FEEDBACK:
        table.add_column(name, justify="right")
    for row in summary:
        table.add_row(str(row["value"]), *(str(row[name]) for name in _FEEDBACK))
    console.print()
    console.print(table)


def kept_back(samples: Samples, numbers: ClosingNumbers) -> list[tuple[str, str]]:
    """What the numbers mean: a label and a sentence each."""
    counted, removals = numbers.counted, numbers.removals
    sent, asking = samples.count(SESSIONS), samples.count(REQUESTS)
    again = sent - counted.events - counted.dead_letters
    where = ", ".join(f"{count} in {place}" for place, count in removals.places.most_common())
    stored = f"{counted.events} of the {sent} session events. {again} came a second time and changed nothing, "
    secrets = f"{len(removals.values)} values were removed at the door, from {removals.places.total()} places: {where}."
    refused = [("dead letter", _refusal(letter)) for letter in numbers.dead_letters]
    return [
        ("sent", f"{len(samples.records)} records: {sent} events of sessions, {asking} requests and cancellations."),
        ("stored", f"{stored}{counted.dead_letters} broke the contract."),
        ("secrets", secrets),
        *refused,
    ]


def _refusal(letter: DeadLetterView) -> str:
    place = f"{letter.origin.topic}, partition {letter.origin.partition}, offset {letter.origin.offset}"
    return (
        f"{place}: {letter.reason.value}, {letter.error}. "
        "The record stays where it is, its reason stands on the .dlq topic, and nobody else had to wait."
    )


def program() -> str:
    """How this shell starts the program: by its name where that is found, else by its path."""
    own = Path(sys.executable).with_name(_PROGRAM)
    if shutil.which(_PROGRAM) == str(own):
        return _PROGRAM
    return os.path.relpath(own) if own.is_relative_to(Path.cwd()) else str(own)


def show_way_on(console: Console, model: str | None) -> None:
    """Prints what to do next when nothing is left running."""
    if model is None:
        console.print(f"{model_hint()}", soft_wrap=True)
    console.print(f"To send your own events and look around: {program()} demo --keep", soft_wrap=True)


def model_hint() -> str:
    return "Rules drafted these packages. For the model's prose: export ANTHROPIC_API_KEY=…, then run the demo again."


def write_environment(path: Path, environment: Mapping[str, str]) -> None:
    """Writes a file that a shell reads with `. FILE`: the addresses of the servers, and the program on the path."""
    lines = [f"export {name}='{value}'" for name, value in environment.items()]
    path.write_text("\n".join([*lines, f'export PATH="{Path(sys.executable).parent}:$PATH"', ""]), encoding="utf-8")


def show_stay(console: Console, environment: Path, http: str, log: Path) -> None:
    """Prints what to try while everything runs."""
    console.rule("Everything is still running")
    console.print("In another terminal, take over the settings, send a session, and see its package:", soft_wrap=True)
    console.print(f"\n. {environment}\n{own_session()}", soft_wrap=True, markup=False)
    console.print()
    for label, way in (
        ("console", f"{http}/"),
        ("state", f"{http}/readyz"),
        ("numbers", f"{http}/metrics"),
        ("log", f"tail -f {log}"),
        ("more", "escalation-consumer --help"),
        ("stop", "Ctrl-C here. Then nothing is left running, and the data is gone."),
    ):
        console.print(Text.assemble((f"{label:>12}  ", "bold"), way), soft_wrap=True)


def own_session() -> str:
    """Commands for a shell: a session for the user to send, and the package that comes of it."""
    events = "\n".join(json.dumps(_record(*event)) for event in _MY_EVENTS)
    return (
        f"escalation-consumer load - <<'END'\n{events}\nEND\n"
        f"escalation-consumer package list --session {_MY_REQUEST.session_id}   # a second later\n"
        f"escalation-consumer package show {package_id(note_key(_MY_REQUEST), 1)}"
    )


def _record(topic: str, kind: str, version: int | None, data: Mapping[str, object]) -> dict[str, object]:
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": f"my-{version or 'request'}",
        "source": "/me",
        "type": kind,
        "subject": _MY_REQUEST.session_id,
        "time": f"2026-12-01T09:0{version or 5}:00Z",
    }
    versioned = {} if version is None else {"stateversion": version}
    return {"topic": topic, "key": _MY_REQUEST.session_id, "value": {**event, **versioned, "data": data}}
