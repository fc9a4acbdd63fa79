"""`export`: writes sessions and their packages as JSON lines that `load` takes back."""

import asyncio
import contextlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from consumer.errors import Permanent
from schemas.topics import READY

if TYPE_CHECKING:
    from consumer.domain.package.export import ExportLine
    from consumer.settings import Settings


def export(
    *,
    tenant: Annotated[str | None, typer.Option(help="All sessions of this tenant.")] = None,
    session: Annotated[str | None, typer.Option(help="Only this session, of every tenant or of the given one.")] = None,
    file: Annotated[
        Path | None, typer.Option("--output", help="Write into this new file; without it, to standard output.")
    ] = None,
) -> None:
    """Write a tenant's or a session's events and packages as JSON lines that `load` takes back.

    The output holds no secrets: stored texts hold placeholders. It holds everything else of the sessions: protect it as
    you protect them.
    """
    if tenant is None and session is None:
        raise typer.BadParameter("say which: --tenant, --session, or both")
    from consumer.settings import read_settings

    with _opened(file) as sink:
        written = asyncio.run(_write(read_settings(), sink, tenant, session))
    if not written["sessions"]:
        raise Permanent("No such session is known. `escalation-consumer session list` shows those that are.")
    summary = f"{written['sessions']} sessions, {written['events']} events, {written['packages']} packages written."
    Console(stderr=True, highlight=False).print(summary)


async def _write(settings: "Settings", sink: TextIO, tenant: str | None, session: str | None) -> Counter[str]:
    from consumer.wiring.tables import open_export

    written: Counter[str] = Counter()
    with _bar() as bar:
        task = bar.add_task("", total=None)
        async with open_export(settings) as store:
            async for key in store.sessions(tenant=tenant, session=session):
                for line in await store.lines(key):
                    sink.write(_text(line))
                    written["packages" if line["topic"] == READY else "events"] += 1
                written["sessions"] += 1
                bar.update(task, description=f"{written['sessions']} sessions, {written['events']} events")
    return written


def _text(line: "ExportLine") -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


@contextlib.contextmanager
def _opened(file: Path | None) -> Iterator[TextIO]:
    if file is None:
        yield sys.stdout
        return
    try:
        with file.open("x", encoding="utf-8") as sink:
            try:
                yield sink
            except BaseException:
                file.unlink()  # half an export looks like a whole one, and would stand in the way of the next try
                raise
    except FileExistsError as error:
        raise Permanent(f"{file} is there already, and is not overwritten.") from error
    except OSError as error:
        raise Permanent(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise Permanent(f"{str(file)!r} is no name of a file") from error


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
