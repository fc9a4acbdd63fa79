"""`load`: sends JSON lines to the input topics; takes packages of an export into the tables when asked to."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from consumer.adapters.kafka.client import AWAY
from consumer.adapters.postgres.operation.copying import Kept
from consumer.cli import output
from consumer.cli.transfer import copies
from consumer.domain.package import export
from consumer.domain.package.export import Copy
from consumer.errors import Permanent, Transient
from consumer.settings import Settings, read_settings
from consumer.wiring.topics import topic_writer
from schemas.topics import FEEDBACK, POLICIES, READY, REPLAY_SUFFIX, REQUESTS, SESSIONS, Topics

FLUSH_RECORDS = 5_000  # waits for acknowledgement after so many: a load that was stopped repeats little
START_SECONDS = 20.0
_REPLAYABLE = (SESSIONS, REQUESTS)
_INPUTS = (SESSIONS, REQUESTS, FEEDBACK, POLICIES, SESSIONS + REPLAY_SUFFIX, REQUESTS + REPLAY_SUFFIX)


class InputLine(NamedTuple):
    """One record to send; `topic` is the full name."""

    topic: str
    key: str
    value: bytes | None


def load(
    file: Annotated[str, typer.Argument(help="JSON lines {topic, key, value}; `-` reads standard input.")],
    *,
    replay: Annotated[
        bool, typer.Option("--replay", help="Send to the .replay topics, which have lower priority.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every line and send nothing.")] = False,
    packages: Annotated[
        bool,
        typer.Option(
            "--packages",
            help="Also take the packages of an export, into the database and never to a topic, once the running "
            "service has stored their events.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Send JSON lines to the input topics. Topic names are given without the prefix.

    Packages of an export are skipped without --packages. They are never sent to a topic.
    """
    if packages and file == "-":
        raise typer.BadParameter("--packages reads the file twice: give a file, not standard input")
    settings = read_settings()
    topics = Topics(settings.topic_prefix)
    with _opened(file) as source:
        passed_over = Counter[str]()
        lines = _records(read_lines(source, topics, replay=replay), passed_over)
        sent = sum(1 for _ in lines) if dry_run else asyncio.run(send_lines(lines, settings))
    kept: Counter[Kept] = Counter()
    if packages and not dry_run and passed_over.total():
        with _opened(file) as source:
            packages_read = (line for line in read_lines(source, topics, replay=replay) if isinstance(line, Copy))
            kept = asyncio.run(copies.keep_all(settings, packages_read, total=passed_over.total()))
    if as_json:
        counts = {result.value: kept[result] for result in Kept}
        output.as_json({"records": sent, "sent": not dry_run, "packages": {"in_file": passed_over.total(), **counts}})
    else:
        output.say(f"{sent} records {'checked, none sent' if dry_run else 'sent'}.")
        for text in copies.kept_words(passed_over.total(), kept if packages and not dry_run else None):
            output.say(text)
    if kept[Kept.EARLY] or kept[Kept.OTHER] or kept[Kept.REFUSED]:
        raise typer.Exit(1)


def _records(lines: Iterator["InputLine | Copy"], passed_over: Counter[str]) -> Iterator[InputLine]:
    for line in lines:
        if isinstance(line, Copy):
            passed_over["packages"] += 1
        else:
            yield line


def read_lines(source: TextIO, topics: Topics, *, replay: bool = False) -> Iterator[InputLine | Copy]:
    """Yields records to send and packages. Raises Permanent, naming line and field, at the first other line."""
    for number, text in enumerate(source, start=1):
        if text.isspace():
            continue
        try:
            raw = json.loads(text)
        except ValueError as error:
            raise Permanent(f"line {number}: not JSON: {error}") from None
        yield _line(number, raw, topics, replay=replay)


def _line(number: int, raw: Any, topics: Topics, *, replay: bool) -> InputLine | Copy:
    if not isinstance(raw, dict):
        raise Permanent(f"line {number}: not an object with topic, key and value")
    topic, key = raw.get("topic"), raw.get("key")
    if topic == READY:
        copy = export.read_package(raw)
        if isinstance(copy, str):
            raise Permanent(f"line {number}: {copy}")
        return copy
    if topic not in _INPUTS:
        raise Permanent(f"line {number}: topic: must be one of {', '.join(_INPUTS)} (without the prefix)")
    if not isinstance(key, str):
        raise Permanent(f"line {number}: key: must be a text, the session id or, of a policy, the tenant id")
    if "value" not in raw:
        raise Permanent(f"line {number}: value: is missing")
    if replay and topic in _REPLAYABLE:
        topic += REPLAY_SUFFIX
    value = None if raw["value"] is None else json.dumps(raw["value"]).encode()
    return InputLine(topics.prefix + topic, key, value)


async def send_lines(lines: Iterator[InputLine], settings: Settings) -> int:
    """Sends the lines in order; returns their count once all replicas have acknowledged them.

    Raises Transient while Kafka is unreachable.
    """
    count = 0
    try:
        writer = topic_writer(settings)
        async with asyncio.timeout(START_SECONDS):
            await writer.__aenter__()
        try:
            with _bar() as advance:
                for line in lines:
                    await writer.write(line.topic, line.key, line.value)
                    count += 1
                    if count % FLUSH_RECORDS == 0:
                        await writer.flush()
                        advance(FLUSH_RECORDS)
                await writer.flush()
                advance(count % FLUSH_RECORDS)
        finally:
            await writer.__aexit__(None, None, None)
    except AWAY as error:
        raise Transient(
            f"Kafka: {type(error).__name__} after {count} records. Are the brokers up and the topics prepared? "
            "Loading the same file again does no harm: what is known counts once."
        ) from error
    return count


@contextmanager
def _opened(file: str) -> Iterator[TextIO]:
    if file == "-":
        yield sys.stdin
        return
    try:
        with Path(file).open(encoding="utf-8") as source:
            yield source
    except OSError as error:
        raise Permanent(f"{file}: {error.strerror}") from error


@contextmanager
def _bar() -> Iterator[Any]:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("records sent"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("records", total=None)
        yield lambda amount: bar.advance(task, amount)
