"""`feedback`: what became of packages, and those that nobody has posted."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli import output
from consumer.cli.options import Json, Limit, Tenant
from schemas.feedback import FeedbackOutcome

if TYPE_CHECKING:
    from consumer.adapters.postgres.operation.store_reader import TableRow
    from consumer.adapters.postgres.operation.tenant_reader import TenantReader

feedback = typer.Typer(help="What became of packages.", no_args_is_help=True)

_LIST = ("occurred_at", "tenant_id", "session_id", "package_id", "outcome", "edited_sections", "reason", "comment")
_COUNTS = ("packages", "posted", "accepted", "edited", "rejected", "failed", "silent")


class SummaryBy(StrEnum):
    """What a summary counts by."""

    ALL = "all"
    PROMPT = "prompt"
    MODEL = "model"
    PROVIDER = "provider"
    LANGUAGE = "language"
    TENANT = "tenant"


def _read(ask: "Callable[[TenantReader], Awaitable[list[TableRow]]]") -> "list[TableRow]":
    from consumer.settings import read_settings
    from consumer.wiring.tables import open_tenants

    async def read() -> "list[TableRow]":
        async with open_tenants(read_settings()) as reader:
            return await ask(reader)

    return asyncio.run(read())


@feedback.command("list")
def list_feedback(
    *,
    tenant: Tenant = None,
    outcome: Annotated[FeedbackOutcome | None, typer.Option(help="Only this outcome.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List feedback, the newest first."""
    output.table(
        _read(lambda reader: reader.feedback(tenant, outcome, limit)),
        columns=_LIST,
        empty="No feedback has come yet.",
        json_wanted=as_json,
    )


@feedback.command("summary")
def summarize(
    *,
    by: Annotated[SummaryBy, typer.Option(help="What to count by.")] = SummaryBy.ALL,
    tenant: Tenant = None,
    days: Annotated[float, typer.Option(min=0.01, max=36_500, help="Packages of so many days.")] = 30.0,
    as_json: Json = False,
) -> None:
    """Count what became of packages. A share is that of the packages somebody has judged."""
    rows = [_with_share(row) for row in _read(lambda reader: reader.summary(tenant, by, days))]
    output.table(
        rows, columns=("value", *_COUNTS, "taken_as_is"), empty="No package was made in this time.", json_wanted=as_json
    )


def _with_share(row: "TableRow") -> "TableRow":
    """The row with the share of judged packages that were taken as they are; nothing where nobody has judged."""
    judged = sum(int(str(row[name])) for name in ("accepted", "edited", "rejected"))
    share = None if judged == 0 else f"{round(100 * int(str(row['accepted'])) / judged)}% of {judged}"
    return {**row, "taken_as_is": share}


@feedback.command("unposted")
def list_unposted(
    *,
    minutes: Annotated[
        float | None,
        typer.Option(min=0, max=10_000_000, help="Packages that are older than this; else those that are alerted on."),
    ] = None,
    tenant: Tenant = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List packages of the last week with a ticket that nobody has told to be posted, the oldest first."""
    from consumer.flows.operation.budgets import UNPOSTED_MINUTES

    age = UNPOSTED_MINUTES if minutes is None else minutes
    output.table(
        _read(lambda reader: reader.unposted(tenant, age, limit)),
        columns=("created_at", "tenant_id", "session_id", "request_id", "revision", "package_id", "ticket"),
        empty="Every package was posted, or is younger than that.",
        json_wanted=as_json,
    )
