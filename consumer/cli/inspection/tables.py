"""`package`, `request`, `dead-letters` and `outbox`: show requests, packages, refused records, unpublished events."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from consumer.adapters.postgres.operation.store_reader import StoreReader, TableRow
from consumer.cli import output
from consumer.cli.inspection.show import Json, Limit, Tenant
from consumer.errors import Permanent
from consumer.settings import read_settings
from consumer.wiring.database import open_reader

Session = Annotated[str | None, typer.Option(help="Only this session.")]

packages = typer.Typer(help="Look at packages.", no_args_is_help=True)
requests = typer.Typer(help="Look at requests.", no_args_is_help=True)
dead_letters = typer.Typer(help="Look at records that were refused.", no_args_is_help=True)

T = TypeVar("T")


def _read(ask: Callable[[StoreReader], Awaitable[T]]) -> T:
    async def read() -> T:
        async with open_reader(read_settings()) as look:
            return await ask(look)

    return asyncio.run(read())


@packages.command("list")
def list_packages(*, tenant: Tenant = None, session: Session = None, limit: Limit = 50, as_json: Json = False) -> None:
    """List packages, the newest first."""
    output.table(
        _read(lambda look: look.packages(tenant=tenant, session=session, limit=limit)),
        columns=("package_id", "tenant_id", "session_id", "request_id", "revision", "status", "cause", "created_at"),
        empty="No package has been made yet.",
        json_wanted=as_json,
    )


@packages.command("show")
def show_package(
    package_id: Annotated[UUID, typer.Argument(help="The package's id, as `package list` shows it.")],
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the markdown unrendered.")] = False,
    as_json: Json = False,
) -> None:
    """Show a package as it was published."""
    event = _read(lambda look: look.package(package_id))
    if event is None:
        raise Permanent(f"No package {package_id} is known. `escalation-consumer package list` shows those that are.")
    data = json.loads(event)
    if as_json:
        output.as_json(data)
    elif markdown:
        output.say(data["markdown"].rstrip("\n"))
    else:
        output.say(f"{data['target_ticket_ref'] or 'no ticket'}  {data['marker']}  {data['status']}, {data['cause']}")
        output.markdown(data["markdown"])


@requests.command("list")
def list_requests(
    *,
    tenant: Tenant = None,
    session: Session = None,
    state: Annotated[
        str | None, typer.Option(help="Only this state: open, done, failed, cancelled or foreseen.")
    ] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List requests, the newest first."""
    output.table(
        _read(lambda look: look.requests(tenant=tenant, session=session, state=state, limit=limit)),
        columns=("tenant_id", "session_id", "request_id", "state", "revision", "stored_at", "deadline_at", "failure"),
        empty="No request has arrived yet.",
        json_wanted=as_json,
    )


@requests.command("show")
def show_request(
    request_id: Annotated[str, typer.Argument(help="The request's id.")],
    *,
    tenant: Tenant = None,
    session: Session = None,
    as_json: Json = False,
) -> None:
    """Show a request and its packages."""

    async def ask(look: StoreReader) -> tuple[list[TableRow], list[TableRow]]:
        requests = await look.requests(tenant=tenant, session=session, request=request_id)
        return requests, await look.packages(tenant=tenant, session=session, request=request_id)

    request_rows, package_rows = _read(ask)
    if not request_rows:
        raise Permanent(f"No request {request_id} is known. `escalation-consumer request list` shows those that are.")
    if as_json:
        output.as_json(
            [
                {**row, "packages": [package for package in package_rows if _belongs(package, row)]}
                for row in request_rows
            ]
        )
        return
    for row in request_rows:
        output.heading(f"{row['tenant_id']}/{row['session_id']}/{row['request_id']}")
        output.fields(row)
        output.heading("Packages")
        output.table(
            [package for package in package_rows if _belongs(package, row)],
            columns=("package_id", "revision", "status", "cause", "state_version", "created_at"),
            empty="None.",
        )


@dead_letters.command("list")
def list_dead_letters(
    *,
    reason: Annotated[
        str | None, typer.Option(help="Only this reason: undecodable, invalid, version_conflict or too_large.")
    ] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List refused records, the newest first. The originals stay in their topics."""
    output.table(
        _read(lambda look: look.dead_letters(reason=reason, limit=limit)),
        columns=("topic", "partition", "offset", "reason", "error", "failed_at"),
        empty="No record has been refused.",
        json_wanted=as_json,
    )


@dead_letters.command("show")
def show_dead_letter(
    topic: Annotated[str, typer.Argument(help="The record's topic, with its prefix.")],
    partition: Annotated[int, typer.Argument(min=0)],
    offset: Annotated[int, typer.Argument(min=0)],
    *,
    as_json: Json = False,
) -> None:
    """Show why a record was refused, with its redacted excerpt."""
    row = _read(lambda look: look.dead_letter(topic, partition, offset))
    if row is None:
        raise Permanent(f"No record at {topic} {partition} {offset} was refused.")
    if as_json:
        output.as_json(row)
    else:
        output.fields(row)


def show_outbox(*, limit: Limit = 50, as_json: Json = False) -> None:
    """Show the events that wait to be published, the oldest first, and which process publishes."""

    async def ask(look: StoreReader) -> tuple[list[TableRow], list[TableRow]]:
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


def _belongs(package: TableRow, request: TableRow) -> bool:
    return all(package[name] == request[name] for name in ("tenant_id", "session_id", "request_id"))
