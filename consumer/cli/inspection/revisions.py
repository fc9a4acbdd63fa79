"""`package diff`: what changed between two packages of a session."""

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.text import Text

from consumer.cli import output
from consumer.cli.inspection.show import Json
from consumer.domain.text.marks import Mark, MarkedLine
from consumer.errors import Permanent

if TYPE_CHECKING:
    from consumer.domain.package.changes import ChangedRecord
    from consumer.domain.package.difference import RevisionDifference
    from consumer.domain.package.proof import StoredEvidence

_SIGNS = {"kept": " ", "added": "+", "removed": "-", "changed": "~"}
_STYLES = {Mark.KEPT: "", Mark.ADDED: "green underline", Mark.REMOVED: "red strike"}
_BECAME = {Mark.ADDED: "is new", Mark.REMOVED: "is gone", Mark.KEPT: "changed"}
_SHOWN = 200
"""Characters of a value that are shown."""


def diff_packages(
    package_id: Annotated[UUID, typer.Argument(help="The package's id, as `package list` shows it.")],
    other_id: Annotated[
        UUID | None, typer.Argument(help="Another package of the session; else the revision before.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show what changed in a package since the revision before: texts, and the records beneath them.

    With two ids: what changed from the first to the second.
    """
    from consumer.domain.package.difference import OtherSession, compare_revisions

    before, after = asyncio.run(_evidence(package_id, other_id))
    try:
        difference = compare_revisions(before, after)
    except OtherSession:
        raise Permanent("The two packages are of different sessions: no records lie between them.") from None
    if as_json:
        output.as_json(_plain(difference))
    else:
        _say(difference)


async def _evidence(first: UUID, second: UUID | None) -> "tuple[StoredEvidence, StoredEvidence]":
    from consumer.settings import read_settings
    from consumer.wiring.tables import open_packages

    async with open_packages(read_settings()) as shelf:
        before, after = (await shelf.before(first), first) if second is None else (first, second)
        newer = await shelf.evidence(after)
        if newer is None:
            raise _unknown(after)
        if before is None:
            raise Permanent(f"{first} is the first revision of its note: there is nothing before it.")
        older = await shelf.evidence(before)
        if older is None:
            raise _unknown(before)
    return older, newer


def _unknown(package_id: UUID) -> Permanent:
    return Permanent(f"No package {package_id} is known. `escalation-consumer package list` shows those that are.")


def _plain(difference: "RevisionDifference") -> dict[str, object]:
    return {
        "before": difference.before.package_id,
        "after": difference.after.package_id,
        "cause": difference.after.cause,
        "replay_id": difference.after.replay_id,
        "values": [asdict(value) for value in difference.values],
        "sections": [
            {
                "key": section.key,
                "heading": section.heading,
                "changed": section.changed,
                "lines": [
                    {"change": line.change, "spans": [{"mark": span.mark, "text": span.text} for span in line.spans]}
                    for line in section.lines
                ],
            }
            for section in difference.sections
        ],
        "records": [
            {
                "kind": record.kind,
                "id": record.id,
                "became": _BECAME[record.mark],
                "values": [asdict(value) for value in record.values],
                "events": [
                    {"version": event.version, "event_id": event.event_id, "type": event.type, "at": event.occurred_at}
                    for event in record.events
                ],
            }
            for record in difference.records
        ],
        "events_between": difference.events,
        "complete": difference.complete,
    }


def _say(difference: "RevisionDifference") -> None:
    before, after = difference.before, difference.after
    replay = f" {after.replay_id}" if after.replay_id else ""
    output.say(
        f"{after.note_key}: revision {before.revision} to {after.revision}, because of {after.cause}{replay}; "
        f"{difference.events} events between them"
    )
    if not difference.complete:
        output.say("Not all events of both are stored: a change of a record may be missing here.")
    for value in difference.values:
        output.say(f"{value.name.replace('_', ' '):>24}  {value.before or '-'} -> {value.after or '-'}")
    console = Console(highlight=False, soft_wrap=True)
    for section in difference.sections:
        if section.changed:
            output.heading(section.heading)
            for line in section.lines:
                console.print(_marked(line))
    output.heading("Records that changed")
    if not difference.records:
        output.say("None.")
    for record in difference.records:
        _say_record(record)


def _marked(line: MarkedLine) -> Text:
    """Words that came or went within a line are told in colour, and without colour by signs around them."""
    text = Text(f"{_SIGNS[line.change]} ")
    for span in line.spans:
        around = {Mark.ADDED: "{{+{}+}}", Mark.REMOVED: "[-{}-]"}.get(span.mark, "{}")
        inner = around.format(span.text) if line.change == "changed" else span.text
        text.append(inner, style=_STYLES[span.mark])
    return text


def _say_record(record: "ChangedRecord") -> None:
    versions = ", ".join(str(event.version) for event in record.events)
    output.say(f"{record.kind} {record.id} {_BECAME[record.mark]}{f' (version {versions})' if versions else ''}")
    for value in record.values:
        output.say(f"{value.name.replace('_', ' '):>24}  {_short(value.before)} -> {_short(value.after)}")


def _short(text: str | None) -> str:
    if text is None:
        return "-"
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
