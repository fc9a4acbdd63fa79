"""`package`, `dead-letters` and `outbox`: show packages, refused records, unpublished events."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from consumer.cli import output
from consumer.cli.inspection import revisions
from consumer.cli.inspection.narrowing import After, Session, Since, Ticket, Until, described, flat, list_page, only_one
from consumer.cli.inspection.show import Json, Limit, Tenant
from consumer.domain.events import Origin
from consumer.errors import Permanent
from consumer.flows.viewing.filters import DeadLetterFilter, LetterTrait, PackageFilter
from schemas.dead_letters import RefusalReason
from schemas.packages import Cause, PackageStatus

if TYPE_CHECKING:
    from consumer.adapters.postgres.operation.store_reader import StoreReader, TableRow
    from consumer.flows.viewing.packages import NoteView
    from consumer.flows.viewing.ports import Viewing

packages = typer.Typer(help="Look at packages.", no_args_is_help=True)
packages.command("diff")(revisions.diff_packages)
dead_letters = typer.Typer(
    help="Look at records that were refused; send them again or delete them.", no_args_is_help=True
)

T = TypeVar("T")


def _read(ask: "Callable[[StoreReader], Awaitable[T]]") -> T:
    from consumer.settings import read_settings
    from consumer.wiring.database import open_reader

    async def read() -> T:
        async with open_reader(read_settings()) as look:
            return await ask(look)

    return asyncio.run(read())


def _view(ask: "Callable[[Viewing], Awaitable[T]]") -> T:
    from consumer.settings import read_settings
    from consumer.wiring.tables import open_viewing

    async def read() -> T:
        async with open_viewing(read_settings()) as views:
            return await ask(views)

    return asyncio.run(read())


@packages.command("list")
def list_packages(
    *,
    tenant: Tenant = None,
    session: Session = None,
    request: Annotated[str | None, typer.Option(help="Only this request.")] = None,
    ticket: Ticket = None,
    status: Annotated[PackageStatus | None, typer.Option(help="Only this status.")] = None,
    cause: Annotated[Cause | None, typer.Option(help="Only this cause.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    after: After = None,
    as_json: Json = False,
) -> None:
    """List packages, the newest first; by ticket, those that were made for it."""
    wanted = PackageFilter(
        tenant=tenant, session=session, request=request, ticket=ticket, status=status, cause=cause, since=since,
        until=until,
    )  # fmt: skip
    list_page(
        _view(lambda views: views.packages(wanted, after=after, limit=limit)),
        wanted,
        noun="package",
        empty="No package has been made yet.",
        columns=(
            "package_id",
            "tenant_id",
            "session_id",
            "request_id",
            "revision",
            "status",
            "cause",
            "ticket",
            "created_at",
        ),
        as_json=as_json,
    )


@packages.command("show")
def show_package(
    package_id: Annotated[str, typer.Argument(help="The package's id, or its beginning, as `package list` shows it.")],
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the markdown unrendered.")] = False,
    as_json: Json = False,
) -> None:
    """Show a package as it was published, and the other revisions of its note."""
    from consumer.domain.package.cautions import say_warning

    if not re.fullmatch(r"[0-9a-fA-F-]+", package_id):
        raise typer.BadParameter(f"{package_id!r} is no id of a package: those are hexadecimal.")

    async def ask(views: "Viewing") -> "NoteView | None":
        return await views.note(only_one(package_id, await views.package_ids(package_id), noun="package"))

    note = _view(ask)
    if note is None:
        raise Permanent(f"No package {package_id} is known. `escalation-consumer package list` shows those that are.")
    data = json.loads(note.event)
    if as_json:
        output.as_json(data)
    elif markdown:
        output.say(data["markdown"].rstrip("\n"))
    else:
        output.say(f"{data['target_ticket_ref'] or 'no ticket'}  {data['marker']}  {data['status']}, {data['cause']}")
        for word in data["warnings"]:
            output.say(say_warning(word))
        output.markdown(data["markdown"])
        if len(note.revisions) > 1:
            output.heading("Revisions of this note")
            output.table(
                [flat(revision) for revision in note.revisions],
                columns=("revision", "package_id", "status", "cause", "state_version", "ticket", "created_at"),
                empty="None.",
            )


@dead_letters.command("list")
def list_dead_letters(
    *,
    reason: Annotated[RefusalReason | None, typer.Option(help="Only this reason.")] = None,
    topic: Annotated[str | None, typer.Option(help="Only this topic, by its full name with the prefix.")] = None,
    tenant: Tenant = None,
    session: Session = None,
    request: Annotated[str | None, typer.Option(help="Only records that name this request.")] = None,
    ticket: Ticket = None,
    since: Since = None,
    until: Until = None,
    by: Annotated[LetterTrait | None, typer.Option(help="Count them by this instead, with an example of each.")] = None,
    limit: Limit = 50,
    after: After = None,
    as_json: Json = False,
) -> None:
    """List refused records, the newest first, or count them. The originals stay in their topics.

    An unreadable record counts to the session that its key names; its tenant is not known.
    """
    wanted = DeadLetterFilter(
        reason=reason, topic=topic, tenant=tenant, session=session, request=request, ticket=ticket, since=since,
        until=until,
    )  # fmt: skip
    if by is not None:
        _show_counts(wanted, by, as_json=as_json)
        return
    list_page(
        _view(lambda views: views.dead_letters(wanted, after=after, limit=limit)),
        wanted,
        noun="dead letter",
        empty="No record has been refused.",
        columns=("topic", "partition", "offset", "reason", "source", "session_id", "request_id", "error", "failed_at"),
        as_json=as_json,
    )


def _show_counts(wanted: DeadLetterFilter, by: LetterTrait, *, as_json: bool) -> None:
    from consumer.flows.viewing.ports import MOST_COUNTED

    counts = _view(lambda views: views.dead_letter_counts(wanted, by))
    rows = [
        {
            by.value: count.value,
            "count": count.count,
            "oldest_at": count.oldest_at,
            "newest_at": count.newest_at,
            "example": count.example,
            "example_error": count.example_error,
        }
        for count in counts
    ]
    columns = (by.value, "count", "oldest_at", "newest_at", "example", "example_error")
    output.table(rows, columns=columns, empty=f"No dead letter matches: {described(wanted)}.", json_wanted=as_json)
    if not as_json and sum(count.count for count in counts) >= MOST_COUNTED:
        output.say(f"\nThese are the newest {MOST_COUNTED} alone: --until shows those before.")


@dead_letters.command("show")
def show_dead_letter(
    topic: Annotated[str, typer.Argument(help="The record's topic, with its prefix.")],
    partition: Annotated[int, typer.Argument(min=0, max=2**31 - 1)],
    offset: Annotated[int, typer.Argument(min=0, max=2**63 - 1)],
    *,
    as_json: Json = False,
) -> None:
    """Show why a record was refused, with its redacted excerpt."""
    letter = _view(lambda views: views.dead_letter(Origin(topic, partition, offset)))
    if letter is None:
        raise Permanent(f"No record at {topic} {partition} {offset} was refused.")
    if as_json:
        output.as_json(flat(letter))
    else:
        output.fields(flat(letter))


def show_outbox(*, limit: Limit = 50, as_json: Json = False) -> None:
    """Show the events that wait to be published, the oldest first, and which process publishes."""

    async def ask(look: "StoreReader") -> "tuple[list[TableRow], list[TableRow]]":
        return await look.outbox(limit=limit), await look.relays()

    waiting, relays = _read(ask)
    if as_json:
        output.as_json({"waiting": waiting, "relays": relays})
        return
    output.table(
        waiting,
        columns=("id", "position", "topic", "tenant_id", "session_id", "bytes", "created_at"),
        empty="Nothing waits to be published.",
    )
    output.heading("Relay")
    output.table(relays, columns=("name", "leads", "leader", "led_until", "position"), empty="None has led yet.")
