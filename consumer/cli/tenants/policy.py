"""`tenant`: sets a tenant's policy by an event, and shows the policies that hold."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consumer.cli import output
from consumer.cli.options import Json
from schemas.tenants import DEFAULT_LANGUAGE, LANGUAGES, ModelAllowed
from schemas.topics import Topics

if TYPE_CHECKING:
    from consumer.adapters.postgres.operation.store_reader import TableRow

tenants = typer.Typer(help="What tenants want: model or none, language, budget, footer.", no_args_is_help=True)

_DEFAULTS: Mapping[str, Any] = {
    "model": ModelAllowed.ON.value,
    "language": DEFAULT_LANGUAGE,
    "monthly_budget_usd": None,
    "note_footer": None,
}
_COLUMNS = ("tenant_id", "model", "language", "monthly_budget_usd", "spent_usd", "note_footer", "set_at", "stored_at")
TenantArgument = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")]


@tenants.command("set")
def set_policy(
    tenant: TenantArgument,
    *,
    model: Annotated[
        ModelAllowed | None, typer.Option(help="`off`: nothing of this tenant goes to any model; by default `on`.")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            help=f"BCP 47 tag of the packages' language; known: {', '.join(LANGUAGES)}; by default {DEFAULT_LANGUAGE}."
        ),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="Dollars that calls to models may cost in a calendar month (UTC).")
    ] = None,
    footer: Annotated[
        str | None,
        typer.Option(help="A line under each note; {package_id}, {session_id} and {request_id} are replaced."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Change only what is named here; the rest stays as it holds now.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the event and send nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Set the whole policy of a tenant: what is not given here goes back to its default, unless --keep is given.

    With --keep the policy that holds is read from the database. One that was sent a moment ago may not hold yet.
    """
    named = {"model": model and model.value, "language": language, "monthly_budget_usd": budget, "note_footer": footer}
    held = asyncio.run(_policies(tenant)) if keep else []
    data = dict(_DEFAULTS) | ({name: held[0][name] for name in _DEFAULTS} if held else {})
    data |= {name: value for name, value in named.items() if value is not None}
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
    policy: dict[str, Any] = dict(rows[0]) if rows else {"tenant_id": tenant, **_DEFAULTS, "set_at": None}
    if as_json:
        output.as_json(policy)
        return
    output.fields({name: value for name, value in policy.items() if name != "previous"})
    if policy["set_at"] is None:
        output.say("No policy was set: these are the defaults.")
        return
    output.say(f"It holds since {policy['stored_at']:%Y-%m-%d %H:%M:%SZ}; {_before(policy['previous'])}")


def _before(previous: Mapping[str, Any] | None) -> str:
    if previous is None:
        return "what held before is not known: it is the first that was set, or an earlier release stored it."
    budget = previous["monthly_budget_usd"]
    words = [
        f"model {previous['model']}",
        f"language {previous['language']}",
        "no budget" if budget is None else f"budget ${budget:g} a month",
        "no footer" if previous["note_footer"] is None else f"footer {previous['note_footer']!r}",
    ]
    set_at = datetime.fromisoformat(previous["set_at"]).astimezone(UTC)
    return f"before: {', '.join(words)}, set {set_at:%Y-%m-%d %H:%M:%SZ}."


@tenants.command("list")
def list_policies(*, as_json: Json = False) -> None:
    """List the tenants that have a policy."""
    output.table(asyncio.run(_policies(None)), columns=_COLUMNS, empty="No tenant has a policy.", json_wanted=as_json)


async def _policies(tenant: str | None) -> "list[TableRow]":
    from consumer.settings import read_settings
    from consumer.wiring.tables import open_tenants

    async with open_tenants(read_settings()) as reader:
        return await reader.policies(tenant)
