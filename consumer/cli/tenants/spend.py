"""`spend`: what calls to models have cost, by tenant, model and day, and the packages that cost most."""

import asyncio
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli import output
from consumer.cli.options import Json, Limit, Tenant

if TYPE_CHECKING:
    from consumer.adapters.postgres.operation.store_reader import TableRow

_SUMS = ("provider", "model", "purpose", "calls", "usd", "input_tokens", "output_tokens", "cache_read_input_tokens")


def spend(
    *,
    tenant: Tenant = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day, in UTC; else the first of this month.")
    ] = None,
    by_day: Annotated[bool, typer.Option("--by-day", help="A line for each day.")] = False,
    dearest: Annotated[bool, typer.Option("--dearest", help="The packages that cost most, instead of sums.")] = False,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Show what calls to models have cost. Prices are those of the dated table, without discounts and surcharges."""
    first = datetime.now(UTC).date().replace(day=1) if since is None else since.date()
    rows = asyncio.run(_rows(tenant, first, by_day=by_day, dearest=dearest, limit=limit))
    if dearest:
        columns: tuple[str, ...] = ("tenant_id", "session_id", "drafted_for", "calls", "usd", "tokens_in", "tokens_out")
    else:
        columns = ("tenant_id", *(("day",) if by_day else ()), *_SUMS)
    shown = rows if as_json else [{**row, "usd": _dollars(row["usd"])} for row in rows]
    output.table(shown, columns=columns, empty=f"Nothing was paid for since {first}.", json_wanted=as_json)


def _dollars(usd: object) -> str:
    return "-" if usd is None else f"{float(str(usd)):.4f}"


async def _rows(tenant: str | None, since: date, *, by_day: bool, dearest: bool, limit: int) -> "list[TableRow]":
    from consumer.settings import read_settings
    from consumer.wiring.tables import open_tenants

    async with open_tenants(read_settings()) as reader:
        return await (reader.dearest(tenant, since, limit) if dearest else reader.spend(tenant, since, by_day=by_day))
