"""`load`: sends JSON lines to the input topics; takes packages of an export into the tables when asked to."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli import output
from consumer.cli.transfer.lines import InputLine, WrongLine, open_lines, read_lines
from consumer.errors import Permanent, Transient
from schemas.topics import Topics

if TYPE_CHECKING:
    from consumer.adapters.postgres.operation.copying import Kept
    from consumer.cli.transfer.checking import LoadCheck
    from consumer.domain.package.export import Copy
    from consumer.settings import Settings

FLUSH_RECORDS = 5_000  # waits for acknowledgement after so many: a load that was stopped repeats little
START_SECONDS = 20.0
ASK_SECONDS = 5.0
_SENT = (
    "{count} records sent: Kafka has them. The service stores them when it reads them; what it refuses is listed by "
    "`escalation-consumer dead-letters list`."
)


def load(
    file: Annotated[str, typer.Argument(help="JSON lines {topic, key, value}; `-` reads standard input.")],
    *,
    replay: Annotated[
        bool, typer.Option("--replay", help="Send to the .replay topics, which have lower priority.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Check every line as the service does when it reads it, and send nothing. 1 if any fails."
        ),
    ] = False,
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

    Sent is not stored: the service stores a record when it reads it. Packages of an export are skipped without
    --packages. They are never sent to a topic.
    """
    if packages and file == "-":
        raise typer.BadParameter("--packages reads the file twice: give a file, not standard input")
    from consumer.settings import read_settings

    settings = read_settings()
    if dry_run:
        _check(settings, file, replay=replay, as_json=as_json)
        return
    topics = Topics(settings.topic_prefix)
    with open_lines(file) as source:
        passed_over = Counter[str]()
        sent = asyncio.run(send_lines(_records(read_lines(source, topics, replay=replay), passed_over), settings))
    kept = _keep(settings, file, topics, passed_over.total()) if packages and passed_over.total() else None
    _tell(sent, passed_over.total(), kept, packages=packages, as_json=as_json)


def _tell(sent: int, in_file: int, kept: "Counter[Kept] | None", *, packages: bool, as_json: bool) -> None:
    from consumer.adapters.postgres.operation.copying import Kept
    from consumer.cli.transfer import copies

    kept = Counter() if kept is None else kept
    if as_json:
        counts = {result.value: kept[result] for result in Kept}
        output.as_json({"records": sent, "sent": True, "packages": {"in_file": in_file, **counts}})
    else:
        output.say(_SENT.format(count=sent))
        for text in copies.kept_words(in_file, kept if packages else None):
            output.say(text)
    if kept[Kept.EARLY] or kept[Kept.OTHER] or kept[Kept.REFUSED]:
        raise typer.Exit(1)


def _keep(settings: "Settings", file: str, topics: Topics, total: int) -> "Counter[Kept]":
    from consumer.cli.transfer import copies
    from consumer.domain.package.export import Copy

    with open_lines(file) as source:
        packages = (line for _, line in read_lines(source, topics) if isinstance(line, Copy))
        return asyncio.run(copies.keep_all(settings, packages, total=total))


def _check(settings: "Settings", file: str, *, replay: bool, as_json: bool) -> None:
    from consumer.cli.transfer.checking import LoadCheck
    from consumer.wiring.database import unstored_redactor

    topics = Topics(settings.topic_prefix)
    with output.waiting("Asking Kafka which topics exist"):
        existing = asyncio.run(_existing(settings))
    check = LoadCheck(topics=topics, redactor=unstored_redactor(settings), existing=existing)
    with open_lines(file) as source:
        in_file = _checked(check, read_lines(source, topics, replay=replay))
    if as_json:
        report = {"records": check.records, "sent": False, "refused": check.refused, "problems": check.as_json()}
        output.as_json(report | {"topics_known": existing is not None, "packages": {"in_file": in_file}})
    else:
        check.show()
        if in_file:
            output.say(f"{in_file} packages in the file; --packages takes them, into the database only.")
    if check.refused:
        raise typer.Exit(1)


def _checked(check: "LoadCheck", lines: "Iterator[tuple[int, InputLine | Copy | WrongLine]]") -> int:
    """Checks all lines. Returns how many packages there are."""
    packages = 0
    with _bar("records checked") as advance:
        for number, line in lines:
            match line:
                case WrongLine(error=error):
                    check.wrong(number, error)
                case InputLine():
                    check.check(number, line)
                case _:
                    packages += 1
            advance(1)
    return packages


async def _existing(settings: "Settings") -> frozenset[str] | None:
    from consumer.wiring.topics import existing_topics

    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await existing_topics(settings)
    except (Transient, TimeoutError):
        return None


def _records(
    lines: "Iterator[tuple[int, InputLine | Copy | WrongLine]]", passed_over: Counter[str]
) -> Iterator[InputLine]:
    for _, line in lines:
        if isinstance(line, WrongLine):
            raise line
        if isinstance(line, InputLine):
            yield line
        else:
            passed_over["packages"] += 1


async def send_lines(lines: Iterator[InputLine], settings: "Settings") -> int:
    """Sends the lines in order; returns their count once all replicas have acknowledged them.

    Raises Transient while Kafka is unreachable, Permanent for a topic that is missing and a record that is too large.
    """
    from consumer.adapters.kafka.client import AWAY
    from consumer.wiring.topics import existing_topics, topic_writer

    count = 0
    try:
        async with asyncio.timeout(START_SECONDS):
            existing = await existing_topics(settings)
            writer = topic_writer(settings)
            await writer.__aenter__()
        try:
            with _bar("records sent") as advance:
                for line in lines:
                    if line.topic not in existing:
                        raise Permanent(
                            f"There is no topic {line.topic}; {count} records were sent. `escalation-consumer prepare` "
                            "makes it. Loading the same file again does no harm: what is known counts once."
                        )
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
def _bar(what: str) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("records", total=None)
        yield lambda amount: bar.advance(task, amount)
