"""`evaluate --labelled`: what code refuses and a reader flags, of honest statements and of untruths."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from consumer.cli import output
from consumer.cli.trial import trials
from consumer.errors import Permanent

if TYPE_CHECKING:
    from consumer.domain.bundle.bundle import Bundle
    from consumer.domain.reader.labelled import Examined, KindTally, LabelledStatement
    from consumer.settings import Settings

LABELLED = Path("tests/golden/labelled")
"""The labelled sets in the project's source, one folder each."""
STATEMENTS = "statements.jsonl"


def evaluate_labelled(paths: Sequence[Path], settings: "Settings", *, as_json: bool) -> None:
    """Prints the counts for each kind of statement, of all sets together and by set in JSON."""
    from consumer.domain.reader import labelled

    folders = [folder for path in paths or [LABELLED] for folder in _sets(path)]
    examined = {folder.name: _examined(folder, settings) for folder in folders}
    tallies = labelled.tallies(item for items in examined.values() for item in items)
    if as_json:
        by_set = {name: [asdict(tally) for tally in labelled.tallies(items)] for name, items in examined.items()}
        output.as_json({"kinds": [asdict(tally) for tally in tallies], "sets": by_set})
        return
    output.table([_row(tally) for tally in tallies], columns=tuple(_row(tallies[0])), empty="No statements.")
    output.say("")
    output.say(_summary(tallies))


def _examined(folder: Path, settings: "Settings") -> "list[Examined]":
    from consumer.domain.reader import labelled

    try:
        return list(labelled.examine(_statements(folder), _bundles(folder, settings)))
    except KeyError as error:
        raise Permanent(f"{folder}: there is no session {error.args[0]}") from error


def _sets(path: Path) -> list[Path]:
    """The set in this folder, or those in its folders. Raises Permanent without any."""
    if (path / STATEMENTS).is_file():
        return [path]
    folders = sorted(statements.parent for statements in path.glob(f"*/{STATEMENTS}"))
    if not folders:
        raise Permanent(f"{path}: there is no {STATEMENTS} in it.")
    return folders


def _statements(folder: Path) -> "Iterator[LabelledStatement]":
    from consumer.domain.reader.labelled import LabelledStatement

    path = folder / STATEMENTS
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            yield LabelledStatement.model_validate_json(line)
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            raise Permanent(f"{path}, line {number}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from error


def _bundles(folder: Path, settings: "Settings") -> "dict[str, Bundle]":
    bundles = {}
    for file in sorted(folder.glob("*.jsonl")):
        if file.name != STATEMENTS:
            sessions, redactor = trials.read_sessions(file, settings)
            (recording,) = sessions.values()
            bundles[file.stem] = trials.subject(file.stem, recording, redactor).bundle
    return bundles


def _row(tally: "KindTally") -> dict[str, object]:
    return {
        "kind": tally.kind,
        "statements": tally.statements,
        "refused by code": tally.refused,
        "for": ", ".join(f"{rule} {count}" for rule, count in tally.rules.items()) or None,
        "flagged by the reader": f"{tally.flagged} of {tally.read}" if tally.read else None,
        "passed": tally.statements - tally.stopped,
    }


def _summary(tallies: "Sequence[KindTally]") -> str:
    from consumer.domain.reader.labelled import HONEST

    honest = [tally for tally in tallies if tally.kind == HONEST]
    untrue = [tally for tally in tallies if tally.kind != HONEST]
    return (
        f"Honest: {_sum(honest, 'refused')} of {_sum(honest, 'statements')} refused by code,"
        f" {_sum(honest, 'flagged')} of {_sum(honest, 'read')} flagged by the reader."
        f" Untrue: {_sum(untrue, 'refused')} of {_sum(untrue, 'statements')} refused by code,"
        f" {_sum(untrue, 'flagged')} of {_sum(untrue, 'read')} flagged by the reader,"
        f" {_sum(untrue, 'statements') - _sum(untrue, 'stopped')} passed."
    )


def _sum(tallies: "Sequence[KindTally]", name: str) -> int:
    return sum(getattr(tally, name) for tally in tallies)
