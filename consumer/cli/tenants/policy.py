"""`tenant`: sets a tenant's policy by an event, and shows the policies that hold."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli import output
from consumer.cli.options import Json
from schemas.tenants import DEFAULT_LANGUAGE, LANGUAGES, ModelAllowed
from schemas.topics import Topics

if TYPE_CHECKING:
    from consumer.adapters.postgres.operation.store_reader import TableRow

tenants = typer.Typer(help="What tenants want: model or none, language, budget, footer.", no_args_is_help=True)

_COLUMNS = ("tenant_id", "model", "language", "monthly_budget_usd", "spent_usd", "note_footer", "set_at", "stored_at")
TenantArgument = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")]


@tenants.command("set")
def set_policy(
    tenant: TenantArgument,
    *,
    model: Annotated[ModelAllowed, typer.Option(help="`off`: nothing of this tenant goes to any model.")] = (
        ModelAllowed.ON
    ),
    language: Annotated[
        str, typer.Option(help=f"BCP 47 tag of the packages' language; known: {', '.join(LANGUAGES)}.")
    ] = DEFAULT_LANGUAGE,
    budget: Annotated[
        float | None, typer.Option(help="Dollars that calls to models may cost in a calendar month (UTC).")
    ] = None,
    footer: Annotated[
        str | None,
        typer.Option(help="A line under each note; {package_id}, {session_id} and {request_id} are replaced."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the event and send nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Set the whole policy of a tenant: what is not given here goes back to its default."""
    data = {"model": model.value, "language": language, "monthly_budget_usd": budget, "note_footer": footer}
    from consumer.cli.transfer.lines import InputLine
    from consumer.cli.transfer.load import send_lines
    from consumer.settings import read_settings
    from consumer.wiring.policies import policy_event

    event = policy_event(tenant, data)
    settings = read_settings()
    if not dry_run:
        topic = Topics(settings.topic_prefix).policies
        asyncio.run(send_lines(iter([InputLine(topic, tenant, json.dumps(event).encode())]), settings))
    if as_json:
        output.as_json({"event": event, "sent": not dry_run})
    else:
        output.fields({"tenant": tenant, **data})
        output.say("Nothing was sent." if dry_run else "Sent. It holds within seconds; see `tenant show`.")


@tenants.command("show")
def show_policy(tenant: TenantArgument, *, as_json: Json = False) -> None:
    """Show the policy that holds for a tenant, and what was spent in this month."""
    rows = asyncio.run(_policies(tenant))
    if not rows:
        rows = [{"tenant_id": tenant, "model": "on", "language": DEFAULT_LANGUAGE, "set_at": None}]
    if as_json:
        output.as_json(dict(rows[0]))
    else:
        output.fields(rows[0])
        if rows[0]["set_at"] is None:
            output.say("No policy was set: these are the defaults.")


@tenants.command("list")
def list_policies(*, as_json: Json = False) -> None:
    """List the tenants that have a policy."""
    output.table(asyncio.run(_policies(None)), columns=_COLUMNS, empty="No tenant has a policy.", json_wanted=as_json)


async def _policies(tenant: str | None) -> "list[TableRow]":
    from consumer.settings import read_settings
    from consumer.wiring.tables import open_tenants

    async with open_tenants(read_settings()) as reader:
        return await reader.policies(tenant)
